// What all intervals and tests share: the level, and how many pairs of seeds they need.
#pragma once

#include <cmath>
#include <cstddef>

namespace clipsweep {

struct Interval {
  double lower = 0;
  double upper = 0;
};

// The interval and the test of the mean of a distribution, from a sample.
struct MeanInference {
  Interval interval;  // 95 %
  double p_value =
      1;  // two-sided, of a mean of zero; below 0.05 exactly if the interval excludes 0
};

// The level of all tests and, as 1 - level, of all intervals.
inline constexpr double kSignificanceLevel = 0.05;

// There is no interval for fewer values: it would suggest a certainty that they do not have.
inline constexpr std::size_t kMinPairsForInterval = 5;

// No test of the signs of five differences has a p-value below 0.0625, so six are the fewest that
// can show a difference without assuming a distribution.
inline constexpr std::size_t kMinPairsForVerdict = 6;

// The smallest p-value that n differences can have without assuming a distribution: the
// probability that all n signs are equal if chance decides each of them. n > 0.
inline double min_p_value(std::size_t n) { return std::exp2(1 - static_cast<double>(n)); }

}  // namespace clipsweep
