// The tail index of positive numbers: the exponent of the power law that their largest ones follow.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace clipsweep {

// P(X > x) falls as x^-estimate. With an index below 2 the variance is infinite, below 1 the mean.
struct TailIndex {
  double estimate = 0;
  double lower = 0;  // 95 % interval
  double upper = 0;
  std::uint64_t order_statistics = 0;  // how many of the largest numbers it is based on
};

// The largest numbers that the index is based on: max(10, sqrt(n)), rounded down.
std::uint64_t order_statistics_of(std::size_t n);

// The estimator of Hill (1975) from the k largest numbers x_1 >= ... >= x_k of n:
//
//   1 / mean of ln(x_i / x_{k+1}),   i = 1 ... k,   k = order_statistics_of(n)
//
// Of a Pareto distribution, 2 k index / estimate has a chi-squared distribution with 2 k degrees of
// freedom; the interval is the one that follows from it. Nothing if k + 1 numbers above 0 are
// lacking, or if the largest are equal. The numbers must be finite.
std::optional<TailIndex> tail_index(std::vector<double> numbers);

// The index of several samples that share one, from the index of each: the mean of 1 / index,
// weighted by the numbers of order statistics. Nothing without samples.
std::optional<TailIndex> pooled(const std::vector<TailIndex>& samples);

}  // namespace clipsweep
