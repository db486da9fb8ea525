#include "clipsweep/merging/merged_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/axes.h"
#include "clipsweep/records/sweep_manifest.h"

namespace clipsweep {
namespace {

using Plans = std::vector<std::vector<RunSpec>>;
using RunsById = std::map<std::string, const RunSpec*>;

RunsById all_runs(const Plans& plans) {
  RunsById all;
  for (const auto& plan : plans)
    for (const auto& run : plan) {
      const RunSpec& known = *all.emplace(run.id, &run).first->second;
      if (to_json(known) != to_json(run))
        throw DataError(
            fmt::format("two folders have a run {} with other settings; clipsweep validate DIR "
                        "says which of them is corrupt",
                        run.id));
    }
  return all;
}

// The items of the sequences that have `count` items, if they are the same sequence.
template <typename Item>
std::optional<std::vector<Item>> agreed_order(const std::vector<std::vector<Item>>& sequences,
                                              std::size_t count) {
  std::optional<std::vector<Item>> agreed;
  for (const auto& sequence : sequences) {
    if (sequence.size() != count) continue;
    if (agreed && *agreed != sequence) return std::nullopt;
    agreed = sequence;
  }
  return agreed;
}

// The place of each value of an axis. `value_of` returns a run's value, by which it can be sorted.
template <typename ValueOf>
auto places_on_axis(const Plans& plans, const ValueOf& value_of) {
  using Value = decltype(value_of(plans.front().front()));
  std::set<Value> all;
  std::vector<std::vector<Value>> sequences;
  for (const auto& plan : plans) {
    std::set<Value> seen;
    sequences.emplace_back();
    for (const auto& run : plan)
      if (Value value = value_of(run); seen.insert(value).second) sequences.back().push_back(value);
    all.insert(seen.begin(), seen.end());
  }
  const auto order =
      agreed_order(sequences, all.size()).value_or(std::vector<Value>(all.begin(), all.end()));
  std::map<Value, std::size_t> places;
  for (const auto& value : order) places.emplace(value, places.size());
  return places;
}

// ---- The axes of a grid, from the slowest to the fastest ----------------------------------------

// Numbers in their order, texts in theirs.
auto varied_value(const RunSpec& run) {
  std::vector<std::pair<double, std::string>> values;
  for (const auto& setting : run.setup.varied.values()) {
    const std::string text = text_of_value(setting.value);
    values.emplace_back(parse_number(text.substr(0, text.find('-', 1))).value_or(0), text);
  }
  return values;
}

auto cell_value(const RunSpec& run) { return std::tuple(run.setup.cell, to_text(run.setup.init)); }

auto clip_value(const RunSpec& run) {
  return std::tuple(run.clip.mode, run.clip.threshold, to_line(to_json(run.clip)));
}

double rate_value(const RunSpec& run) { return run.learning_rate; }

auto regularization_value(const RunSpec& run) {
  const auto& [weight_decay, decoupled_weight_decay, l1] = run.regularization;
  return std::tuple(weight_decay, decoupled_weight_decay, l1);
}

std::uint64_t seed_value(const RunSpec& run) { return run.seed; }

std::vector<RunSpec> in_order_of_a_grid(const Plans& plans, const RunsById& all) {
  const auto varied = places_on_axis(plans, varied_value);
  const auto cells = places_on_axis(plans, cell_value);
  const auto clips = places_on_axis(plans, clip_value);
  const auto rates = places_on_axis(plans, rate_value);
  const auto regularizations = places_on_axis(plans, regularization_value);
  const auto seeds = places_on_axis(plans, seed_value);
  const auto place_of = [&](const RunSpec& run) {
    return std::tuple(run.perturbed, varied.at(varied_value(run)), cells.at(cell_value(run)),
                      clips.at(clip_value(run)), rates.at(rate_value(run)),
                      regularizations.at(regularization_value(run)), seeds.at(seed_value(run)));
  };
  std::vector<std::pair<decltype(place_of(*all.begin()->second)), const RunSpec*>> sorted;
  for (const auto& [id, run] : all) sorted.emplace_back(place_of(*run), run);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<RunSpec> runs;
  for (const auto& [place, run] : sorted) runs.push_back(*run);
  return runs;
}

// ---- sweep.json ---------------------------------------------------------------------------------

std::string names_or_none(const std::vector<std::string>& names) {
  return names.empty() ? "none" : join(names);
}

void require_same_sweep(const SweepFolder& first, const SweepFolder& other) {
  std::string difference = first_difference(first.sweep, other.sweep);
  if (difference.empty() && axis_keys(first.sweep) != axis_keys(other.sweep))
    difference =
        fmt::format("training settings that vary there: {}, here: {}",
                    names_or_none(axis_keys(first.sweep)), names_or_none(axis_keys(other.sweep)));
  if (difference.empty()) return;
  throw ConfigError(
      fmt::format("{} holds another sweep than {} ({}); only folders of the same settings and "
                  "data can be merged",
                  first.folder.string(), other.folder.string(), difference));
}

// The one whose settings the merged folder has.
const SweepFolder& largest(const std::vector<SweepFolder>& folders) {
  return *std::min_element(folders.begin(), folders.end(), [](const auto& a, const auto& b) {
    if (a.runs.size() != b.runs.size()) return a.runs.size() > b.runs.size();
    return sweep_sha256(a.sweep) < sweep_sha256(b.sweep);
  });
}

// When a call began, as text that sorts by time; and the whole call.
std::pair<std::string, std::string> time_of(const Json& call) {
  const bool has_time = call.is_object() && call.contains("wall_started");
  return {has_time ? call["wall_started"].dump() : "", to_line(call)};
}

std::vector<Json> all_calls(const std::vector<SweepFolder>& folders) {
  std::map<std::pair<std::string, std::string>, Json> calls;
  for (const auto& folder : folders)
    for (const auto& call : folder.sweep.value("calls", Json::array()))
      calls.emplace(time_of(call), call);
  std::vector<Json> sorted;
  for (const auto& [time, call] : calls) sorted.push_back(call);
  return sorted;
}

// What the latest call says of itself; without calls, the latest preparation of a folder.
Json latest_provenance(const std::vector<SweepFolder>& folders, const std::vector<Json>& calls) {
  Json latest = calls.empty() ? folders.front().sweep : calls.back();
  if (calls.empty())
    for (const auto& folder : folders)
      if (time_of(latest) < time_of(folder.sweep)) latest = folder.sweep;
  return latest;
}

// No other member of a call, which is untrusted, gets into the sweep.
void add_provenance(Json& sweep, const Json& call) {
  if (!call.is_object()) return;
  for (const auto& [key, value] : call.items())
    if (key == "software" || key == "machine" || key == "command" || key.rfind("wall_", 0) == 0)
      sweep[key] = value;
}

// Runs that were dropped from the plan of one folder and that no plan has.
Json dropped_runs_json(const std::vector<SweepFolder>& folders, const std::vector<RunSpec>& runs) {
  std::set<std::string> planned;
  for (const auto& run : runs) planned.insert(run.id);
  Plans dropped;
  for (const auto& folder : folders) dropped.push_back(folder.dropped);
  Json json = Json::array();
  for (const auto& run : merged_runs(dropped))
    if (planned.count(run.id) == 0) json.push_back(to_json(run));
  return json;
}

}  // namespace

std::vector<RunSpec> merged_runs(const Plans& plans) {
  const RunsById all = all_runs(plans);
  if (all.empty()) return {};
  std::vector<std::vector<std::string>> sequences;
  for (const auto& plan : plans) {
    sequences.emplace_back();
    for (const auto& run : plan) sequences.back().push_back(run.id);
  }
  const auto order = agreed_order(sequences, all.size());
  if (!order) return in_order_of_a_grid(plans, all);
  std::vector<RunSpec> runs;
  for (const auto& id : *order) runs.push_back(*all.at(id));
  return runs;
}

Json merged_sweep_json(const std::vector<SweepFolder>& folders) {
  require(!folders.empty(), "merged_sweep_json: at least one folder");
  for (const auto& folder : folders) require_same_sweep(folders.front(), folder);
  Plans plans;
  for (const auto& folder : folders) plans.push_back(folder.runs);
  const std::vector<RunSpec> runs = merged_runs(plans);
  Json sweep = without_provenance(largest(folders).sweep);
  for (const auto& folder : folders) unite_axes(sweep, folder.sweep);
  sweep["runs"] = Json::array();
  for (const auto& run : runs) sweep["runs"].push_back(to_json(run));
  sweep.erase("dropped_runs");
  if (Json dropped = dropped_runs_json(folders, runs); !dropped.empty())
    sweep["dropped_runs"] = std::move(dropped);
  const auto calls = all_calls(folders);
  sweep["calls"] = calls;
  add_provenance(sweep, latest_provenance(folders, calls));
  return sweep;
}

}  // namespace clipsweep
