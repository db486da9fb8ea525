// An arm against its baseline, seed by seed: the paired differences in every metric, what they say,
// and how sure that is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/analysis/arms.h"
#include "clipsweep/analysis/inference.h"
#include "clipsweep/analysis/metrics.h"

namespace clipsweep {

enum class Verdict {
  kBetter,        // the interval lies on the better side of zero
  kWorse,         // on the other
  kNoDifference,  // seen, that is: the interval spans zero
  kIdentical,     // every pair ended with the same weights, to the last bit
};
const char* to_text(Verdict verdict);
std::vector<std::string> verdict_names();

// Over all pairs. A run without a value (it diverged, or never reached the target) is worse than
// any with one and equal to another without.
struct RankComparison {
  std::uint64_t n = 0;
  std::uint64_t better = 0;
  std::uint64_t worse = 0;
  std::uint64_t equal = 0;
  std::optional<double> probability_of_improvement;  // a tie is half an improvement
  std::optional<Interval> interval;                  // 95 %, Wilson
  std::optional<double> p_value;                     // Wilcoxon's signed ranks
};

// One metric, arm minus baseline, over the seeds at which both have a value.
struct MetricDifference {
  std::uint64_t n = 0;
  std::optional<double> mean;
  std::optional<double> interquartile_mean;
  std::optional<Interval> interval;  // 95 %, of the mean
  std::optional<double> p_value;     // of a mean of zero
  std::uint64_t better = 0;
  std::uint64_t worse = 0;
  std::uint64_t equal = 0;
  std::optional<Verdict> verdict;             // nothing where there is no interval
  std::optional<std::uint64_t> seeds_needed;  // to see the smallest difference of interest
  RankComparison ranks;
};

struct Comparison {
  std::string arm;
  std::string baseline;
  PerMetric<MetricDifference> metrics;
  // Of the distance of each seed's final accuracy from the median of its arm: a paired form of the
  // test of Brown and Forsythe (1974). Better is a smaller spread between seeds.
  MetricDifference spread;
  std::optional<double> p_adjusted;  // of the final accuracy, among all comparisons (Holm)

  // By the final test accuracy.
  std::optional<Verdict> verdict() const { return metrics[Metric::kFinalTestAccuracy].verdict; }
};

Comparison compare(const Arm& arm, const Arm& baseline, const MetricBasis& basis);

// One metric alone, arm minus baseline.
MetricDifference compare_metric(const Arm& arm, const Arm& baseline, Metric metric,
                                const MetricBasis& basis);

// Arm minus baseline, for each seed at which both have a value.
std::vector<double> paired_differences(const Arm& arm, const Arm& baseline, Metric metric,
                                       const MetricBasis& basis);

}  // namespace clipsweep
