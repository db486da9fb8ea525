// Plain statistics of a few numbers, one per seed of an arm. Every function is pure, takes only
// finite numbers (std::logic_error otherwise) and returns the same bits every time.
#pragma once

#include <vector>

namespace clipsweep {

double mean(const std::vector<double>& values);

// The sample standard deviation (divisor n - 1) of at least two values.
double standard_deviation(const std::vector<double>& values);

// The mean of the middle half: a quarter of the total weight is dropped at each end. If n/4 is not
// whole, the value at the cut keeps a fraction of its weight.
double interquartile_mean(std::vector<double> values);

// The quantile at `probability` in [0, 1], by linear interpolation between the two neighbouring
// order statistics (Hyndman & Fan's type 7, the default of numpy.percentile).
double quantile(std::vector<double> values, double probability);
double quantile_of_sorted(const std::vector<double>& sorted, double probability);

}  // namespace clipsweep
