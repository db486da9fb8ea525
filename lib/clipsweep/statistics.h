// Plain statistics over the few numbers that the seeds of an arm give. Every function is pure,
// takes finite numbers only (std::logic_error otherwise) and returns the same bits on every run.
#pragma once

#include <optional>
#include <vector>

namespace clipsweep {

double mean(const std::vector<double>& values);

// The sample standard deviation (divisor n - 1) of at least two values.
double standard_deviation(const std::vector<double>& values);

// The mean of the middle half. A quarter of the total weight is cut off at either end; where n/4 is
// not whole, the value at the cut keeps the fraction of its weight that lies inside.
double interquartile_mean(std::vector<double> values);

// The quantile at `probability` in [0, 1], by linear interpolation between the two neighbouring
// order statistics (Hyndman & Fan's type 7, the default of numpy.percentile).
double quantile(std::vector<double> values, double probability);
double quantile_of_sorted(const std::vector<double>& sorted, double probability);

struct Interval {
  double lower = 0;
  double upper = 0;
};

// With fewer values there is no interval: it would promise a certainty that is not there.
inline constexpr std::size_t kFewestForInterval = 5;

// The 95 % bootstrap-t interval of the mean (Efron & Tibshirani 1993, chapter 12.5), from 10,000
// resamples of a fixed random stream; nothing below 5 values, or where their squares overflow.
// Resamples without spread, which have no t, are left out; if all values are equal, both ends are
// the mean.
std::optional<Interval> bootstrap_t_interval(const std::vector<double>& values);

}  // namespace clipsweep
