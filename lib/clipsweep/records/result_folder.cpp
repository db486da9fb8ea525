#include "clipsweep/records/result_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/axes.h"
#include "clipsweep/io/line_reader.h"
#include "clipsweep/io/links.h"
#include "clipsweep/io/log_file.h"
#include "clipsweep/records/record_members.h"

namespace clipsweep {
namespace {

// Whether the first `length` bytes of a log are those that were hashed. Throws DataError if it is
// shorter.
bool is_log_of(const fs::path& path, std::uint64_t length, const std::string& sha256) {
  return length == 0 || hash_of_beginning(path, length).finish() == sha256;
}

std::vector<RunSpec> runs_member(const Json& sweep, const char* key) {
  const Json& runs = member(sweep, key);
  if (!runs.is_array()) throw DataError(fmt::format("\"{}\" must be a list", key));
  std::vector<RunSpec> specs;
  for (const auto& run : runs) specs.push_back(run_spec_from_json(run));
  return specs;
}

std::vector<std::string> keys_of(const VariedSettings& varied) {
  std::vector<std::string> keys;
  for (const auto& setting : varied.values()) keys.push_back(setting.key);
  return keys;
}

// All runs have a value of each training setting that varies, and each combination has its data.
void check_setups(const SweepFolder& sweep) {
  std::optional<std::vector<std::string>> keys;
  const auto check = [&](const VariedSettings& varied, const std::string& what) {
    if (keys && keys_of(varied) != *keys)
      throw DataError(fmt::format("{} has values of other settings ({}) than those before it ({})",
                                  what, join(keys_of(varied)), join(*keys)));
    keys = keys_of(varied);
  };
  if (sweep.sweep.contains("setups"))
    for (const auto& setup : list_member(sweep.sweep, "setups")) {
      string_member(member(setup, "data"), "sha256");
      check(varied_settings_from_json(setup), "an entry of \"setups\"");
    }
  for (const auto* runs : {&sweep.runs, &sweep.dropped})
    for (const auto& run : *runs) check(run.setup.varied, run.id);
}

std::array<fs::path, 2> logs_of(const fs::path& folder, const std::string& run_id) {
  return {steps_path(folder, run_id), through_time_path(folder, run_id)};
}

fs::path prepared_run_folder(const fs::path& folder, const std::string& run_id) {
  make_subfolder(run_folder(folder, run_id));
  // First, so that a restarted run never has the run.json of its earlier attempt.
  if (remove_file(run_path(folder, run_id))) sync_folder(run_folder(folder, run_id));
  // Nor its compressed logs, which would be read instead of those that begin now.
  for (const auto& log : logs_of(folder, run_id))
    if (remove_file(compressed_path(log))) sync_folder(run_folder(folder, run_id));
  return folder;
}

}  // namespace

fs::path sweep_path(const fs::path& folder) { return folder / "sweep.json"; }
fs::path run_folder(const fs::path& folder, const std::string& run_id) {
  return folder / "runs" / run_id;
}
fs::path run_path(const fs::path& folder, const std::string& run_id) {
  return run_folder(folder, run_id) / "run.json";
}
fs::path steps_path(const fs::path& folder, const std::string& run_id) {
  return run_folder(folder, run_id) / "steps.jsonl";
}
fs::path through_time_path(const fs::path& folder, const std::string& run_id) {
  return run_folder(folder, run_id) / "through_time.jsonl";
}
fs::path weights_path(const fs::path& folder, const std::string& run_id) {
  return run_folder(folder, run_id) / "weights.npz";
}

fs::path cliff_path(const fs::path& folder, const std::string& run_id, std::uint64_t step) {
  return run_folder(folder, run_id) / fmt::format("cliff_{}.json", step);
}

std::set<fs::path> cliff_paths(const fs::path& folder, const std::string& run_id) {
  constexpr std::string_view kStem = "cliff_";
  std::error_code error;
  std::set<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(run_folder(folder, run_id), error))
    if (const std::string name = entry.path().filename().string();
        name.compare(0, kStem.size(), kStem) == 0 && entry.path().extension() == ".json")
      paths.insert(entry.path());
  return paths;
}

