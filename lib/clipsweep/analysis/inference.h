// Intervals and tests over the seeds of an arm: means of paired differences, shares of runs, ranks.
// results/statistics.md explains the choice of methods and how well they cover. Every function is
// pure and returns the same bits on every run.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace clipsweep {

struct Interval {
  double lower = 0;
  double upper = 0;
};

// There is no interval for fewer values: it would suggest a certainty that they do not have.
inline constexpr std::size_t kMinPairsForInterval = 5;

// The level of all tests and, as 1 - level, of all intervals.
inline constexpr double kSignificanceLevel = 0.05;

// The interval and the test of the mean of a distribution, from a sample.
struct MeanInference {
  Interval interval;   // 95 %
  double p_value = 1;  // two-sided, of a mean of zero; below 0.05 if the interval excludes 0
};

// Uses the bootstrap-t (Efron & Tibshirani 1993, chapter 12.5) with 10,000 resamples from a fixed
// random stream. Its quantiles are limited to between 0.8 and 2 times Student's, because the
// bootstrap's own are unstable if there are few, unevenly spread values. Returns nothing for fewer
// than 5 values, or if their squares overflow. If all values are equal, both ends are the mean.
// Throws std::logic_error unless all values are finite.
std::optional<MeanInference> infer_mean(const std::vector<double>& values);

// The 95 % interval of a probability (Wilson, 1927) after `successes` in `trials` > 0. A tie counts
// as half a success.
Interval wilson_interval(double successes, std::uint64_t trials);

// The two-sided p-value of Wilcoxon's signed-rank test of differences that are symmetric around
// zero. Zeros are left out; equal sizes share their mean rank, and infinite sizes are equal. Exact
// for up to 50 differences, by the normal approximation for more. Returns 1 if all are zero.
double signed_rank_p_value(const std::vector<double>& differences);

// The p-values after Holm's (1979) correction for multiple comparisons, in the same order.
std::vector<double> holm_adjusted(const std::vector<double>& p_values);

// The number of pairs that detect a mean difference of this size with a power of 80 % at a
// two-sided level of 5 %, if single differences have this standard deviation (normal theory with
// Guenther's (1981) correction for Student's t). At least 5.
std::uint64_t pairs_needed(double standard_deviation, double mean_difference);

}  // namespace clipsweep
