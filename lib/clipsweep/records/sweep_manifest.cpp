#include "clipsweep/records/sweep_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <thread>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
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

}  // namespace

Json to_json(const Provenance& provenance) {
  return {{"software", provenance.software}, {"machine", provenance.machine},
          {"command", provenance.command},   {"wall_started", provenance.wall_started},
          {"wall_seconds", nullptr},         {"wall_run_steps_per_second", nullptr}};
}

Json sweep_json(const ExperimentConfig& config, const SweepPlan& plan, const DataChecksum& data,
                const ChanceLevel& chance, const Provenance& provenance,
                const std::optional<ChanceLevel>& validation) {
  Json sweep = {{"schema", kSweepSchema},
                {"settings", settings_json(config)},
                {"origins", origins_json(config)},
                {"log_every", plan.log_every},
                {"step_columns", step_columns_json()},
                {"data", data_json(config, data, chance, validation)},
                {"runs", runs_json(plan)},
                {"calls", Json::array()}};
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
                         setting.key == "through_time_every";
    // Sweeps of earlier versions lack some.
    if (!decides || !settings.contains(setting.key) || !others.contains(setting.key)) continue;
    const Json& value = settings[setting.key];
    const Json& other = others[setting.key];
    if (value != other)
      return fmt::format("its {} is {}, not {}", setting.key, value.dump(), other.dump());
  }
  const auto data_of = [](const Json& sweep) { return member(member(sweep, "data"), "sha256"); };
  return data_of(first) == data_of(second) ? "" : "its data differ";
}

void check_ownership(const fs::path& folder) try {
  if (folder.empty()) throw ConfigError("--out \"\": must name a folder");
  // Nothing is below a file either: link_status finds nothing there, where is_there would throw.
  if (link_status(folder).type() == fs::file_type::not_found || !is_there(folder)) return;
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
