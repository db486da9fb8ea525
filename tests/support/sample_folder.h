// Small result folders for tests: a sweep of a few runs of a few steps, written by the classes that
// a real sweep uses. The numbers are made up, but those that are recorded twice agree.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/files.h"
#include "clipsweep/records/run_record.h"
#include "support/test_support.h"

namespace clipsweep {

// One run with all its steps, in memory.
struct SampleRun {
  RunRecord record;
  std::vector<StepRecord> steps;
};

// Two epochs of four steps; `none` and `value:0.5` at learning rate 0.01 with seeds 0 and 1.
ExperimentConfig sample_config();

SweepPlan sample_plan(const ExperimentConfig& config);

SampleRun completed_run(const SweepPlan& plan, const RunSpec& spec);

// A run that stops at this step because of a NaN in the gradient.
SampleRun diverged_run(const SweepPlan& plan, const RunSpec& spec, std::uint64_t last_step);

// A result folder: begins with sweep.json only, then gets runs one by one.
class SampleFolder {
 public:
  explicit SampleFolder(const ExperimentConfig& config = sample_config());

  const fs::path& path() const { return folder_.path(); }
  const SweepPlan& plan() const { return plan_; }
  const RunSpec& spec(std::size_t run_id) const { return plan_.runs[run_id]; }

  void write(const SampleRun& run) const;
  void write_all() const;  // every run, completed, then runs.csv and summary.json
  void write_summary() const;
  // Removes the hashes from sweep.json and from each run.json, which earlier versions did not
  // write.
  void remove_hashes() const;

  fs::path run_json(std::size_t run_id) const;
  fs::path steps_log(std::size_t run_id) const;
  fs::path through_time_log(std::size_t run_id) const;

 private:
  TemporaryFolder folder_;
  SweepPlan plan_;
};

// Replaces the first `from` in a file by `to`. Throws std::logic_error if it is not there.
void damage(const fs::path& file, const std::string& from, const std::string& to);

// Removes the last bytes of a file.
void cut_off(const fs::path& file, std::size_t bytes);

}  // namespace clipsweep
