#include "clipsweep/probing/clip_statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "clipsweep/base/random.h"
#include "clipsweep/clipping/clipping.h"

namespace clipsweep {
namespace {

constexpr std::size_t kDimensions = 30;

// Rows of a mean, the same in each dimension, plus noise times a factor that is drawn per row.
Block drawn_rows(std::size_t batches, double mean, const std::function<double()>& factor,
                 RandomStream& random) {
  Block rows(batches, kDimensions);
  for (std::size_t k = 0; k < batches; ++k) {
    const double length = factor();
    for (float& element : rows.row(k))
      element = static_cast<float>(mean + length * random.normal());
  }
  return rows;
}

// Clips each row by its norm; returns how many were clipped.
std::size_t clip_rows(Block& rows, double limit) {
  std::size_t clipped = 0;
  for (std::size_t k = 0; k < rows.rows(); ++k)
    clipped += clip_by_norm(rows.row(k), euclidean_norm(rows.row(k)), limit).clipped ? 1 : 0;
  return clipped;
}

ClipStatistics statistics_of_limit(const Block& rows, double limit) {
  Block clipped_rows = rows;
  const std::size_t clipped = clip_rows(clipped_rows, limit);
  return clip_statistics(SampleRows(rows), SampleRows(clipped_rows), clipped);
}

Prediction prediction_at(const Block& rows, double limit) {
  const auto found = statistics_of_limit(rows, limit);
  return prediction_of(found.clipped_share, found.comparison);
}

// A mean of products over all pairs of different batches, as it is defined.
double pair_mean(const Block& a, const Block& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rows(); ++i)
    for (std::size_t j = 0; j < b.rows(); ++j)
      if (i != j) sum += dot_product(a.row(i), b.row(j));
  return sum / static_cast<double>(a.rows() * (a.rows() - 1));
}

double mean_square(const Block& rows) {
  double sum = 0;
  for (std::size_t k = 0; k < rows.rows(); ++k) sum += dot_product(rows.row(k), rows.row(k));
  return sum / static_cast<double>(rows.rows());
}

double log_criterion(const Block& rows, const Block& clipped) {
  const double mu = pair_mean(clipped, rows) / pair_mean(rows, rows);
  return 2 * std::log(mu) - std::log(mean_square(clipped) / mean_square(rows));
}

TEST(ClipStatistics, AreThoseOfTheirDefinitions) {
  RandomStream random(0, "rows");
  const Block rows = drawn_rows(
      25, 0.5, [] { return 1.0; }, random);
  Block clipped_rows = rows;
  const std::size_t clipped = clip_rows(clipped_rows, 5);
  ASSERT_GT(clipped, 5U);
  ASSERT_LT(clipped, 25U);
  const auto found = clip_statistics(SampleRows(rows), SampleRows(clipped_rows), clipped);
  EXPECT_NEAR(*found.descent_reduction, pair_mean(clipped_rows, rows) / pair_mean(rows, rows),
              1e-6);
  EXPECT_NEAR(*found.variance_reduction, mean_square(clipped_rows) / mean_square(rows), 1e-6);
  EXPECT_DOUBLE_EQ(found.clipped_share, static_cast<double>(clipped) / 25);

  // The jackknife, by leaving out each batch.
  std::vector<double> values;
  for (std::size_t left_out = 0; left_out < 25; ++left_out) {
    std::vector<std::size_t> kept;
    for (std::size_t k = 0; k < 25; ++k)
      if (k != left_out) kept.push_back(k);
    Block rest = rows, clipped_rest = clipped_rows;
    rest.keep_rows(kept);
    clipped_rest.keep_rows(kept);
    values.push_back(log_criterion(rest, clipped_rest));
  }
  const double center = std::accumulate(values.begin(), values.end(), 0.0) / 25;
  double squares = 0;
  for (const double value : values) squares += (value - center) * (value - center);
  const double error = std::sqrt(squares * 24 / 25);
  const double value = log_criterion(rows, clipped_rows);
  EXPECT_NEAR(std::log(found.comparison->value), value, 1e-5);
  EXPECT_NEAR(std::log(found.comparison->lower), value - 1.959964 * error, 1e-4);
  EXPECT_NEAR(std::log(found.comparison->upper), value + 1.959964 * error, 1e-4);
}

TEST(ClipStatistics, OfALimitThatNoGradientExceedsAreThoseOfNoClipping) {
  RandomStream random(1, "rows");
  const auto found = statistics_of_limit(drawn_rows(
                                             50, 1, [] { return 1.0; }, random),
                                         1e6);
  EXPECT_EQ(found.clipped_share, 0);
  EXPECT_EQ(*found.descent_reduction, 1);
  EXPECT_EQ(*found.variance_reduction, 1);
  EXPECT_NEAR(*found.cosine, 1, 1e-12);
  EXPECT_EQ(prediction_of(found.clipped_share, found.comparison), Prediction::kInactive);
}

// Marshall et al. (2024): with Gaussian noise the criterion is below 1 at every threshold.
TEST(ClipStatistics, DoNotPredictThatClippingHelpsAgainstGaussianNoise) {
  RandomStream random(2, "rows");
  const Block rows = drawn_rows(
      1000, 0.3, [] { return 1.0; }, random);
  for (const double limit : {1.0, 3.0, 5.0, 6.0})
    EXPECT_NE(prediction_at(rows, limit), Prediction::kHelps) << limit;
}

TEST(ClipStatistics, PredictThatClippingHelpsAgainstHeavyTails) {
  RandomStream random(3, "rows");
  const auto pareto = [&] { return std::pow(1 - random.uniform(), -1 / 1.5); };
  const Block rows = drawn_rows(300, 3, pareto, random);
  EXPECT_EQ(prediction_at(rows, 25), Prediction::kHelps);
}

// The large gradients point where the mean points: what clipping takes away is signal.
TEST(ClipStatistics, PredictThatClippingHurtsWhereLargeGradientsAreTheSignal) {
  RandomStream random(4, "rows");
  Block rows = drawn_rows(
      200, 0, [] { return 1.0; }, random);
  for (std::size_t k = 0; k < 100; ++k)
    for (float& element : rows.row(k)) element += 2;
  EXPECT_EQ(prediction_at(rows, 3), Prediction::kHurts);
}

// The criterion is a factor of training speed: 1.02 is 2 %, however narrow its interval is.
TEST(Prediction, NeedsAnEffectThatMatters) {
  const auto prediction = [](double value, double lower, double upper) {
    return prediction_of(0.5, CriterionEstimate{value, lower, upper});
  };
  EXPECT_EQ(prediction(1.02, 1.01, 1.03), Prediction::kNegligible);
  EXPECT_EQ(prediction(0.98, 0.97, 0.99), Prediction::kNegligible);
  EXPECT_EQ(prediction(1.02, 0.99, 1.05), Prediction::kNegligible);
  EXPECT_EQ(prediction(1.04, 1.01, 1.07), Prediction::kUnclear);
  EXPECT_EQ(prediction(1.2, 0.99, 1.5), Prediction::kUnclear);
  EXPECT_EQ(prediction(1.05, 1.01, 1.1), Prediction::kHelps);
  EXPECT_EQ(prediction(1 / 1.05, 0.9, 0.99), Prediction::kHurts);
}

// A rule that clips one batch of many: it removes variance, significantly, but next to nothing.
TEST(ClipStatistics, PredictNoEffectOfARuleThatHardlyActs) {
  RandomStream random(6, "rows");
  const Block rows = drawn_rows(
      400, 3, [] { return 1.0; }, random);
  double largest = 0;
  for (std::size_t k = 0; k < rows.rows(); ++k)
    largest = std::max(largest, euclidean_norm(rows.row(k)));
  const auto found = statistics_of_limit(rows, 0.99 * largest);
  EXPECT_GT(found.clipped_share, 0);
  EXPECT_EQ(prediction_of(found.clipped_share, found.comparison), Prediction::kNegligible);
}

TEST(ClipStatistics, MakeNoPredictionWhereTheMeanGradientIsLostInNoise) {
  RandomStream random(5, "rows");
  Block rows = drawn_rows(
      40, 0, [] { return 1.0; }, random);
  for (std::size_t k = 0; k < 40; k += 2)  // pairs that cancel
    for (std::size_t i = 0; i < kDimensions; ++i) rows.row(k + 1)[i] = -rows.row(k)[i];
  const auto found = statistics_of_limit(rows, 3);
  EXPECT_FALSE(found.descent_reduction);
  EXPECT_FALSE(found.comparison);
  EXPECT_EQ(prediction_of(found.clipped_share, found.comparison), Prediction::kUnclear);
}

TEST(ClipStatistics, OfZerosAreZerosWithoutCriteria) {
  const Block rows(20, kDimensions);
  const auto found = clip_statistics(SampleRows(rows), SampleRows(rows), 0);
  EXPECT_EQ(found.mean_clipped_norm, 0);
  EXPECT_FALSE(found.cosine);
  EXPECT_FALSE(found.variance_reduction);
  EXPECT_FALSE(found.comparison);
}

}  // namespace
}  // namespace clipsweep
