// What the plan and run.json say about a run, against which its files are checked.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/records/result_folder.h"

namespace clipsweep {

struct ExpectedRun {
  RunSpec run;
  std::uint64_t log_every = 1;
  std::uint64_t epochs = 0;
  std::uint64_t steps_per_epoch = 0;
  const RunRecord* record = nullptr;  // nullptr: unfinished, so the logs may end anywhere
  OptimizerSettings optimizer = {};   // only the schedule of the learning rate
  // 0: the gradient through time is not measured. Nothing in sweeps of earlier versions.
  std::optional<std::uint64_t> through_time_every = std::nullopt;
  std::uint64_t smoothness_every = 0;  // 0: not measured
  bool has_one_length = true;          // all batches have the same number of time steps
  NonfinitePolicy on_nonfinite = NonfinitePolicy::kStop;
  std::optional<int> hidden = std::nullopt;  // nothing if sweep.json does not say
  int layers = 1;
  bool has_omega = false;      // the factor of Omega is not 0
  bool has_plain_sgd = false;  // SGD without momentum and regularization
  // Nothing in sweeps of earlier versions.
  std::vector<std::uint64_t> probe_at = {};
  std::uint64_t probe_batches = 0;

  // Whether a version of the program that records the hashes of a run's files trained it. Then the
  // numbers that follow from others are those of this program to the last bit.
  bool has_hashes() const { return record && !record->steps_sha256.empty(); }

  std::uint64_t steps() const { return epochs * steps_per_epoch; }
};

// `record`: what was read from run.json, nullptr if there is none. Throws DataError that names the
// key if sweep.json has a wrong type.
ExpectedRun expected_run(const SweepFolder& sweep, const RunSpec& run, const RunRecord* record);

}  // namespace clipsweep
