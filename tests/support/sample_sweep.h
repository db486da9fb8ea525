// Sweeps in memory for tests of the analysis: a plan, and a record of one epoch for each run that
// the test ends.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "clipsweep/analysis/summary.h"
#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/records/run_record.h"

namespace clipsweep {

// `none` and `value:0.5` at learning rate 0.01, unless the test changes the configuration.
class SampleSweep {
 public:
  explicit SampleSweep(std::uint64_t seeds);

  ExperimentConfig& config() { return config_; }

  // Call again after a change of the configuration.
  void plan();

  // Runs are numbered in the order of the plan: seeds vary fastest.
  RunRecord& complete(std::size_t run, double accuracy, double loss);
  RunRecord& end(std::size_t run, Outcome outcome);

  // Completes a run in which clipping acted on one step.
  RunRecord& complete_clipped(std::size_t run, double accuracy, double loss = 1);

  SweepRuns& runs() { return runs_; }
  Summary summary() const { return summarize(runs_); }

 private:
  ExperimentConfig config_;
  SweepRuns runs_;
};

// Ten seeds of `none` and of `value:0.5`, which acted on one step per run. `gain` is the accuracy
// of the arm minus that of the baseline, and the loss falls by the same amount. The baselines have
// accuracies from 0.60 to 0.69, all different.
SampleSweep sweep_with_gain(const std::function<double(std::size_t seed)>& gain);

// From -0.009 to +0.009, different for each of ten seeds, with mean zero.
double small_and_uneven(std::size_t seed);

}  // namespace clipsweep
