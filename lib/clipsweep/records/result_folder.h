// What lies where in a result folder, and how it is written and read.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/files.h"
#include "clipsweep/io/json.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/records/checkpoint.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/records/through_time.h"

namespace clipsweep {

fs::path sweep_path(const fs::path& folder);                             // sweep.json
fs::path run_folder(const fs::path& folder, const std::string& run_id);  // runs/ID
fs::path run_path(const fs::path& folder, const std::string& run_id);    // runs/ID/run.json
fs::path steps_path(const fs::path& folder, const std::string& run_id);  // runs/ID/steps.jsonl
fs::path through_time_path(const fs::path& folder,
                           const std::string& run_id);  // runs/ID/through_time.jsonl
fs::path runs_csv_path(const fs::path& folder);         // runs.csv
fs::path summary_path(const fs::path& folder);          // summary.json

// What a run of the plan writes in its first line.
StepLogHeader step_log_header(const RunSpec& run, const SweepPlan& plan,
                              const ParameterLayout& layout);

// A run that this process alone trains: its steps.jsonl is held. Nothing if another process has it.
std::optional<FileClaim> claim_run(const fs::path& folder, const std::string& run_id);

// Throws StorageError if the folder of a sweep was taken away, so that nothing is written where it
// was: sweep.json is not there any more.
void require_in_place(const fs::path& folder);

// Whether a run's logs reach to where it was saved, and are those of that state: whole lines, the
// last of them the newest step that is logged every so many steps.
bool has_logs_of(const fs::path& folder, const RunState& state, std::uint64_t log_every);

// Writes the logs of a run that this process has claimed: on from a state, where what stands behind
// it is cut off, or anew.
class RunLog {
 public:
  // through_time_every: 0 where the gradient through time is not measured; its log is not there.
  RunLog(const fs::path& folder, const StepLogHeader& header, int through_time_every,
         const RunState* state = nullptr);

  void append(const StepRecord& record);
  void append(const ThroughTimeRecord& record);

  // Hands both logs to the operating system and notes in a state how long they are.
  void note_length(RunState& state);
  // Takes back what was appended to them since then.
  void cut_back_to(const RunState& state);

  // Syncs both logs, then writes run.json: where that file is, the logs are whole.
  void finish(const RunRecord& record);

 private:
  fs::path folder_;
  std::vector<std::string> tensor_names_;
  AppendFile steps_;
  std::optional<AppendFile> through_time_;
};

// The sweep that a folder holds.
struct SweepFolder {
  fs::path folder;
  Json sweep;                 // sweep.json
  std::vector<RunSpec> runs;  // the plan, in its order
};

// Throws ConfigError if the folder is missing or holds no sweep, DataError if sweep.json is
// damaged or anything that belongs to the sweep is a link, a pipe or a device (links.h): whatever
// is read and written after this stays within the folder.
SweepFolder open_sweep_folder(const fs::path& folder);

// Nothing if the run has no run.json yet. Throws DataError that names the file if it is damaged or
// belongs to another run.
std::optional<RunRecord> read_run(const SweepFolder& sweep, const RunSpec& run);

// What was read of one steps.jsonl.
struct StepLogReading {
  StepLogHeader header;
  std::uint64_t lines = 0;  // whole lines, header included
  bool torn = false;        // the last line was cut off: the mark of a killed run
};

// The header's line; nothing if not even that line is whole, or there is no log.
std::optional<std::string> first_line_of_log(const fs::path& path);

// What was read of any log.
struct LogReading {
  std::uint64_t lines = 0;  // whole lines
  bool torn = false;        // the last line was cut off
};

// Reads line by line, in bounded memory. Calls `on_line` with each line and its number, from 1.
// Throws DataError "FILE:LINE: ..." on a bad line anywhere but a torn last one.
LogReading read_log(const fs::path& path,
                    const std::function<void(const Json& json, std::uint64_t line)>& on_line);

// Whether the last line was cut off.
bool is_torn(const fs::path& path);

// Likewise; calls `on_step` with each step and its line number, from 2.
StepLogReading read_step_log(
    const fs::path& path, const std::function<void(const Json& step, std::uint64_t line)>& on_step);

}  // namespace clipsweep
