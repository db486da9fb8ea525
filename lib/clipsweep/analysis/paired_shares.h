// What happened or did not happen at each seed, in an arm and in its baseline: runs that collapsed
// and runs that solved the task. A difference between means may be a mixture of a few collapses and
// a small difference everywhere else; these two numbers keep them apart.
#pragma once

#include <cstdint>
#include <optional>

#include "clipsweep/analysis/arms.h"
#include "clipsweep/analysis/metrics.h"
#include "clipsweep/statistics/interval.h"
#include "clipsweep/statistics/proportions.h"

namespace clipsweep {

// The shares of seeds at which something happened, in an arm (the first side) and in its baseline.
struct PairedShares {
  PairedCounts counts;
  double difference = 0;  // of the shares, arm minus baseline
  Interval interval;      // 95 %, Newcombe
  double p_value = 1;     // exact, McNemar
};

// A run that ends this far below what training usually reaches in the comparison has collapsed.
inline constexpr double kCollapseMargin = 0.1;

// The collapses of both sides, and the difference among the other seeds.
struct CollapseComparison {
  PairedShares shares;
  // Over the pairs in which neither run collapsed, in the judged metric; nothing without any.
  std::uint64_t other_pairs = 0;
  std::optional<double> other_mean;
  std::optional<double> other_interquartile_mean;
};

// A run collapsed if it diverged or stalled, or if its judged accuracy is more than kCollapseMargin
// below the higher of the two arms' medians over the common seeds. One bar for both sides: with a
// bar of its own, an arm of which most runs collapse would have a low median and thus no collapse.
// Nothing without a common seed.
std::optional<CollapseComparison> compare_collapses(const Arm& arm, const Arm& baseline,
                                                    const MetricBasis& basis);

// Whether runs solved the task in some evaluation, or in the last one. Nothing without a common
// seed, or if the task cannot be solved.
std::optional<PairedShares> compare_solved(const Arm& arm, const Arm& baseline,
                                           const MetricBasis& basis);
std::optional<PairedShares> compare_solved_at_end(const Arm& arm, const Arm& baseline,
                                                  const MetricBasis& basis);

}  // namespace clipsweep
