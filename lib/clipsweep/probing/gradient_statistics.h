// What a sample of gradients at fixed weights says about their mean and their noise.
#pragma once

#include <cstddef>
#include <vector>

#include "clipsweep/model/parameters.h"
#include "clipsweep/probing/probe_record.h"

namespace clipsweep {

// The mean of the rows [K, D]: [D], summed in double.
std::vector<float> mean_of_rows(const Block& rows);

// rows [K, D]: K gradients, or their sketches, all finite; mean [D]: their mean; norms [K]: of the
// gradients. K >= kMinProbeBatches.
GradientStatistics gradient_statistics(const Block& rows, const std::vector<float>& mean,
                                       const std::vector<double>& norms);

// The degrees of freedom nu of a chi-squared law that has, scaled, the mean and the variance of the
// squared norm of a Gaussian vector with covariance S (Satterthwaite, 1946):
//
//   nu = (tr S)^2 / tr S^2
//
// tr S^2 is the mean of <d_i, d_j>^2 over pairs of the differences d_i = (g_2i - g_2i+1) / sqrt 2,
// which are independent and have covariance S. At least 1. noise_variance: tr S, above 0.
double effective_dimension(const Block& rows, double noise_variance);

// The histogram of norms of noise [K] beside the numbers expected of a Gaussian: the squared norm
// is distributed as `mean_square` / nu times chi-squared with nu degrees of freedom. Norms of 0 are
// left out.
NoiseHistogram noise_histogram(const std::vector<double>& noise_norms, double mean_square,
                               double degrees);

}  // namespace clipsweep
