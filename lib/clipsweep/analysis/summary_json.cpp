#include "clipsweep/analysis/summary_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "clipsweep/analysis/conclusion_text.h"
#include "clipsweep/analysis/runs_csv.h"
#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/axes.h"
#include "clipsweep/experiment/task_table.h"
#include "clipsweep/records/record_members.h"

namespace clipsweep {
namespace {

constexpr const char* kSummarySchema = "clipsweep/summary-1";

Json to_json(const RunCounts& runs) {
  return {{"planned", runs.planned},       {"completed", runs.completed},
          {"diverged", runs.diverged},     {"stalled", runs.stalled},
          {"failed", runs.failed},         {"interrupted", runs.interrupted},
          {"unfinished", runs.unfinished}, {"damaged", runs.damaged}};
}

Json to_json(const DamagedRun& run) { return {{"run", run.id}, {"reason", run.reason}}; }

Json to_json(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return Json::array({json_number(interval->lower), json_number(interval->upper)});
}

Json to_json(const std::optional<Verdict>& verdict) {
  return verdict ? Json(to_text(*verdict)) : Json(nullptr);
}

Json to_json(const MetricSummary& metric) {
  return {{"n", metric.n},
          {"mean", json_optional(metric.mean)},
          {"sd", json_optional(metric.standard_deviation)},
          {"iqm", json_optional(metric.interquartile_mean)},
          {"min", json_optional(metric.min)},
          {"max", json_optional(metric.max)}};
}

Json to_json(const NormSummary& norms) {
  return {{"median", json_optional(norms.median)},
          {"p90", json_optional(norms.p90)},
          {"p99", json_optional(norms.p99)},
          {"max", json_optional(norms.max)}};
}

Json to_json(const std::optional<ShareOfRuns>& runs) {
  if (!runs) return nullptr;
  return {{"count", runs->count},
          {"share", json_number(runs->share)},
          {"interval", to_json(std::optional(runs->interval))}};
}

Json to_json(const MedianDuration& duration) {
  return {
      {"n", duration.n},
      {"reached", duration.happened},
      {"median", json_optional(duration.median)},
      {"interval", Json::array({json_optional(duration.lower), json_optional(duration.upper)})}};
}

// The runs by the phase in which they diverged, and the first and last step at which one did.
Json to_json(const DivergenceOrigin& origin) {
  Json json = Json::object();
  for (const auto& [phase, name] : kPhases) json[name] = origin.runs_in(phase);
  json["first_step"] = origin.first_step;
  json["last_step"] = origin.last_step;
  return json;
}

Json to_json(const ArmProbe& probe) {
  Json json = {{"step", probe.step},
               {"runs", probe.runs},
               {"noise_tail_index", to_json(probe.noise_tail_index)},
               {"norm_tail_index", to_json(probe.norm_tail_index)}};
  if (const auto& clipping = probe.clipping)
    json["clipping"] = {{"clipped_share", json_number(clipping->clipped_share)},
                        {"cosine", json_optional(clipping->cosine)},
                        {"length_ratio", json_optional(clipping->length_ratio)},
                        {"comparison_criterion", to_json(clipping->comparison)},
                        {"stability_criterion", to_json(clipping->stability)},
                        {"prediction", to_text(clipping->prediction)}};
  return json;
}

Json line_json(const LinearFit& fit) {
  return {{"points", fit.points},
          {"slope", json_optional(fit.slope())},
          {"intercept", json_optional(fit.intercept())},
          {"correlation", json_optional(fit.correlation())}};
}

Json to_json(const ArmSummary& arm) {
  Json json = {{"arm", arm.name}};
  add_json(json, arm.setup);
  json.update(clipsweep::to_json(arm.clip));
  json["learning_rate"] = json_number(arm.learning_rate);
  add_json(json, arm.regularization);
  if (arm.perturbed) json["perturbed"] = true;
  json["seeds"] = arm.seeds;
  json["completed"] = arm.completed;
  json["diverged"] = arm.diverged;
  json["stalled"] = arm.stalled;
  json["divergence"] = to_json(arm.divergence);
  if (arm.divergence_origin.total() > 0) json["diverged_in"] = to_json(arm.divergence_origin);
  json["reached_target"] = to_json(arm.reached_target);
  json["steps_to_target"] = to_json(arm.steps_to_target);
  if (arm.solved) json["solved"] = *arm.solved;
  if (arm.solved_at_end) json["solved_at_end"] = *arm.solved_at_end;
  if (arm.steps_to_solution) json["steps_to_solution"] = to_json(*arm.steps_to_solution);
  json["better_than_chance"] = value_or_null(arm.better_than_chance);
  json["usable"] = arm.usable;
  json["spikes"] = arm.spikes;
  json["skipped"] = arm.skipped;
  for (const auto& entry : kMetrics) json[entry.name] = to_json(arm.metrics[entry.metric]);
  if (arm.late_validation_accuracy)
    json["late_validation_accuracy"] = to_json(*arm.late_validation_accuracy);
  if (arm.bits_per_character) json["bits_per_character"] = to_json(*arm.bits_per_character);
  json["clipped_share"] = json_optional(arm.clipped_share);
  json["skipped_share"] = json_optional(arm.skipped_share);
  json["mean_cosine"] = json_optional(arm.mean_cosine);
  json["reading"] = arm.behaviour ? Json(to_text(*arm.behaviour)) : Json(nullptr);
  json["grad_norm_raw"] = to_json(arm.grad_norm_raw);
  if (arm.update_ratio) json["update_ratio"] = json_number(*arm.update_ratio);
  for (const auto& probe : arm.probes) json["probes"].push_back(to_json(probe));
  if (arm.smoothness.points > 0) json["smoothness"] = line_json(arm.smoothness);
  return json;
}

Json to_json(const RankComparison& ranks) {
  return {{"n", ranks.n},
          {"better", ranks.better},
          {"worse", ranks.worse},
          {"equal", ranks.equal},
          {"probability_of_improvement", json_optional(ranks.probability_of_improvement)},
          {"interval", to_json(ranks.interval)},
          {"p_value", json_optional(ranks.p_value)}};
}

Json to_json(const std::optional<PairsRange>& range) {
  return range ? Json::array({range->low, range->high}) : Json(nullptr);
}

Json to_json(const MetricDifference& difference) {
  return {
      {"n", difference.n},
      {"mean_difference", json_optional(difference.mean)},
      {"iqm_difference", json_optional(difference.interquartile_mean)},
      {"interval", to_json(difference.interval)},
      {"p_value", json_optional(difference.p_value)},
      {"better", difference.better},
      {"worse", difference.worse},
      {"equal", difference.equal},
      {"verdict", to_json(difference.verdict)},
      {"seeds_needed", difference.seeds_needed ? Json(*difference.seeds_needed) : Json(nullptr)},
      {"seeds_needed_range", to_json(difference.seeds_needed_range)},
      {"seeds_needed_for_mean", to_json(difference.seeds_needed_for_mean)},
      {"ranks", to_json(difference.ranks)}};
}

Json to_json(const PairedShares& shares) {
  return {{"n", shares.counts.n()},
          {"arm", shares.counts.first()},
          {"baseline", shares.counts.second()},
          {"both", shares.counts.both},
          {"difference", json_number(shares.difference)},
          {"interval", to_json(std::optional(shares.interval))},
          {"p_value", json_number(shares.p_value)}};
}

Json to_json(const CollapseComparison& collapses) {
  Json json = to_json(collapses.shares);
  json["others"] = {{"n", collapses.other_pairs},
                    {"mean_difference", json_optional(collapses.other_mean)},
                    {"iqm_difference", json_optional(collapses.other_interquartile_mean)}};
  return json;
}

Json to_json(const Comparison& comparison) {
  Json json = {{"arm", comparison.arm},
               {"baseline", comparison.baseline},
               {"verdict", to_json(comparison.verdict())},
               {"p_adjusted", json_optional(comparison.p_adjusted)}};
  for (const auto& entry : kMetrics) json[entry.name] = to_json(comparison.metrics[entry.metric]);
  json["spread"] = to_json(comparison.spread);
  if (comparison.collapses) json["collapses"] = to_json(*comparison.collapses);
  if (comparison.solved) json["solved"] = to_json(*comparison.solved);
  if (comparison.solved_at_end) json["solved_at_end"] = to_json(*comparison.solved_at_end);
  return json;
}

Json to_json(const ModeDifference& difference) {
  return {{"baseline", difference.baseline},
          {"n", difference.n},
          {"mean_difference", json_optional(difference.mean)},
          {"simultaneous_interval", to_json(difference.simultaneous_interval)},
          {"p_adjusted", json_optional(difference.p_adjusted)},
          {"verdict", to_json(difference.verdict)}};
}

Json to_json(const ModeSummary& mode) {
  Json rates = Json::array();
  for (const double rate : mode.usable_learning_rates) rates.push_back(json_number(rate));
  Json json = {{"mode", entry_of(mode.mode).name}};
  add_json(json, mode.setup);
  json["best_arm"] = mode.best_arm ? Json(*mode.best_arm) : Json(nullptr);
  json["usable_learning_rates"] = std::move(rates);
  if (mode.difference) json["late_test_accuracy"] = to_json(*mode.difference);
  return json;
}

Json to_json(const BestComparison& best) {
  Json json{{"arm", best.arm},
            {"baseline", best.baseline},
            {"late_test_accuracy", to_json(best.late_test_accuracy)},
            {"final_test_accuracy", to_json(best.final_test_accuracy)},
            {"simultaneous_interval", to_json(best.simultaneous_interval)},
            {"split_seed_mean", json_optional(best.split_seed_mean)},
            {"candidates", best.candidates},
            {"p_adjusted", json_optional(best.p_adjusted)},
            {"verdict", to_json(best.verdict)}};
  if (best.collapses) json["collapses"] = to_json(*best.collapses);
  if (best.solved_at_end) json["solved_at_end"] = to_json(*best.solved_at_end);
  return json;
}

Json to_json(const NoiseFloor& floor) {
  return {{"baseline", floor.baseline},
          {"arm", floor.arm},
          {"n", floor.n},
          {"median_absolute_difference", json_number(floor.median_absolute_difference)},
          {"max_absolute_difference", json_number(floor.max_absolute_difference)},
          {"sd", json_optional(floor.standard_deviation)}};
}

Json to_json(const WhatIfTable& table) {
  const WhatIfCounts& counts = table.counts;
  const auto share = [&](std::uint64_t acted) {
    return json_number(static_cast<double>(acted) / static_cast<double>(counts.steps));
  };
  Json rows = Json::array();
  for (std::size_t i = 0; i < kWhatIfThresholds.size(); ++i)
    rows.push_back({{"threshold", json_number(kWhatIfThresholds[i])},
                    {"value", share(counts.value[i])},
                    {"global_norm", share(counts.global_norm[i])},
                    {"tensor_norm", share(counts.tensor_norm[i])}});
  return {{"baseline", table.baseline}, {"steps", counts.steps}, {"acted", std::move(rows)}};
}

template <typename Item>
Json list_of(const std::vector<Item>& items) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(to_json(item));
  return list;
}

// Removes the folder from a message that begins with a path in it, so that the message does not
// depend on where the folder is.
std::string without_folder(const fs::path& folder, const std::string& message) {
  const std::string prefix = (folder / "").string();
  return message.compare(0, prefix.size(), prefix) == 0 ? message.substr(prefix.size()) : message;
}

const TaskEntry& known_task(const std::string& name) {
  const auto names = task_names();
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw DataError(fmt::format("sweep.json: settings.task is \"{}\", which is not one of {}",
                                printable(name), join(names)));
  return task_entry(name);
}

// The numbers behind verdicts and events, for programs that read the summary.
Json constants_json() {
  return {{"min_pairs", kMinPairsForInterval},
          {"min_pairs_for_verdict", kMinPairsForVerdict},
          {"judged_metric", entry_of(kJudgedMetric).name},
          {"late_evaluations", kLateEvaluations},
          {"collapse_margin", json_number(kCollapseMargin)},
          {"usable_margin", json_number(kUsableMargin)},
          {"significance_level", json_number(kSignificanceLevel)},
          {"min_skipped_of_stalled", kMinSkippedOfStalled},
          {"spike_factor", json_number(kSpikeFactor)},
          {"spike_window", kSpikeWindow}};
}

// ---- Summaries of earlier versions ----

// Nothing if `content` is not a summary of any version.
std::optional<Json> parse_summary(std::string_view content) {
  try {
    Json found = parse_json(content, "summary.json");
    if (found.is_object() && found.contains("answer")) return found;
  } catch (const DataError&) {
    // It is damaged, which another check says.
  }
  return std::nullopt;
}

// Whether it is of a version that judged the final accuracy.
bool judges_final_accuracy(const Json& summary) { return !summary.contains("test_samples"); }

// Versions that did not compare each mode with the best arm without clipping.
bool lacks_mode_differences(const Json& summary) {
  if (!summary.contains("modes") || !summary["modes"].is_array()) return false;
  const Json& modes = summary["modes"];
  return std::none_of(modes.begin(), modes.end(), [](const Json& mode) {
    return mode.is_object() && mode.contains("late_test_accuracy");
  });
}

void copy_members(Json& to, const Json& from, const std::vector<std::string>& keys) {
  for (const auto& key : keys)
    if (to.contains(key) && from.contains(key)) to[key] = from[key];
}

// Calls `copy` with each entry of a list and with the one at the same place in `page`. `found` is
// untrusted.
template <typename Copy>
void for_each_entry(const char* list, Json& found, const Json& page, const Copy& copy) {
  if (!found.contains(list) || !found[list].is_array()) return;
  for (std::size_t i = 0; i < found[list].size() && i < page[list].size(); ++i)
    copy(found[list][i], page[list][i]);
}

// What describes runs and does not depend on the version's statistics, taken from `page`. All else,
// such as intervals and verdicts, stays as a version that judged the final accuracy wrote it.
Json in_earlier_form(Json found, const Json& page) {
  copy_members(found, page, {"damaged_runs", "chance_accuracy", "target_accuracy", "what_if"});
  if (found.contains("runs"))
    for (const auto& [key, count] : page["runs"].items())
      copy_members(found["runs"], page["runs"], {key});
  for_each_entry("arms", found, page, [](Json& arm, const Json& now) {
    for (const auto& [key, value] : now.items())
      if (key != "usable" && key != "reading") copy_members(arm, now, {key});
  });
  for_each_entry("comparisons", found, page, [](Json& comparison, const Json& now) {
    for (const auto& entry : kMetrics)
      if (comparison.contains(entry.name))
        copy_members(
            comparison[entry.name], now[entry.name],
            {"n", "mean_difference", "iqm_difference", "better", "worse", "equal", "ranks"});
  });
  return found;
}

// The training settings that vary, with their values in the order of the plan.
Json axes_json(const Summary& summary) {
  Json axes = Json::array();
  if (summary.setups.empty()) return axes;
  for (const auto& setting : summary.setups.front().varied.values())
    axes.push_back({{"setting", setting.key}, {"values", Json::array()}});
  for (const auto& setup : summary.setups)
    for (std::size_t i = 0; i < std::min(axes.size(), setup.varied.values().size()); ++i) {
      Json& values = axes[i]["values"];
      const Json& value = setup.varied.values()[i].value;
      if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
    }
  return axes;
}

// One setup of several, with the chance level that its accuracies are compared with.
Json setup_json(const Setup& setup, const Summary& summary) {
  const MetricBasis& basis = summary.basis_of(setup);
  Json json = {{"setup", setup_name(setup, summary.setup_in_name())}};
  add_json(json, setup);
  json["chance_accuracy"] = json_number(basis.chance_accuracy);
  json["test_samples"] = value_or_null(basis.test_samples);
  json["target_accuracy"] = json_number(basis.target_accuracy);
  return json;
}

// Adds what distinguishes setups to each entry of these lists, if training settings vary.
void add_setups(Json& json, const Summary& summary) {
  const Json axes = axes_json(summary);
  if (axes.empty()) return;
  json["axes"] = axes;
  Json& setups = json["setups"] = Json::array();
  for (const auto& setup : summary.setups) setups.push_back(setup_json(setup, summary));
  std::map<std::string, const Setup*> setup_of_arm;
  for (const auto& arm : summary.arms) setup_of_arm[arm.name] = &arm.setup;
  const auto name = [&](Json& entry, const Setup& setup) {
    entry["setup"] = setup_name(setup, summary.setup_in_name());
    add_json(entry, setup);
  };
  for (const auto& [list, key] :
       {std::pair("arms", "arm"), std::pair("comparisons", "arm"), std::pair("best", "arm"),
        std::pair("noise_floor", "arm"), std::pair("what_if", "baseline")})
    for (Json& entry : json[list]) name(entry, *setup_of_arm.at(entry[key].get<std::string>()));
  for (std::size_t i = 0; i < summary.modes.size(); ++i)
    name(json["modes"][i], summary.modes[i].setup);
}

// What only some sweeps have: a validation set, text.
void add_optional_levels(Json& json, const MetricBasis& basis) {
  if (basis.validation)
    json["validation"] = {{"samples", basis.validation->samples},
                          {"chance_accuracy", json_number(basis.validation->chance_accuracy)}};
  if (basis.symbol_entropy)
    json["chance_bits_per_character"] = json_number(*basis.symbol_entropy / kNatsPerBit);
  if (basis.entropy_rate)
    json["least_bits_per_character"] = json_number(*basis.entropy_rate / kNatsPerBit);
}

}  // namespace

