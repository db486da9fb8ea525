// A whole sweep in one object: its arms, their comparisons with their baselines, what each mode
// achieves, and the best arms. These are the contents of summary.json; results/README.md defines
// each number. conclusions.h draws conclusions from it, and summary_text.h prints it.
#pragma once

#include <cstdint>
#include <map>
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

// A usable arm is better than chance, has no diverged run, and is at most this far below the best
// arm of its setup in mean late accuracy.
inline constexpr double kUsableMargin = 0.03;

// A run whose record exists but cannot be read.
struct DamagedRun {
  std::string id;
  std::string reason;
};

// The runs of a sweep as they were read, in the order of the plan.
struct SweepRuns {
  std::vector<RunSpec> plan;
  std::vector<std::optional<RunRecord>> records;  // empty if the run is unfinished or damaged
  std::vector<DamagedRun> damaged;
  MetricBasis basis;
  // That of each setup where they differ, by VariedSettings::slug.
  std::map<std::string, MetricBasis> setup_bases = {};

  const MetricBasis& basis_of(const Setup& setup) const;
};

struct RunCounts {
  std::uint64_t planned = 0;
  std::uint64_t completed = 0;
  std::uint64_t diverged = 0;  // stalled runs included
  std::uint64_t stalled = 0;   // of these
  std::uint64_t failed = 0;
  std::uint64_t interrupted = 0;
  std::uint64_t unfinished = 0;
  std::uint64_t damaged = 0;

  std::uint64_t left_out() const { return failed + interrupted + unfinished + damaged; }
};

// The best arm of a mode against the best arm without clipping, in late accuracy. Both were chosen
// because they looked best: the interval and the p-value hold for all arms with clipping of the
// setup together (max-T).
struct ModeDifference {
  std::string baseline;
  std::uint64_t n = 0;  // pairs
  std::optional<double> mean;
  std::optional<Interval> simultaneous_interval;
  std::optional<double> p_adjusted;
  std::optional<Verdict> verdict;  // better or worse only if p_adjusted is below 0.05
};

// What a mode achieves in one setup, over all its thresholds.
struct ModeSummary {
  Setup setup;
  ClipMode mode = ClipMode::kNone;
  std::optional<std::string> best_arm = {};  // the one with the highest mean late accuracy
  // Nothing for `none`, where there is no arm without clipping, and if the best arm never clipped.
  std::optional<ModeDifference> difference = {};
  std::vector<double> usable_learning_rates = {};
  // How many runs of all its arms solved the task and did not; both 0 if it cannot be solved.
  std::uint64_t solved = 0;
  std::uint64_t unsolved = 0;
};

// The best arm with clipping of a setup, compared with the best arm without, each at its own best
// learning rate. The best is a usable one before one that is not, then one that solves the task in
// more runs, then one with a higher mean late accuracy.
struct BestComparison {
  Setup setup;
  std::string arm;
  std::string baseline;
  MetricDifference late_test_accuracy;  // the judged metric
  MetricDifference final_test_accuracy;
  // The arm was chosen because it looked best. Its interval and p-value with all arms that clip
  // tested together (max-T), and its gain over seeds that had no part in the choice.
  std::optional<Interval> simultaneous_interval;
  std::optional<double> p_adjusted;
  std::optional<double> split_seed_mean;
  std::optional<Verdict> verdict;  // better or worse only if p_adjusted is below 0.05
  std::uint64_t candidates = 0;    // the number of arms that clip
  std::optional<CollapseComparison> collapses;
  std::optional<PairedShares> solved_at_end;  // if the task can be solved

  // Of the difference in late accuracy; with the choice of the arm allowed for.
  const std::optional<Interval>& interval() const {
    return candidates > 1 && simultaneous_interval ? simultaneous_interval
                                                   : late_test_accuracy.interval;
  }
};

// How far apart runs end, in late test accuracy, if their initial weights differ in the last bit.
struct NoiseFloor {
  std::string baseline;
  std::string arm;
  std::uint64_t n = 0;
  double median_absolute_difference = 0;
  double max_absolute_difference = 0;
  std::optional<double> standard_deviation;  // of the differences
};

// How often each threshold would have acted on the steps of an arm without clipping.
struct WhatIfTable {
  std::string baseline;
  WhatIfCounts counts;
};

struct Summary {
  RunCounts runs;
  std::vector<DamagedRun> damaged;
  MetricBasis basis;
  std::map<std::string, MetricBasis> setup_bases;  // as in SweepRuns
  std::vector<Setup> setups;                       // in the order of the plan, as everything below
  std::vector<ArmSummary> arms;         // by learning rate, then mode (none first), then threshold
  std::vector<Comparison> comparisons;  // in the order of the arms
  std::vector<ModeSummary> modes;       // none first
  std::vector<BestComparison> best;     // for setups with arms of both kinds
  std::vector<NoiseFloor> noise_floor;
  std::vector<WhatIfTable> what_if;  // for the arms without clipping, in their order

  // The arm with this name (`value-0.5_lr-0.01`). Throws std::logic_error if there is none.
  const ArmSummary& arm(const std::string& name) const;
  // Null for a baseline, and for arms without one.
  const Comparison* comparison_of(const std::string& arm) const;
  const MetricBasis& basis_of(const Setup& setup) const;
  // What the names of its arms say about their setup.
  SetupInName setup_in_name() const { return clipsweep::setup_in_name(setups); }
  // Whether the baseline of this setup was chosen among several arms without clipping.
  bool has_several_baselines(const Setup& setup) const;
};

Summary summarize(const SweepRuns& runs);

// The part of a summary that is about one setup.
Summary part_of(const Summary& summary, const Setup& setup);

}  // namespace clipsweep
