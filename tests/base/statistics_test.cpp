#include "clipsweep/base/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "support/special_values.h"

namespace clipsweep {
namespace {

TEST(Mean, IsTheSumOverTheCount) { EXPECT_EQ(mean({1, 2, 4, 5}), 3); }

TEST(StandardDeviation, DividesByCountMinusOne) {
  // The textbook's eight marks: the squared distances from their mean 5 add up to 32.
  EXPECT_DOUBLE_EQ(standard_deviation({2, 4, 4, 4, 5, 5, 7, 9}), std::sqrt(32.0 / 7));
}

TEST(StandardDeviation, OfOneValueIsALogicError) {
  EXPECT_THROW(standard_deviation({1}), std::logic_error);
}

TEST(InterquartileMean, IsTheMeanOfTheMiddleHalf) {
  // The two examples of Wikipedia's article: 12 values, and 9, where a quarter is 2.25 values.
  EXPECT_DOUBLE_EQ(interquartile_mean({5, 8, 4, 38, 8, 6, 9, 7, 7, 3, 1, 6}), 6.5);
  EXPECT_DOUBLE_EQ(interquartile_mean({1, 3, 5, 7, 9, 11, 13, 15, 17}), 9);
}

TEST(InterquartileMean, KeepsAFractionOfTheWeightAtTheCut) {
  // Of 3 values a quarter is 0.75, so the weights are 0.25, 1, 0.25.
  EXPECT_DOUBLE_EQ(interquartile_mean({7, 1, 2}), (0.25 * 1 + 2 + 0.25 * 7) / 1.5);
}

TEST(InterquartileMean, OfOneOrTwoValuesIsTheirMean) {
  EXPECT_DOUBLE_EQ(interquartile_mean({3}), 3);
  EXPECT_DOUBLE_EQ(interquartile_mean({3, 5}), 4);
}

TEST(InterquartileMean, IgnoresAnOutlier) {
  EXPECT_DOUBLE_EQ(interquartile_mean({1, 2, 3, 4}), interquartile_mean({1, 2, 3, 4e9}));
}

TEST(Quantile, AgreesWithNumpy) {
  // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], [0, 10, 50, 90, 99, 100])
  const std::vector<double> values = {3, 1, 4, 1, 5, 9, 2, 6};
  const std::vector<double> sorted = {1, 1, 2, 3, 4, 5, 6, 9};
  const std::vector<std::pair<double, double>> expected = {{0, 1},     {0.1, 1},     {0.5, 3.5},
                                                           {0.9, 6.9}, {0.99, 8.79}, {1, 9}};
  for (const auto& [probability, value] : expected) {
    EXPECT_DOUBLE_EQ(quantile(values, probability), value);
    EXPECT_EQ(quantile(values, probability), quantile_of_sorted(sorted, probability));
  }
}

TEST(Quantile, OfOneValueIsThatValue) { EXPECT_EQ(quantile({4}, 0.9), 4); }

TEST(Quantile, RefusesAnInvalidProbability) {
  EXPECT_THROW(quantile({1, 2}, 1.5), std::logic_error);
  EXPECT_THROW(quantile({1, 2}, kNotANumber), std::logic_error);
}

TEST(Statistics, RefuseEmptyAndNonfiniteInput) {
  for (const auto& values : {std::vector<double>{}, {1, kNotANumber, 2, 3, 4, 5}}) {
    EXPECT_THROW(mean(values), std::logic_error);
    EXPECT_THROW(standard_deviation(values), std::logic_error);
    EXPECT_THROW(interquartile_mean(values), std::logic_error);
    EXPECT_THROW(quantile(values, 0.5), std::logic_error);
  }
}

}  // namespace
}  // namespace clipsweep