Json to_json(const Summary& summary) {
  const Answer answer = answer_of(summary);
  Json json = {{"schema", kSummarySchema},
               {"answer", Json::array({answer.does_it_help, answer.where, answer.what_to_use})},
               {"runs", to_json(summary.runs)},
               {"damaged_runs", list_of(summary.damaged)},
               {"chance_accuracy", json_number(summary.basis.chance_accuracy)},
               {"test_samples", value_or_null(summary.basis.test_samples)},
               {"target_accuracy", json_number(summary.basis.target_accuracy)},
               {"constants", constants_json()},
               {"best", list_of(summary.best)},
               {"modes", list_of(summary.modes)},
               {"noise_floor", list_of(summary.noise_floor)},
               {"arms", list_of(summary.arms)},
               {"comparisons", list_of(summary.comparisons)},
               {"what_if", list_of(summary.what_if)}};
  add_optional_levels(json, summary.basis);
  add_setups(json, summary);
  return json;
}

std::string summary_page(const Summary& summary) { return to_page(to_json(summary)) + "\n"; }

std::string summary_page_like(std::string_view content, const Summary& summary) {
  Json page = to_json(summary);
  if (const auto found = parse_summary(content)) {
    if (lacks_mode_differences(*found))
      for (Json& mode : page["modes"]) mode.erase("late_test_accuracy");
    if (judges_final_accuracy(*found)) page = in_earlier_form(*found, page);
  }
  return to_page(page) + "\n";
}

