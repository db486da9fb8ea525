#include "clipsweep/statistics/mean_inference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "clipsweep/base/random.h"
#include "clipsweep/base/statistics.h"
#include "support/special_values.h"

namespace clipsweep {
namespace {

// Darwin's maize: heights of cross-fertilised plants less those of self-fertilised ones, in eighths
// of an inch (Fisher, The Design of Experiments, 1935).
const std::vector<double> kMaize = {49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};
// Survival times in days of the control mice, Efron & Tibshirani (1993), table 2.1.
const std::vector<double> kMice = {10, 27, 31, 40, 46, 50, 52, 104, 146};

TEST(InferMean, AgreesWithAnIndependentProgram) {
  // numpy with 2,400,000 resamples gives [-7.87, 38.23] and p = 0.1303; with 10,000, as here, they
  // scatter with standard deviations of 0.37, 0.17 and 0.0051: three of them are allowed. The upper
  // end is limited by 0.95 times Student's quantile at 14 degrees of freedom, 2.1448; mean 20.9333,
  // standard error 9.7456.
  const auto maize = infer_mean(kMaize);
  ASSERT_TRUE(maize);
  EXPECT_NEAR(maize->interval.lower, -7.87, 3 * 0.37);
  EXPECT_NEAR(maize->interval.upper, 20.9333 + 0.95 * 2.1448 * 9.7456, 0.001);
  EXPECT_NEAR(maize->p_value, 0.1303, 3 * 0.0051);
}

TEST(InferMean, IsLimitedByStudentsInterval) {
  // The bootstrap-t alone would give [31.90, 127.40]. Mean 56.222, standard error 14.159, Student's
  // quantile at 8 degrees of freedom 2.3060: 0.95 of it below and twice it above are the limits.
  const auto mice = infer_mean(kMice);
  ASSERT_TRUE(mice);
  EXPECT_NEAR(mice->interval.lower, 56.222 - 0.95 * 2.3060 * 14.159, 0.05);
  EXPECT_NEAR(mice->interval.upper, 56.222 + 2 * 2.3060 * 14.159, 0.1);
}

TEST(InferMean, IsTheSameEveryTime) {
  const auto first = infer_mean(kMaize);
  const auto second = infer_mean(kMaize);
  EXPECT_EQ(first->interval.lower, second->interval.lower);
  EXPECT_EQ(first->interval.upper, second->interval.upper);
  EXPECT_EQ(first->p_value, second->p_value);
}

TEST(InferMean, MovesAndScalesWithTheValues) {
  std::vector<double> moved;
  for (const double value : kMaize) moved.push_back(4 * value + 1000);
  const auto plain = infer_mean(kMaize);
  const auto transformed = infer_mean(moved);
  EXPECT_NEAR(transformed->interval.lower, 4 * plain->interval.lower + 1000, 1e-9);
  EXPECT_NEAR(transformed->interval.upper, 4 * plain->interval.upper + 1000, 1e-9);
}

TEST(InferMean, NeedsFiveValues) {
  EXPECT_FALSE(infer_mean({1, 2, 3, 4}));
  EXPECT_TRUE(infer_mean({1, 2, 3, 4, 5}));
}

TEST(InferMean, OfEqualValuesIsOnePoint) {
  const auto equal = infer_mean(std::vector<double>(7, 0.1));
  ASSERT_TRUE(equal);
  EXPECT_EQ(equal->interval.lower, mean(std::vector<double>(7, 0.1)));
  EXPECT_EQ(equal->interval.upper, equal->interval.lower);
  EXPECT_EQ(equal->p_value, 1.0 / 64);  // all seven signs equal by chance: 2 in 2^7
  EXPECT_EQ(infer_mean(std::vector<double>(7, 0.0))->p_value, 1);
}

// Accuracies have two decimals: that 75.00 becomes 74.99 for one seed changes next to nothing.
TEST(InferMean, DoesNotJumpBetweenEqualAndNearlyEqualValues) {
  for (const std::size_t n : {5, 6, 10, 30}) {
    std::vector<double> values(n, 2.0);
    const auto equal = infer_mean(values);
    values.back() -= 0.0001;
    const auto nearly = infer_mean(values);
    EXPECT_EQ(nearly->p_value, equal->p_value) << n;
    EXPECT_EQ(equal->p_value, std::pow(2, 1 - static_cast<double>(n)));
    EXPECT_NEAR(nearly->interval.lower, equal->interval.lower, 0.001) << n;
    EXPECT_NEAR(nearly->interval.upper, equal->interval.upper, 0.001) << n;
  }
}

// Five equal signs have a p-value of 0.0625 however large the values are.
TEST(InferMean, OfFiveValuesAlwaysIncludesZero) {
  const auto five = infer_mean({1.0, 1.1, 1.2, 1.3, 1.4});
  EXPECT_EQ(five->p_value, 0.0625);
  EXPECT_EQ(five->interval.lower, 0);
  EXPECT_GT(five->interval.upper, 1.3);
  EXPECT_EQ(infer_mean({-1.0, -1.1, -1.2, -1.3, -1.4})->interval.upper, 0);
  const auto six = infer_mean({1.0, 1.1, 1.2, 1.3, 1.4, 1.5});
  EXPECT_EQ(six->p_value, 0.03125);
  EXPECT_GT(six->interval.lower, 1);
}

TEST(InferMean, LeavesOutResamplesOfEqualValues) {
  // A third of the resamples, (4/5)^5, have equal values and thus no t. Mean and standard
  // error are 0.2, Student's quantile at 4 degrees of freedom is 2.776.
  const auto rare = infer_mean({0, 0, 0, 0, 1});
  ASSERT_TRUE(rare);
  EXPECT_NEAR(rare->interval.lower, 0.2 - 0.2 * 0.95 * 2.776, 1e-3);
  EXPECT_LE(rare->interval.upper, 0.2 + 0.2 * 2 * 2.777);
  EXPECT_GT(rare->interval.upper, 0.2);
}

TEST(InferMean, HasNoIntervalIfSquaresOverflow) {
  EXPECT_FALSE(infer_mean({1e200, 2e200, 3e200, 4e200, 5e200}));
}

TEST(InferMean, RefusesValuesThatAreNotFinite) {
  EXPECT_THROW(infer_mean({1, kNotANumber, 2, 3, 4, 5}), std::logic_error);
  EXPECT_THROW(infer_mean({1, kInfinity, 2, 3, 4, 5}), std::logic_error);
}

// The interval excludes zero exactly if the p-value is below 5 %.
TEST(InferMean, AgreesBetweenIntervalAndPValue) {
  RandomStream random(3, "agreement");
  int clear = 0;
  for (int i = 0; i < 300; ++i) {
    std::vector<double> values;
    for (int k = 0; k < 5 + i % 6; ++k) values.push_back(0.9 + std::exp(random.normal()) - 1.6);
    const auto result = infer_mean(values);
    const bool excludes_zero = result->interval.lower > 0 || result->interval.upper < 0;
    clear += excludes_zero ? 1 : 0;
    EXPECT_EQ(excludes_zero, result->p_value < 0.05) << result->p_value;
  }
  EXPECT_GT(clear, 30);
  EXPECT_LT(clear, 270);
}

// Simulations: minutes with sanitizers, for which the other tests run the same code.
#ifndef CLIPSWEEP_SANITIZED

// The share of samples of n values whose interval contains the true mean.
template <typename Draw>
double coverage(std::size_t n, double true_mean, const Draw& draw) {
  constexpr int kSamples = 400;
  RandomStream random(7, "coverage");
  int covered = 0;
  for (int i = 0; i < kSamples; ++i) {
    std::vector<double> values;
    for (std::size_t k = 0; k < n; ++k) values.push_back(draw(random));
    const Interval interval = infer_mean(values)->interval;
    covered += interval.lower <= true_mean && true_mean <= interval.upper ? 1 : 0;
  }
  return static_cast<double>(covered) / kSamples;
}

// 400 samples measure a coverage of 95 % with a standard deviation of 1.1 points; three are
// allowed.
TEST(InferMean, CoversTheMeanOfNormalValuesIn95Percent) {
  for (const std::size_t n : {6, 10, 30})
    EXPECT_NEAR(coverage(n, 0, [](auto& random) { return random.normal(); }), 0.955, 0.033) << n;
}

// Zero, which the interval of five values always includes, is on one side of this mean: only the
// other side can miss it.
TEST(InferMean, CoversTheMeanOfFiveNormalValuesIn97Percent) {
  EXPECT_NEAR(coverage(5, 10, [](auto& random) { return 10 + random.normal(); }), 0.975, 0.025);
}

// Heavy tails (Student's t with 3 degrees of freedom) and moderate skew (exponential), as in
// differences of accuracies. The numbers are from 4,000 samples (results/statistics.md).
TEST(InferMean, CoversTheMeanOfHeavyTailsAndSkewNearlyAsOften) {
  const auto heavy = [](auto& random) {
    double squares = 0;
    for (int i = 0; i < 3; ++i) squares += std::pow(random.normal(), 2);
    return random.normal() / std::sqrt(squares / 3);
  };
  const auto skewed = [](auto& random) { return -std::log(1 - random.uniform()); };
  for (const std::size_t n : {5, 10, 30}) {
    EXPECT_GT(coverage(n, 0, heavy), 0.945 - 0.035) << n;
    EXPECT_GT(coverage(n, 1, skewed), 0.93 - 0.038) << n;
  }
}

// For lognormal values, which are far more skewed than differences of accuracies, the interval
// covers the mean less often than in 95 %. Student's t interval, the usual alternative, covers
// about 82, 84 and 88 %.
TEST(InferMean, CoversTheMeanOfVerySkewedValuesLessOften) {
  const auto lognormal = [](auto& random) { return std::exp(random.normal()); };
  EXPECT_NEAR(coverage(5, std::exp(0.5), lognormal), 0.893, 0.046);
  EXPECT_NEAR(coverage(10, std::exp(0.5), lognormal), 0.901, 0.045);
  EXPECT_NEAR(coverage(30, std::exp(0.5), lognormal), 0.922, 0.040);
}

#endif

}  // namespace
}  // namespace clipsweep
