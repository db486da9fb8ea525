// Shares of runs: their intervals, and the comparison of two shares over the same seeds.
#pragma once

#include <cstdint>

#include "clipsweep/statistics/interval.h"

namespace clipsweep {

// The 95 % interval of a probability (Wilson, 1927) after `successes` in `trials` > 0. A tie counts
// as half a success.
Interval wilson_interval(double successes, std::uint64_t trials);

// A number of runs among all.
struct RunShare {
  std::uint64_t count = 0;
  std::uint64_t n = 0;

  double share() const { return static_cast<double>(count) / static_cast<double>(n); }
};

// The 95 % interval of the first probability minus the second, of independent samples with n > 0:
// method 10 of Newcombe (1998, Statistics in Medicine 17, 873-890), from both Wilson intervals.
Interval share_difference_interval(const RunShare& first, const RunShare& second);

// How often something happened at the same seeds on two sides.
struct PairedCounts {
  std::uint64_t both = 0;
  std::uint64_t only_first = 0;
  std::uint64_t only_second = 0;
  std::uint64_t neither = 0;

  std::uint64_t first() const { return both + only_first; }
  std::uint64_t second() const { return both + only_second; }
  std::uint64_t n() const { return both + only_first + only_second + neither; }
};

// The exact two-sided p-value that both sides have the same probability: McNemar's (1947) test, in
// which only the seeds count at which the sides differ, by the binomial distribution. 1 if there is
// no such seed.
double exact_mcnemar_p_value(const PairedCounts& counts);

// The 95 % interval of the first side's probability minus the second's, over n > 0 pairs: method 10
// of Newcombe (1998, Statistics in Medicine 17, 2635-2650), from the Wilson intervals of both sides
// and their correlation.
Interval newcombe_interval(const PairedCounts& counts);

}  // namespace clipsweep
