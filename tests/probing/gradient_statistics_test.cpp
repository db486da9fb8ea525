#include "clipsweep/probing/gradient_statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "clipsweep/base/random.h"
#include "clipsweep/model/gradient_norms.h"

namespace clipsweep {
namespace {

// Normal numbers with a standard deviation per column, around `mean`.
Block normal_rows(std::size_t batches, const std::vector<double>& deviations, double mean,
                  RandomStream& random) {
  Block rows(batches, deviations.size());
  for (std::size_t k = 0; k < batches; ++k)
    for (std::size_t i = 0; i < deviations.size(); ++i)
      rows.row(k)[i] = static_cast<float>(mean + deviations[i] * random.normal());
  return rows;
}

GradientStatistics statistics_of(const Block& rows) {
  std::vector<double> norms;
  for (std::size_t k = 0; k < rows.rows(); ++k) norms.push_back(euclidean_norm(rows.row(k)));
  return gradient_statistics(rows, mean_of_rows(rows), norms);
}

TEST(GradientStatistics, FindTheMeanAndTheNoiseOfGaussianRows) {
  RandomStream random(0, "rows");
  // Ten columns with variance 4 and thirty with variance 1: tr S = 70, tr S^2 = 190.
  std::vector<double> deviations(40, 1);
  std::fill_n(deviations.begin(), 10, 2);
  const auto found = statistics_of(normal_rows(1000, deviations, 0.5, random));
  EXPECT_NEAR(found.noise_variance, 70, 2);
  EXPECT_NEAR(*found.effective_dimension, 70.0 * 70 / 190, 1.5);
  EXPECT_NEAR(*found.expected_gradient_norm, std::sqrt(40 * 0.25), 0.1);
  EXPECT_GT(found.mean_gradient_norm, *found.expected_gradient_norm);
  EXPECT_GT(found.noise_tail_index->lower, 4);
  for (const auto& skewness : found.random_skewness) {
    ASSERT_TRUE(skewness);
    EXPECT_NEAR(*skewness, 0, 0.35);  // its standard deviation is sqrt(6 / 1000)
  }
}

// Pearson's chi-squared of the counts against the Gaussian's, over bins that expect 10 or more.
double disagreement(const NoiseHistogram& histogram, int& bins) {
  double sum = 0;
  bins = 0;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    const double expected = histogram.gaussian[i];
    if (expected < 10) continue;
    const double distance = static_cast<double>(histogram.counts[i]) - expected;
    sum += distance * distance / expected;
    ++bins;
  }
  return sum;
}

TEST(GradientStatistics, HistogramOfGaussianNoiseAgreesWithTheGaussianBesideIt) {
  RandomStream random(1, "rows");
  const auto found = statistics_of(normal_rows(1000, std::vector<double>(8, 0.01), 0, random));
  const auto& histogram = *found.noise_histogram;
  const auto& counts = histogram.counts;
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0U), 1000U);
  int bins = 0;
  const double sum = disagreement(histogram, bins);
  ASSERT_GE(bins, 5);
  EXPECT_LT(sum, 3 * bins);
}

TEST(GradientStatistics, HistogramOfHeavyTailsDisagreesWithTheGaussian) {
  RandomStream random(2, "rows");
  Block rows = normal_rows(1000, std::vector<double>(8, 1), 0, random);
  for (std::size_t k = 0; k < rows.rows(); ++k) {
    const auto factor = static_cast<float>(std::pow(1 - random.uniform(), -1 / 1.5));
    for (float& element : rows.row(k)) element *= factor;
  }
  const auto found = statistics_of(rows);
  int bins = 0;
  EXPECT_GT(disagreement(*found.noise_histogram, bins), 10 * bins);
  EXPECT_LT(found.noise_tail_index->upper, 3);
}

TEST(GradientStatistics, OfEqualGradientsHaveNoNoise) {
  Block rows(30, 5);
  std::fill_n(rows.data(), 150, 2.0F);
  const auto found = statistics_of(rows);
  EXPECT_EQ(found.noise_variance, 0);
  EXPECT_FALSE(found.effective_dimension);
  EXPECT_FALSE(found.noise_histogram);
  EXPECT_FALSE(found.noise_tail_index);
  EXPECT_FALSE(found.mean_direction_skewness);
  EXPECT_FLOAT_EQ(static_cast<float>(*found.expected_gradient_norm), std::sqrt(20.0F));
}

TEST(GradientStatistics, SeeTheSkewnessAlongTheMeanGradient) {
  RandomStream random(3, "rows");
  Block rows = normal_rows(500, std::vector<double>(10, 0.1), 0, random);
  for (std::size_t k = 0; k < rows.rows(); ++k)  // exponential: its skewness is 2
    rows.row(k)[0] += static_cast<float>(-std::log(1 - random.uniform()));
  EXPECT_NEAR(*statistics_of(rows).mean_direction_skewness, 2, 0.6);
}

}  // namespace
}  // namespace clipsweep
