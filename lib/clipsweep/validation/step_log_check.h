// One steps.jsonl: its header, the sequence of its steps, and their sums.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "clipsweep/records/log_header.h"
#include "clipsweep/validation/expected_run.h"
#include "clipsweep/validation/problems.h"

namespace clipsweep {

struct EpochSums {
  std::uint64_t steps = 0;
  std::uint64_t clipped_steps = 0;
  double loss = 0;
  double accuracy = 0;
};

// The sums over a log in which every step is logged.
struct StepSums {
  std::uint64_t steps = 0;
  std::uint64_t clipped_steps = 0;
  std::uint64_t skipped_steps = 0;
  std::uint64_t trailing_skipped_steps = 0;
  std::uint64_t nonfinite_steps = 0;  // by loss and gradient; a step does not have the weights
  double cosine_sum = 0;              // over the steps on which clipping acted
  std::uint64_t cosines = 0;
  std::vector<double> finite_norms;
  std::vector<double> update_ratios;
  WhatIfCounts what_if;
  LinearFit smoothness;
  std::vector<EpochSums> epochs;
};

struct CheckedLog {
  std::optional<StepLogHeader> header;
  std::uint64_t steps = 0;  // lines read, good or bad
  StepSums sums;
  bool is_whole = false;  // every line is good, so the sums can be compared
};

// Reads the file of `problems` and adds to them. A last line that is cut off is a problem only if
// the run is finished.
CheckedLog check_step_log(const ExpectedRun& expected, FileProblems& problems);

}  // namespace clipsweep
