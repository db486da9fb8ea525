// How many seeds a difference needs. The standard deviation of the differences is itself an
// estimate, so the answer is a range.
#pragma once

#include <cstdint>
#include <vector>

#include "clipsweep/statistics/interval.h"

namespace clipsweep {

// The number of pairs that detect a mean difference of this size with a power of 80 % at a
// two-sided level of 5 %, if single differences have this standard deviation (normal theory with
// Guenther's (1981) correction for Student's t). At least 6, and at most 1e15.
std::uint64_t pairs_needed(double standard_deviation, double mean_difference);

// The 95 % interval of the standard deviation of a distribution that need not be normal, from at
// least 5 values: Bonett (2006, Computational Statistics & Data Analysis 50, 775-782), which
// follows the kurtosis of the values. Both ends are 0 if all values are equal.
Interval standard_deviation_interval(const std::vector<double>& values);

// The numbers of pairs needed at both ends of the interval of the standard deviation.
struct PairsRange {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};
PairsRange pairs_needed_range(const std::vector<double>& values, double mean_difference);

}  // namespace clipsweep