fs::path runs_csv_path(const fs::path& folder) { return folder / "runs.csv"; }
fs::path summary_path(const fs::path& folder) { return folder / "summary.json"; }

StepLogHeader step_log_header(const RunSpec& run, const TrainingPlan& plan,
                              const ParameterLayout& layout) {
  StepLogHeader header;
  header.run = run;
  header.log_every = plan.log_every;
  header.tensor_names = layout.names();
  for (const auto& tensor : layout.tensors) header.tensor_shapes.push_back(tensor.shape);
  return header;
}

std::optional<FileClaim> claim_run(const fs::path& folder, const std::string& run_id,
                                   FileLocks locks) {
  make_subfolder(run_folder(folder, run_id));
  auto claim = FileClaim::of(steps_path(folder, run_id), locks);
  if (claim) remove_temporary_files(run_folder(folder, run_id));
  return claim;
}

void require_in_place(const fs::path& folder) {
  if (!is_there(sweep_path(folder)))
    throw StorageError(
        fmt::format("{}: this folder disappeared during the sweep (no sweep.json); restore it and "
                    "rerun the same command",
                    folder.string()));
}

void compress_logs(const fs::path& folder, const std::string& run_id) {
  for (const auto& log : logs_of(folder, run_id)) compress_log(log);
}

bool has_plain_logs(const fs::path& folder, const std::string& run_id) {
  const auto logs = logs_of(folder, run_id);
  return std::any_of(logs.begin(), logs.end(), is_there);
}

void remove_duplicate_logs(const fs::path& folder, const std::string& run_id) {
  for (const auto& log : logs_of(folder, run_id)) remove_duplicate_log(log);
}

bool has_logs_of(const fs::path& folder, const RunState& state) try {
  if (state.step > 0 && state.steps_bytes == 0) return false;
  return is_log_of(steps_path(folder, state.run_id), state.steps_bytes, state.steps_sha256) &&
         is_log_of(through_time_path(folder, state.run_id), state.through_time_bytes,
                   state.through_time_sha256);
} catch (const UnreadableError&) {
  throw;
} catch (const DataError&) {
  return false;  // a log is missing or ends earlier
}

RunLog::RunLog(const fs::path& folder, const StepLogHeader& header, int through_time_every,
               const RunState* state)
    : folder_(prepared_run_folder(folder, header.run.id)),
      run_id_(header.run.id),
      tensor_names_(header.tensor_names),
      steps_(steps_path(folder, header.run.id), state ? state->steps_bytes : 0) {
  if (!state) steps_.buffer() += to_line(to_json(header)) + "\n";
  const fs::path path = through_time_path(folder, header.run.id);
  if (through_time_every == 0) {
    remove_file(path);
    return;
  }
  through_time_.emplace(path, state ? state->through_time_bytes : 0);
  if (state) return;
  const ThroughTimeHeader through_time{header.run, static_cast<std::uint64_t>(through_time_every)};
  through_time_->buffer() += to_line(to_json(through_time)) + "\n";
}

void RunLog::note_length(RunState& state) {
  state.steps_bytes = steps_.flush();
  state.steps_sha256 = steps_.sha256();
  if (!through_time_) return;
  state.through_time_bytes = through_time_->flush();
  state.through_time_sha256 = through_time_->sha256();
}

void RunLog::begin_sync() {
  steps_.begin_sync();
  if (through_time_) through_time_->begin_sync();
}

void RunLog::sync() {
  steps_.sync();
  if (through_time_) through_time_->sync();
  if (std::exchange(are_names_durable_, true)) return;
  sync_folder(run_folder(folder_, run_id_));
}

void RunLog::cut_back_to(const RunState& state) {
  steps_.cut_back_to(state.steps_bytes);
  if (through_time_) through_time_->cut_back_to(state.through_time_bytes);
}

void RunLog::append(const StepRecord& record) {
  append_line(steps_.buffer(), record, tensor_names_);
  steps_.wrote_line();
}

void RunLog::append(const ThroughTimeRecord& record) {
  append_line(through_time_->buffer(), record);
  through_time_->wrote_line();
}

