// The distribution of a mean's t over further samples: that of the bootstrap, limited by Student's.
// The interval and the p-value follow from the same numbers, so that they always agree.
#pragma once

#include <cstddef>
#include <vector>

#include "clipsweep/statistics/interval.h"

namespace clipsweep {

// A mean with its standard error, of n values.
struct MeanEstimate {
  double center = 0;
  double error = 0;
  std::size_t n = 0;
};

// The t of resamples, each the distance of a mean from its center in units of its standard error.
// Of several means that are tested together, the largest and the smallest t of each resample.
struct ResampledT {
  std::vector<double> largest;   // their upper quantile limits the interval below
  std::vector<double> smallest;  // their lower quantile limits it above
};

// The 95 % interval of a mean and the two-sided p-value of a mean of zero. The quantiles are
// limited to between 0.95 times Student's and 2 times Student's at a level of 5 % / means
// (Bonferroni); `means` is how many are tested together. The interval excludes zero exactly if the
// p-value is below 0.05. `resampled.largest` and `.smallest` may be in any order.
MeanInference inference_within_student(const MeanEstimate& mean, ResampledT resampled,
                                       std::size_t means);

// Whether a sample has a standard error: its values are not all equal, up to rounding.
bool differ(const std::vector<double>& values);

// No p-value is below that of n equal signs (`min_p_value`), and an interval whose p-value is not
// below 0.05 includes zero.
MeanInference without_assumptions(MeanInference inference, std::size_t n);

}  // namespace clipsweep