MetricBasis metric_basis_like(std::string_view content, MetricBasis basis) {
  const auto found = parse_summary(content);
  if (found && judges_final_accuracy(*found) && found->contains("chance_accuracy") &&
      (*found)["chance_accuracy"].is_number())
    basis.chance_accuracy = (*found)["chance_accuracy"].get<double>();
  return basis;
}

namespace {

// settings: those of one setup; data: its member of that name in sweep.json, an object.
MetricBasis metric_basis_of(const Json& settings, const Json& data) {
  MetricBasis basis;
  basis.steps_per_epoch = count_member(settings, "steps_per_epoch");
  if (settings.contains("task")) {
    const std::string name = string_member(settings, "task");
    const TaskEntry& task = known_task(name);
    basis.chance_accuracy = task.chance_accuracy;
    basis.target_accuracy = task.target_accuracy;
    basis.solved_accuracy = task.solved_accuracy;
    basis.has_data_set = !task.is_generated();
  }
  // Missing in sweeps of earlier versions.
  if (data.contains("chance_accuracy")) {
    basis.chance_accuracy = finite_member(data, "chance_accuracy");
    basis.test_samples = count_member(data, "test_samples");
  }
  if (data.contains("validation_samples"))
    basis.validation = ValidationBasis{finite_member(data, "validation_chance_accuracy"),
                                       count_member(data, "validation_samples")};
  if (data.contains("symbol_entropy")) {
    basis.symbol_entropy = finite_member(data, "symbol_entropy");
    if (data.contains("entropy_rate")) basis.entropy_rate = finite_member(data, "entropy_rate");
  }
  if (settings.contains("target_accuracy"))
    basis.target_accuracy = number_member(settings, "target_accuracy");
  return basis;
}

// The settings of one setup: for each that varies, its value. If the task varies, so does the
// target accuracy, unless the user gave one.
Json settings_of_setup(const SweepFolder& sweep, const VariedSettings& varied) {
  Json settings = member(sweep.sweep, "settings");
  for (const auto& setting : varied.values()) {
    settings[setting.key] = setting.value;
    const Json origins = sweep.sweep.value("origins", Json::object());
    if (setting.key == "task" && origins.value("target_accuracy", "") == "default")
      settings.erase("target_accuracy");
  }
  return settings;
}

}  // namespace

