// Compares an arm with its baseline, seed by seed: the paired differences in every metric, their
// intervals and verdicts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/analysis/arms.h"
#include "clipsweep/analysis/metrics.h"
#include "clipsweep/analysis/paired_shares.h"
#include "clipsweep/statistics/interval.h"
#include "clipsweep/statistics/sample_size.h"

namespace clipsweep {

enum class Verdict {
  kBetter,        // the interval is on the better side of zero
  kWorse,         // the interval is on the worse side of zero
  kNoDifference,  // no difference seen: the interval includes zero
  kIdentical,     // every pair ended with bitwise equal weights
};
const char* to_text(Verdict verdict);
std::vector<std::string> verdict_names();

// Ranks over all pairs. A run without a value (it diverged, or never reached the target) is worse
// than any run with a value, and equal to another run without one.
struct RankComparison {
  std::uint64_t n = 0;
  std::uint64_t better = 0;
  std::uint64_t worse = 0;
  std::uint64_t equal = 0;
  std::optional<double> probability_of_improvement;  // a tie counts half
  std::optional<Interval> interval;                  // 95 %, Wilson
  std::optional<double> p_value;                     // Wilcoxon's signed ranks: of symmetry
};

// The difference in one metric, arm minus baseline, over the seeds for which both have a value.
struct MetricDifference {
  std::uint64_t n = 0;
  std::optional<double> mean;
  std::optional<double> interquartile_mean;
  std::optional<Interval> interval;  // 95 %, of the mean
  std::optional<double> p_value;     // of a mean of zero
  std::uint64_t better = 0;
  std::uint64_t worse = 0;
  std::uint64_t equal = 0;
  std::optional<Verdict> verdict;  // nothing below kMinPairsForVerdict
  // How many seeds detect the smallest difference of interest, and at both ends of the interval of
  // the standard deviation. Only where no difference is seen.
  std::optional<std::uint64_t> seeds_needed;
  std::optional<PairsRange> seeds_needed_range;
  // How many seeds detect a difference of the size of the mean; nothing if it is zero.
  std::optional<PairsRange> seeds_needed_for_mean;
  RankComparison ranks;
};

struct Comparison {
  std::string arm;
  std::string baseline;
  PerMetric<MetricDifference> metrics;
  // Compares the distances of each seed's late accuracy from the median of its arm: a paired form
  // of the test of Brown and Forsythe (1974). A smaller spread between seeds is better.
  MetricDifference spread;
  std::optional<CollapseComparison> collapses;
  std::optional<PairedShares> solved;         // in some evaluation, if the task can be solved
  std::optional<PairedShares> solved_at_end;  // in the last evaluation
  std::optional<double> p_adjusted;           // of the judged metric, over all comparisons (Holm)

  // The verdict on the judged metric.
  std::optional<Verdict> verdict() const { return metrics[kJudgedMetric].verdict; }
};

Comparison compare(const Arm& arm, const Arm& baseline, const MetricBasis& basis);

// Compares a single metric, arm minus baseline.
MetricDifference compare_metric(const Arm& arm, const Arm& baseline, Metric metric,
                                const MetricBasis& basis);

// Arm minus baseline, for each seed for which both have a value.
std::vector<double> paired_differences(const Arm& arm, const Arm& baseline, Metric metric,
                                       const MetricBasis& basis);

}  // namespace clipsweep
