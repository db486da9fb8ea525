// The paths of a result folder; writing and reading its files.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/files.h"
#include "clipsweep/io/json.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/records/checkpoint.h"
#include "clipsweep/records/log_header.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/records/step_record.h"
#include "clipsweep/records/through_time.h"

namespace clipsweep {

inline constexpr const char* kSweepSchema = "clipsweep/sweep-1";

fs::path sweep_path(const fs::path& folder);                             // sweep.json
fs::path run_folder(const fs::path& folder, const std::string& run_id);  // runs/ID
fs::path run_path(const fs::path& folder, const std::string& run_id);    // runs/ID/run.json
fs::path steps_path(const fs::path& folder, const std::string& run_id);  // runs/ID/steps.jsonl
fs::path through_time_path(const fs::path& folder,
                           const std::string& run_id);  // runs/ID/through_time.jsonl
fs::path weights_path(const fs::path& folder, const std::string& run_id);  // runs/ID/weights.npz
// runs/ID/cliff_N.json, of `clipsweep cliff` at step N
fs::path cliff_path(const fs::path& folder, const std::string& run_id, std::uint64_t step);
// All of them, in the order of their names; none if there is no such folder.
std::set<fs::path> cliff_paths(const fs::path& folder, const std::string& run_id);
fs::path runs_csv_path(const fs::path& folder);  // runs.csv
fs::path summary_path(const fs::path& folder);   // summary.json

// The first line of steps.jsonl of a run of the plan.
StepLogHeader step_log_header(const RunSpec& run, const TrainingPlan& plan,
                              const ParameterLayout& layout);

// Claims a run for this process by locking its steps.jsonl, where the file system has locks.
// Nothing if another process holds it.
std::optional<FileClaim> claim_run(const fs::path& folder, const std::string& run_id,
                                   FileLocks locks = FileLocks::kSupported);

// Throws StorageError if the folder of a sweep was removed during the sweep, so that nothing is
// written in its place: sweep.json is missing.
void require_in_place(const fs::path& folder);

// Whether the logs of a run begin with those that its state was saved with, by their hashes. Throws
// UnreadableError.
bool has_logs_of(const fs::path& folder, const RunState& state);

// Compress the logs of a finished run that this process has claimed. What an interrupted call left
// is completed.
void compress_logs(const fs::path& folder, const std::string& run_id);
// Whether a log of the run is there that is not compressed.
bool has_plain_logs(const fs::path& folder, const std::string& run_id);
// Removes logs of a finished run that are there compressed, too: an empty one that a claim created,
// or one that was not removed.
void remove_duplicate_logs(const fs::path& folder, const std::string& run_id);

// Writes the logs of a run that this process has claimed. With a state, truncates them to its
// lengths and appends; without one, starts new logs.
class RunLog {
 public:
  // through_time_every: 0 if the gradient through time is not measured; there is no log of it then.
  RunLog(const fs::path& folder, const StepLogHeader& header, int through_time_every,
         const RunState* state = nullptr);

  void append(const StepRecord& record);
  void append(const ThroughTimeRecord& record);

  // Hands both logs to the operating system and notes their lengths and hashes in a state.
  void note_length(RunState& state);
  // Makes both logs durable up to these lengths: the first begins that, the second waits for it.
  void begin_sync();
  void sync();
  // Removes what was appended since those lengths were noted.
  void cut_back_to(const RunState& state);

  // The bytes of weights.npz, which are written before run.json.
  void keep_weights(std::string npz) { weights_npz_ = std::move(npz); }

  // Syncs both logs, then writes run.json with their hashes: where this file exists, the logs are
  // complete.
  void finish(RunRecord record);

 private:
  fs::path folder_;
  std::string run_id_;
  std::vector<std::string> tensor_names_;
  std::string weights_npz_;  // empty: not kept
  AppendFile steps_;
  std::optional<AppendFile> through_time_;
  bool are_names_durable_ = false;  // those of the logs in the run's folder
};

// The sweep that a folder holds.
struct SweepFolder {
  fs::path folder;
  Json sweep;                 // sweep.json
  std::vector<RunSpec> runs;  // the plan, in its order
  // Runs of earlier plans that had not finished when a later plan dropped them. Their logs stay, so
  // that a plan that has them again resumes them.
  std::vector<RunSpec> dropped = {};
};

// Throws ConfigError if the folder is missing or holds no sweep, DataError if sweep.json is corrupt
// or any file of the sweep is a link, a pipe or a device (links.h): all later reads and writes stay
// within the folder.
SweepFolder open_sweep_folder(const fs::path& folder);

// Nothing if the run has no run.json yet. Throws DataError that names the file if it is corrupt or
// belongs to another run.
std::optional<RunRecord> read_run(const SweepFolder& sweep, const RunSpec& run);

// ---- Reading logs, whether compressed or not: all take the path of the plain log or of the
// compressed one, and throw DataError on a compressed log that is damaged. ----

// What was read of a steps.jsonl.
struct StepLogReading {
  StepLogHeader header;
  std::uint64_t lines = 0;  // whole lines, header included
  bool torn = false;        // the last line is cut off: the run was killed
};

// The line of the header; nothing if this line is cut off or there is no log.
std::optional<std::string> first_line_of_log(const fs::path& path);

// What was read of a log of any kind.
struct LogReading {
  std::uint64_t lines = 0;  // whole lines
  bool torn = false;        // the last line is cut off
};

// Gets a line of a log: parsed, its number from 1, and its text without the line break.
using OnLogLine = std::function<void(const Json& json, std::uint64_t line, std::string_view text)>;

// Reads line by line, in bounded memory, and calls `on_line` with each. Throws DataError
// "FILE:LINE: ..." on a bad line, except a last line that is cut off.
LogReading read_log(const fs::path& path, const OnLogLine& on_line);

// Whether the last line is cut off.
bool is_torn(const fs::path& path);

// Reads a steps.jsonl in the same way. Calls `on_step` with each line but the first, the header.
StepLogReading read_step_log(const fs::path& path, const OnLogLine& on_step);

}  // namespace clipsweep