MetricBasis metric_basis_of(const SweepFolder& sweep) {
  // "data" is that of the first setup.
  const Json setups = sweep.sweep.value("setups", Json::array());
  const VariedSettings varied =
      setups.empty() ? VariedSettings() : varied_settings_from_json(setups.front());
  return metric_basis_of(settings_of_setup(sweep, varied),
                         sweep.sweep.value("data", Json::object()));
}

std::map<std::string, MetricBasis> setup_bases_of(const SweepFolder& sweep) {
  std::map<std::string, MetricBasis> bases;
  if (!sweep.sweep.contains("setups")) return bases;
  for (const auto& setup : list_member(sweep.sweep, "setups")) {
    const VariedSettings varied = varied_settings_from_json(setup);
    bases[varied.slug()] = metric_basis_of(settings_of_setup(sweep, varied), member(setup, "data"));
  }
  return bases;
}

SweepRuns read_runs(const SweepFolder& sweep) {
  SweepRuns runs{sweep.runs, {}, {}, metric_basis_of(sweep), setup_bases_of(sweep)};
  for (const auto& run : sweep.runs) {
    try {
      runs.records.push_back(read_run(sweep, run));
    } catch (const DataError& error) {
      runs.records.emplace_back();
      runs.damaged.push_back({run.id, without_folder(sweep.folder, error.what())});
    }
  }
  return runs;
}

Summary rebuild_summary(const SweepFolder& sweep) {
  // If two processes finish together, the later one sees all runs.
  const FolderLock lock(sweep.folder);
  const SweepRuns runs = read_runs(sweep);
  const Summary summary = summarize(runs);
  write_file(runs_csv_path(sweep.folder), runs_csv(runs));
  write_file(summary_path(sweep.folder), summary_page(summary));
  return summary;
}

}  // namespace clipsweep
