// Intervals and tests for what the seeds of an arm show: means of paired differences, shares of
// runs, ranks. results/statistics.md says why these and how well they cover. Every function is pure
// and returns the same bits on every run.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace clipsweep {

struct Interval {
  double lower = 0;
  double upper = 0;
};

// With fewer values there is no interval: it would promise a certainty that is not there.
inline constexpr std::size_t kMinPairsForInterval = 5;

// What values say about the mean that they were drawn around.
struct MeanInference {
  Interval interval;   // 95 %
  double p_value = 1;  // two-sided, of a mean of zero; below 0.05 where the interval leaves out 0
};

// By the bootstrap-t (Efron & Tibshirani 1993, chapter 12.5) with 10,000 resamples of a fixed
// random stream, its quantiles held between 0.8 and 2 times Student's: where few values are spread
// unevenly, the bootstrap's own are wild. Nothing below 5 values, or where their squares overflow.
// If all values are equal, both ends are the mean. Throws std::logic_error on values that are not
// finite.
std::optional<MeanInference> infer_mean(const std::vector<double>& values);

// The 95 % interval of a probability (Wilson, 1927) after `successes` in `trials` > 0; a half
// success is a tie.
Interval wilson_interval(double successes, std::uint64_t trials);

// The two-sided p-value of Wilcoxon's signed-rank test that the differences lie around zero
// symmetrically. Zeros are left out; equal sizes share their mean rank, infinite ones are equal.
// Exact up to 50 differences, above by the normal approximation. 1 where nothing is left.
double signed_rank_p_value(const std::vector<double>& differences);

// Holm's (1979) adjustment for looking at all of these: what each p-value is worth among the
// others.
std::vector<double> holm_adjusted(const std::vector<double>& p_values);

// How many pairs show a mean difference of this size with a power of 80 % at 5 %, two-sided, where
// single differences have this standard deviation (normal theory with Guenther's (1981) correction
// for Student's t). At least 5.
std::uint64_t pairs_needed(double standard_deviation, double mean_difference);

}  // namespace clipsweep
