// A whole sweep in one object: its arms, what each is beside its baseline, which mode works where,
// and what is best. What summary.json and runs.csv hold; results/README.md says how each number is
// counted. Words are left to answer.h, printing to summary_text.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/analysis/arms.h"
#include "clipsweep/analysis/comparison.h"
#include "clipsweep/analysis/metrics.h"
#include "clipsweep/clipping/what_if.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/records/run_record.h"

namespace clipsweep {

// How far below the best arm of its cell a usable one may be in mean final accuracy.
inline constexpr double kUsableMargin = 0.03;

// A run that is there and cannot be read.
struct DamagedRun {
  std::string id;
  std::string reason;
};

// The runs of a sweep as they were read, in the order of the plan.
struct SweepRuns {
  std::vector<RunSpec> plan;
  std::vector<std::optional<RunRecord>> records;  // empty where the run is unfinished or damaged
  std::vector<DamagedRun> damaged;
  MetricBasis basis;
};

struct RunCounts {
  std::uint64_t planned = 0;
  std::uint64_t completed = 0;
  std::uint64_t diverged = 0;
  std::uint64_t failed = 0;
  std::uint64_t interrupted = 0;
  std::uint64_t unfinished = 0;
  std::uint64_t damaged = 0;

  std::uint64_t left_out() const { return failed + interrupted + unfinished + damaged; }
};

// What a mode can do with one cell, over all its thresholds.
struct ModeSummary {
  CellSetup setup;
  ClipMode mode = ClipMode::kNone;
  std::optional<std::string> best_arm;  // of the highest mean final accuracy
  std::vector<double> usable_learning_rates;
  // Runs of all its arms that solved the task or did not; both 0 where it cannot be solved.
  std::uint64_t solved = 0;
  std::uint64_t unsolved = 0;
};

// The best arm of a cell that clips against the best that does not, each at its own best learning
// rate.
struct BestComparison {
  CellSetup setup;
  std::string arm;
  std::string baseline;
  MetricDifference final_test_accuracy;
  std::optional<double> p_adjusted;  // among all its arms that clip (Holm)
  std::optional<Verdict> verdict;    // better or worse only where p_adjusted is below 0.05
  std::uint64_t candidates = 0;      // arms that clip
};

// How far runs move apart whose initial weights differ in the last bit: in final test accuracy.
struct NoiseFloor {
  std::string baseline;
  std::string arm;
  std::uint64_t n = 0;
  double median_absolute_difference = 0;
  double max_absolute_difference = 0;
  std::optional<double> standard_deviation;  // of the differences
};

// How often thresholds would have acted on the steps of an arm without clipping, over its runs.
struct WhatIfTable {
  std::string baseline;
  WhatIfCounts counts;
};

struct Summary {
  RunCounts runs;
  std::vector<DamagedRun> damaged;
  MetricBasis basis;
  std::vector<CellSetup> setups;        // in the order of the plan, and so is all below
  std::vector<ArmSummary> arms;         // by learning rate, then mode (none first), then threshold
  std::vector<Comparison> comparisons;  // in the order of the arms
  std::vector<ModeSummary> modes;       // none first
  std::vector<BestComparison> best;     // of the cells of which some arms clip and some do not
  std::vector<NoiseFloor> noise_floor;
  std::vector<WhatIfTable> what_if;  // of the arms without clipping, in their order

  // The arm of this name. Throws std::logic_error if there is none.
  const ArmSummary& arm(const std::string& name) const;
  // Nothing for a baseline and for arms without one.
  const Comparison* comparison_of(const std::string& arm) const;
};

Summary summarize(const SweepRuns& runs);

// What of a summary is about one cell.
Summary part_of(const Summary& summary, const CellSetup& setup);

}  // namespace clipsweep
