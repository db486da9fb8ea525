// What lies where in a result folder, and how it is written and read.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/files.h"
#include "clipsweep/json.h"
#include "clipsweep/parameters.h"
#include "clipsweep/run_record.h"
#include "clipsweep/sweep_plan.h"

namespace clipsweep {

fs::path sweep_path(const fs::path& folder);                             // sweep.json
fs::path run_folder(const fs::path& folder, const std::string& run_id);  // runs/ID
fs::path run_path(const fs::path& folder, const std::string& run_id);    // runs/ID/run.json
fs::path steps_path(const fs::path& folder, const std::string& run_id);  // runs/ID/steps.jsonl
fs::path runs_csv_path(const fs::path& folder);                          // runs.csv
fs::path summary_path(const fs::path& folder);                           // summary.json

// What a run of the plan writes in its first line.
StepLogHeader step_log_header(const RunSpec& run, const SweepPlan& plan,
                              const ParameterLayout& layout);

// Writes one run's log. An unfinished or interrupted log of the same run is started anew.
class RunLog {
 public:
  RunLog(const fs::path& folder, const StepLogHeader& header);

  void append(const StepRecord& record);

  // Syncs the steps, then writes run.json: where that file is, the steps are whole.
  void finish(const RunRecord& record);

 private:
  fs::path folder_;
  std::vector<std::string> tensor_names_;
  AppendFile steps_;
};

// The sweep that a folder holds.
struct SweepFolder {
  fs::path folder;
  Json sweep;                 // sweep.json
  std::vector<RunSpec> runs;  // the plan, in its order
};

// Throws ConfigError if the folder is missing or holds no sweep, DataError if sweep.json is
// damaged.
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

// Whether the last line was cut off.
bool is_torn(const fs::path& path);

// Reads line by line, in bounded memory. Calls `on_step` with each step and its line number,
// from 2. Throws DataError "FILE:LINE: ..." on a bad line anywhere but a torn last one.
StepLogReading read_step_log(
    const fs::path& path, const std::function<void(const Json& step, std::uint64_t line)>& on_step);

}  // namespace clipsweep
