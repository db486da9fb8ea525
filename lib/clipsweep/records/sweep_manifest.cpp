#include "clipsweep/records/sweep_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/axes.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/io/links.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/io/system_calls.h"

namespace clipsweep {
namespace {

constexpr const char* kAdvice =
    "choose another --out, or give the settings that the folder was made with";

[[noreturn]] void throw_other_sweep(const fs::path& folder, const std::string& difference) {
  throw ConfigError(fmt::format("{}: this folder holds another sweep ({}); {}", folder.string(),
                                difference, kAdvice));
}

void check_settings(const fs::path& folder, const Json& old_sweep, const Json& new_sweep) {
  const std::string difference = first_difference(old_sweep, new_sweep);
  if (!difference.empty()) throw_other_sweep(folder, difference);
}

// The value or values of a setting, as a list.
Json values_of(const Json& value) { return value.is_array() ? value : Json::array({value}); }

bool is_in(const Json& list, const Json& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool have_common_value(const Json& value, const Json& other) {
  const Json values = values_of(value);
  return std::any_of(values.begin(), values.end(),
                     [&](const Json& each) { return is_in(values_of(other), each); });
}

// The SHA-256 of the data by the settings that vary.
std::map<std::string, std::string> hashes_by_setup(const Json& sweep) {
  std::map<std::string, std::string> hashes;
  if (!sweep.contains("setups")) return {{"", string_member(member(sweep, "data"), "sha256")}};
  for (const auto& setup : list_member(sweep, "setups"))
    hashes[varied_settings_from_json(setup).slug()] =
        string_member(member(setup, "data"), "sha256");
  return hashes;
}

// Where only one of them has setups, their tasks may differ, which their runs show.
bool have_same_data(const Json& first, const Json& second) {
  const auto hashes = hashes_by_setup(first);
  for (const auto& [setup, hash] : hashes_by_setup(second))
    if (const auto found = hashes.find(setup); found != hashes.end() && found->second != hash)
      return false;
  return true;
}

std::vector<std::string> varied_keys(const VariedSettings& varied) {
  std::vector<std::string> keys;
  for (const auto& setting : varied.values()) keys.push_back(setting.key);
  return keys;
}

// The same run, with values of all settings that vary, in the order of the table. `settings` are
// those of a sweep in which a setting that the run lacks has one value.
Json with_settings(const Json& run, const std::vector<std::string>& keys, const Json& settings) {
  Json object = run;
  for (const auto& key : keys)
    if (!run.contains(key)) object[key] = value_in(settings, key);
  return object;
}

RunSpec run_with_settings(const RunSpec& run, const std::vector<std::string>& keys,
                          const Json& settings) {
  return run_spec_from_json(with_settings(to_json(run), keys, settings));
}

// All runs with values of all settings that vary.
Json with_settings_of_all(const Json& runs, const std::vector<std::string>& keys,
                          const Json& settings) {
  Json all = Json::array();
  for (const auto& run : runs)
    all.push_back(to_json(run_spec_from_json(with_settings(run, keys, settings))));
  return all;
}

// Each combination of the settings that vary, with its data.
Json setups_with(const Json& sweep, const std::vector<std::string>& keys) {
  Json setups = Json::array();
  if (!sweep.contains("setups"))
    setups.push_back(with_settings({{"data", sweep["data"]}}, keys, sweep["settings"]));
  else
    for (const auto& setup : sweep["setups"])
      setups.push_back(with_settings(setup, keys, sweep["settings"]));
  Json ordered = Json::array();
  for (const auto& setup : setups) {
    Json object = Json::object();
    add_json(object, Setup({}, varied_settings_from_json(setup)));
    object["data"] = setup["data"];
    ordered.push_back(std::move(object));
  }
  return ordered;
}

// Whether a run must stay in the plan although the new plan lacks it: it has finished, its run.json
// is damaged, which only the user can judge, or another process is training it.
bool must_stay(const SweepFolder& found, const RunSpec& run, FileLocks locks) try {
  const auto record = read_run(found, run);
  if (record && reached_outcome(*record)) return true;
  return is_there(steps_path(found.folder, run.id)) && !claim_run(found.folder, run.id, locks);
} catch (const UnreadableError&) {
  throw;
} catch (const DataError&) {
  return true;
}

// A plan that shares no run with the folder is another sweep, given by mistake.
void check_shares_runs(const SweepFolder& found, const std::set<std::string>& planned) {
  const auto is_planned = [&](const RunSpec& run) { return planned.count(run.id) > 0; };
  if (found.runs.empty() || std::any_of(found.runs.begin(), found.runs.end(), is_planned)) return;
  throw_other_sweep(found.folder, fmt::format("none of its {} is in this plan",
                                              counted(found.runs.size(), "run")));
}

// Adds to a new sweep.json the runs of the folder that it lacks: finished ones stay in the plan,
// all others are dropped from it. `prepared` gets what became of them.
void merge_runs(const SweepFolder& found, Json& sweep, PreparedFolder& prepared) {
  std::set<std::string> planned;
  for (const auto& run : sweep["runs"]) planned.insert(run["id"].get<std::string>());
  check_shares_runs(found, planned);
  std::vector<RunSpec> others = found.runs;
  const auto keys = axis_keys(sweep);
  for (auto& run : others) run = run_with_settings(run, keys, found.sweep["settings"]);
  others.insert(others.end(), found.dropped.begin(), found.dropped.end());
  Json dropped = Json::array();
  for (std::size_t i = 0; i < others.size(); ++i) {
    const RunSpec& run = others[i];
    if (!planned.insert(run.id).second) continue;
    if (must_stay(found, run, prepared.locks())) {
      sweep["runs"].push_back(to_json(run));
      ++prepared.kept;
      continue;
    }
    dropped.push_back(to_json(run));
    if (i < found.runs.size()) prepared.dropped.push_back(run.id);
  }
  if (!dropped.empty()) sweep["dropped_runs"] = std::move(dropped);
}

// Whether a sweep.json already says what the new one would say of the plan and its chance level.
bool says_the_same(const SweepFolder& found, const Json& sweep) {
  std::set<std::string> before;
  std::set<std::string> now;
  for (const auto& run : found.runs) before.insert(run.id);
  for (const auto& run : sweep["runs"]) now.insert(run["id"].get<std::string>());
  return before == now && found.sweep["data"].contains("chance_accuracy") &&
         found.dropped.size() == sweep.value("dropped_runs", Json::array()).size();
}

// What the data are. Members that only some data have come last.
Json data_json(const ExperimentConfig& config, const DataChecksum& data, const ChanceLevel& chance,
               const std::optional<ChanceLevel>& validation) {
  Json files = Json::object();
  for (const auto& [name, sha256] : data.files) files[name] = sha256;
  Json json = {{"folder", config.data_folder},
               {"sha256", data.sha256},
               {"files", std::move(files)},
               {"test_samples", chance.samples},
               {"chance_accuracy", json_number(chance.accuracy)}};
  if (chance.symbol_entropy) json["symbol_entropy"] = json_number(*chance.symbol_entropy);
  if (validation) {
    json["validation_samples"] = validation->samples;
    json["validation_chance_accuracy"] = json_number(validation->accuracy);
  }
  if (!data.classes.is_null()) json["classes"] = data.classes;
  if (data.pixel_divisor) json["pixel_divisor"] = json_number(*data.pixel_divisor);
  if (data.entropy_rate) json["entropy_rate"] = json_number(*data.entropy_rate);
  return json;
}

// The value of a setting; sweeps of earlier versions lack some, and measured no smoothness.
std::optional<Json> setting_in(const Json& settings, const std::string& key) {
  if (settings.contains(key)) return settings[key];
  return key == "smoothness_every" ? std::optional<Json>(0) : std::nullopt;
}

// Nothing is below a file: link_status finds nothing there, where is_there would throw.
bool is_found(const fs::path& folder) {
  return link_status(folder).type() != fs::file_type::not_found && is_there(folder);
}

bool holds_sweep(const fs::path& folder) {
  return is_found(folder) && is_there(sweep_path(folder));
}

}  // namespace

Json to_json(const Provenance& provenance) {
  return {{"software", provenance.software}, {"machine", provenance.machine},
          {"command", provenance.command},   {"wall_started", provenance.wall_started},
          {"wall_seconds", nullptr},         {"wall_run_steps_per_second", nullptr}};
}

Json sweep_json(const ExperimentConfig& config, const SweepPlan& plan, const DataChecksum& data,
                const ChanceLevel& chance, const Provenance& provenance,
                const std::optional<ChanceLevel>& validation) {
  return sweep_json(config, plan, {{{}, data, chance, validation}}, provenance);
}

std::vector<SetupData> data_of_setups(const SweepPlan& plan, const SweepTasks& tasks,
                                      const DataChecksums& data) {
  const SetupTasks by_setup = tasks.tasks();
  std::map<const Task*, std::pair<ChanceLevel, std::optional<ChanceLevel>>> chances;
  std::set<std::string> seen;
  std::vector<SetupData> setups;
  for (const auto& run : plan.runs) {
    if (!seen.insert(run.setup.varied.slug()).second) continue;
    const Task& task = by_setup.of(run.setup);
    auto chance = chances.find(&task);
    if (chance == chances.end())
      chance = chances.emplace(&task, std::pair(chance_level(task), validation_chance_level(task)))
                   .first;
    const std::string& name = training_of(plan, run.setup).training.task;
    setups.push_back(
        {{{}, run.setup.varied}, data.at(name), chance->second.first, chance->second.second});
  }
  return setups;
}

Json sweep_json(const ExperimentConfig& config, const SweepPlan& plan,
                const std::vector<SetupData>& data, const Provenance& provenance) {
  const SetupData& first = data.front();
  Json sweep = {{"schema", kSweepSchema},
                {"settings", settings_json(config)},
                {"origins", origins_json(config)},
                {"log_every", plan.log_every},
                {"step_columns", step_columns_json()},
                {"data", data_json(config, first.data, first.chance, first.validation)},
                {"runs", runs_json(plan)},
                {"calls", Json::array()}};
  if (!config.axes.empty()) {
    Json& setups = sweep["setups"] = Json::array();
    for (const auto& [setup, checksum, chance, validation] : data) {
      Json& json = setups.emplace_back(Json::object());
      add_json(json, setup);
      json["data"] = data_json(config, checksum, chance, validation);
    }
  }
  sweep.update(to_json(provenance));
  return sweep;
}

Json without_provenance(Json sweep) {
  std::vector<std::string> left_out = {"software", "machine", "command", "calls", "sha256"};
  for (const auto& item : sweep.items())
    if (item.key().rfind("wall_", 0) == 0) left_out.push_back(item.key());
  for (const auto& key : left_out) sweep.erase(key);
  return sweep;
}

std::string sweep_sha256(const Json& sweep) {
  return sha256_of(to_line(without_provenance(sweep)));
}

std::string first_difference(const Json& first, const Json& second) {
  const Json& settings = member(first, "settings");
  const Json& others = member(second, "settings");
  for (const auto& setting : setting_table()) {
    const bool decides = setting.group == SettingGroup::kTraining || setting.key == "log_every" ||
                         setting.key == "through_time_every" || setting.key == "smoothness_every" ||
                         setting.key == "probe_at" || setting.key == "probe_batches";
    const auto value = setting_in(settings, setting.key);
    const auto other = setting_in(others, setting.key);
    if (!decides || !value || !other) continue;
    const bool fits = setting.may_be_list ? have_common_value(*value, *other) : *value == *other;
    if (!fits)
      return fmt::format("its {} is {}, not {}", setting.key, value->dump(), other->dump());
  }
  return have_same_data(first, second) ? "" : "its data differ";
}

std::vector<std::string> axis_keys(const Json& sweep) {
  if (!sweep.contains("setups") || !sweep["setups"].is_array() || sweep["setups"].empty())
    return {};
  return varied_keys(varied_settings_from_json(sweep["setups"].front()));
}

void unite_axes(Json& sweep, const Json& other) {
  std::set<std::string> all;
  for (const Json* each : {&std::as_const(sweep), &other})
    for (const auto& key : axis_keys(*each)) all.insert(key);
  if (all.empty()) return;
  const std::vector<std::string> keys(all.begin(), all.end());
  sweep["runs"] = with_settings_of_all(sweep["runs"], keys, sweep["settings"]);
  Json setups = setups_with(sweep, keys);
  std::set<std::string> known;
  for (const auto& setup : setups) known.insert(varied_settings_from_json(setup).slug());
  for (auto& setup : setups_with(other, keys))
    if (known.insert(varied_settings_from_json(setup).slug()).second)
      setups.push_back(std::move(setup));
  sweep["setups"] = std::move(setups);
  for (const auto& key : keys) {
    Json values = values_of(sweep["settings"][key]);
    for (const auto& value : values_of(value_in(other["settings"], key)))
      if (!is_in(values, value)) values.push_back(value);
    sweep["settings"][key] = values.size() == 1 ? values.front() : values;
  }
}

void check_ownership(const fs::path& folder) try {
  if (folder.empty()) throw ConfigError("--out \"\": must name a folder");
  if (!is_found(folder)) return;
  if (!is_folder(folder))
    throw ConfigError(fmt::format("--out {}: this is a file; name a folder", folder.string()));
  if (is_there(sweep_path(folder))) return;
  for (const auto& path : paths_in(folder)) {
    const std::string name = path.filename().string();
    // A sweep was killed while it wrote this file, or another process is writing it at this moment.
    const bool is_temporary = path.extension() == ".tmp" && name.rfind("sweep.json.", 0) == 0;
    const bool ours = name == ".lock" || is_temporary ||
                      (name == "runs" && is_folder(path) && paths_in(path).empty()) ||
                      is_there(sweep_path(folder));
    if (!ours)
      throw ConfigError(fmt::format(
          "--out {}: this folder holds something else ({}) and no sweep.json; name a new or empty "
          "folder",
          folder.string(), printable(name)));
  }
} catch (const UnreadableError& problem) {
  if (may_pass(problem.error_number())) throw;
  throw ConfigError(fmt::format("--out {}", problem.what()));
}

void write_sweep(const fs::path& folder, Json sweep) {
  sweep["sha256"] = sweep_sha256(sweep);
  write_file(sweep_path(folder), to_page(sweep) + "\n");
}

DataChecksum named_as_in(const fs::path& folder, DataChecksum data) {
  if (data.former_sha256.empty() || data.former_sha256 == data.sha256) return data;
  refuse_links_of_sweep(folder);
  try {
    if (!is_there(sweep_path(folder))) return data;
    const Json found = open_sweep_folder(folder).sweep;
    if (found["data"]["sha256"] == data.former_sha256) data.sha256 = data.former_sha256;
  } catch (const UnreadableError&) {
    throw;
  } catch (const DataError&) {
    // prepare_sweep_folder reports it.
  }
  return data;
}

ExperimentConfig with_axes_of(const fs::path& folder, ExperimentConfig config) {
  check_ownership(folder);
  if (!holds_sweep(folder)) return config;
  const Json sweep = open_sweep_folder(folder).sweep;
  for (const auto& key : axis_keys(sweep)) {
    const Setting* setting = find_setting(key);
    if (find_axis(config, key)) continue;
    const Json value = setting->value(config);
    if (!value.is_null()) add_axis(config, {key, {text_of_value(value)}, {value}});
  }
  return config;
}

void adopt_ids_of(const fs::path& folder, SweepPlan& plan) {
  if (!holds_sweep(folder)) return;
  const SweepFolder found = open_sweep_folder(folder);
  const auto keys = varied_keys(plan.runs.front().setup.varied);
  std::map<std::string, std::string> short_ids;  // by the full ones
  for (const auto* runs : {&found.runs, &found.dropped})
    for (const auto& run : *runs) {
      const std::string full = full_id(run_with_settings(run, keys, found.sweep["settings"]));
      if (full != run.id) short_ids.emplace(full, run.id);
    }
  for (auto& run : plan.runs)
    if (const auto known = short_ids.find(run.id); known != short_ids.end()) run.id = known->second;
}

PreparedFolder prepare_sweep_folder(const fs::path& folder, const Json& sweep) {
  check_ownership(folder);
  refuse_links_of_sweep(folder);
  try {
    make_folder(folder);
    make_folder(folder / "runs");
    const FolderLock lock(folder);
    if (lock.problem().empty()) remove_temporary_files(folder);  // otherwise they may be in use
    Json written = sweep;
    PreparedFolder prepared;
    prepared.lock_problem = lock.problem();
    if (is_there(sweep_path(folder))) {
      SweepFolder found = open_sweep_folder(folder);
      check_settings(folder, found.sweep, sweep);
      unite_axes(written, found.sweep);
      merge_runs(found, written, prepared);
      if (says_the_same(found, written) && found.sweep.contains("sha256")) {
        prepared.sweep = std::move(found);
        return prepared;
      }
      if (found.sweep.contains("calls")) written["calls"] = found.sweep["calls"];
    }
    write_sweep(folder, std::move(written));
    prepared.sweep = open_sweep_folder(folder);
    return prepared;
  } catch (const DiskFullError&) {
    throw;
  } catch (const TooManyFilesError&) {
    throw;
  } catch (const StorageError& problem) {
    throw ConfigError(fmt::format("--out {}", problem.what()));
  }
}

std::optional<SweepFolder> find_sweep(const fs::path& folder, const ExperimentConfig& config,
                                      const SweepPlan& plan, const DataChecksum& data) {
  check_ownership(folder);
  refuse_links_of_sweep(folder);
  if (!is_there(sweep_path(folder))) return std::nullopt;
  SweepFolder found = open_sweep_folder(folder);
  check_settings(folder, found.sweep,
                 {{"settings", settings_json(config)}, {"data", {{"sha256", data.sha256}}}});
  std::set<std::string> planned;
  for (const auto& run : plan.runs) planned.insert(run.id);
  check_shares_runs(found, planned);
  return found;
}

namespace {

void add_call(const fs::path& folder, const Json& call) {
  Json sweep = open_sweep_folder(folder).sweep;
  for (const auto& [key, value] : call.items()) sweep[key] = value;
  sweep["step_columns"] = step_columns_json();  // an earlier version may have begun the sweep
  sweep["calls"].push_back(call);
  write_sweep(folder, std::move(sweep));
}

bool has_call(const fs::path& folder, const Json& call) {
  const fs::path file = sweep_path(folder);
  const Json sweep = parse_json(read_file(file), file.string());
  const Json& calls = member(sweep, "calls");
  return std::find(calls.begin(), calls.end(), call) != calls.end();
}

void wait_for_a_moment() {
  constexpr unsigned kMaxMilliseconds = 50;
  std::this_thread::sleep_for(
      std::chrono::milliseconds(1 + std::random_device()() % kMaxMilliseconds));
}

}  // namespace

void record_call(const fs::path& folder, const Json& call) {
  constexpr int kTries = 10;
  require_in_place(folder);
  const FolderLock lock(folder);
  add_call(folder, call);
  if (lock.problem().empty()) return;
  // Processes that cannot wait for each other may write what they read before this call.
  for (int i = 0; i < kTries; ++i) {
    wait_for_a_moment();
    if (!has_call(folder, call)) add_call(folder, call);
  }
}

}  // namespace clipsweep
