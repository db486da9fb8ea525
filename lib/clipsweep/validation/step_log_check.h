// One steps.jsonl: its header, the sequence of its steps, and what they add up to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/records/run_record.h"
#include "clipsweep/validation/problems.h"

namespace clipsweep {

// What the plan and run.json say about a run's logs.
struct ExpectedLog {
  RunSpec run;
  std::uint64_t log_every = 1;
  std::uint64_t epochs = 0;
  std::uint64_t steps_per_epoch = 0;
  const RunRecord* record = nullptr;  // nullptr: unfinished, so the log may end anywhere
  OptimizerSettings optimizer = {};   // by which the learning rate falls
  // Of the gradient through time; 0: it has no log. Nothing where the sweep is of an earlier
  // version.
  std::optional<std::uint64_t> through_time_every = std::nullopt;
  bool same_length = true;  // all batches have the same number of time steps
  NonfinitePolicy on_nonfinite = NonfinitePolicy::kStop;
};

struct EpochSums {
  std::uint64_t steps = 0;
  std::uint64_t clipped_steps = 0;
  double loss = 0;
  double accuracy = 0;
};

// What the steps of a log add up to, if every step is logged.
struct StepSums {
  std::uint64_t steps = 0;
  std::uint64_t clipped_steps = 0;
  std::uint64_t skipped_steps = 0;
  std::uint64_t nonfinite_steps = 0;  // by loss and gradient; the weights are not in a step
  std::vector<double> finite_norms;
  WhatIfCounts what_if;
  std::vector<EpochSums> epochs;
};

struct CheckedLog {
  std::optional<StepLogHeader> header;
  std::uint64_t steps = 0;  // lines read, good or bad
  StepSums sums;
  bool whole = false;  // every line was good, so the sums can be compared
};

// Reads the file of `problems` and adds to them. A torn last line is a problem only where the run
// is finished.
CheckedLog check_step_log(const ExpectedLog& expected, FileProblems& problems);

}  // namespace clipsweep