void RunLog::finish(RunRecord record) {
  steps_.close();
  if (through_time_) through_time_->close();
  if (!weights_npz_.empty()) write_file(weights_path(folder_, record.spec.id), weights_npz_);
  record.steps_sha256 = steps_.sha256();
  if (through_time_) record.through_time_sha256 = through_time_->sha256();
  if (!weights_npz_.empty()) record.weights_file_sha256 = sha256_of(weights_npz_);
  write_file(run_path(folder_, record.spec.id), to_page(to_json(record)) + "\n");
}

SweepFolder open_sweep_folder(const fs::path& folder) {
  if (!is_folder(folder))
    throw ConfigError(fmt::format("{}: no such folder; name one that clipsweep sweep --out wrote",
                                  folder.string()));
  refuse_links_of_sweep(folder);
  if (!is_there(sweep_path(folder)))
    throw ConfigError(
        fmt::format("{}: no sweep.json in this folder; name one that clipsweep sweep --out wrote",
                    folder.string()));
  SweepFolder sweep;
  sweep.folder = folder;
  const std::string file = sweep_path(folder).string();
  sweep.sweep = parse_json(read_file(sweep_path(folder)), file);
  try {
    require_schema(sweep.sweep, kSweepSchema);
    sweep.runs = runs_member(sweep.sweep, "runs");
    if (sweep.sweep.contains("dropped_runs"))
      sweep.dropped = runs_member(sweep.sweep, "dropped_runs");
    check_setups(sweep);
    if (sweep.sweep.contains("calls") && !sweep.sweep["calls"].is_array())
      throw DataError("\"calls\" must be a list");
  } catch (const DataError& problem) {
    throw DataError(fmt::format("{}: {}", file, problem.what()));
  }
  for (const auto& run : sweep.runs) refuse_links_of_run(folder, run.id);
  return sweep;
}

std::optional<RunRecord> read_run(const SweepFolder& sweep, const RunSpec& run) {
  const fs::path path = run_path(sweep.folder, run.id);
  if (!is_there(path)) return std::nullopt;
  const Json json = parse_json(read_file(path), path.string());
  try {
    RunRecord record = run_record_from_json(json);
    if (record.spec.id != run.id)
      throw DataError(fmt::format("it belongs to the run {}", record.spec.id));
    return record;
  } catch (const DataError& problem) {
    throw DataError(fmt::format("{}: {}", path.string(), problem.what()));
  }
}

std::optional<std::string> first_line_of_log(const fs::path& path) {
  if (!is_there(stored_log(path))) return std::nullopt;
  std::string line;
  if (LineReader(open_log(path)).next(line) != LineEnd::kBreak) return std::nullopt;
  return line;
}

bool is_torn(const fs::path& path) {
  const fs::path stored = stored_log(path);
  if (!is_there(stored)) return false;
  if (is_compressed_path(stored)) return false;  // it was compressed when it was complete
  InputFile file(stored);
  if (file.size() == 0) return false;
  file.go_to(file.size() - 1);
  char last = 0;
  file.read_fully(&last, 1);
  return last != '\n';
}

LogReading read_log(const fs::path& path, const OnLogLine& on_line) {
  LineReader reader(open_log(path));
  const std::string file = stored_log(path).string();
  LogReading reading;
  std::string line;
  for (std::uint64_t number = 1;; ++number) {
    const std::string where = fmt::format("{}:{}", file, number);
    const LineEnd end = reader.next(line);
    if (end == LineEnd::kTooLong)
      throw DataError(fmt::format("{}: a line is longer than 1 MiB", where));
    reading.torn = end == LineEnd::kCutOff;
    if (end == LineEnd::kCutOff || end == LineEnd::kNoLine) return reading;
    const Json json = parse_json(line, where);
    try {
      on_line(json, number, line);
    } catch (const DataError& problem) {
      throw DataError(fmt::format("{}: {}", where, problem.what()));
    }
    reading.lines = number;
  }
}

StepLogReading read_step_log(const fs::path& path, const OnLogLine& on_step) {
  StepLogReading reading;
  const auto on_line = [&](const Json& json, std::uint64_t line, std::string_view text) {
    if (line == 1)
      reading.header = step_log_header_from_json(json);
    else
      on_step(json, line, text);
  };
  const auto [lines, torn] = read_log(path, on_line);
  reading.lines = lines;
  reading.torn = torn;
  return reading;
}

}  // namespace clipsweep
