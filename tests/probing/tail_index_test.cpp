#include "clipsweep/probing/tail_index.h"

#include <gtest/gtest.h>

#include <cmath>

#include "clipsweep/base/random.h"

namespace clipsweep {
namespace {

// P(X > x) = x^-index for x > 1, by the inverse of that.
std::vector<double> pareto_sample(std::size_t n, double index, RandomStream& random) {
  std::vector<double> numbers;
  for (std::size_t i = 0; i < n; ++i) numbers.push_back(std::pow(1 - random.uniform(), -1 / index));
  return numbers;
}

TEST(TailIndex, IntervalCoversTheIndexOfParetoDataInNineteenOfTwentySamples) {
  RandomStream random(0, "pareto");
  constexpr int kSamples = 2000;
  for (const double index : {0.8, 1.5, 4.0}) {
    int covered = 0;
    for (int i = 0; i < kSamples; ++i) {
      const auto found = tail_index(pareto_sample(100, index, random));
      ASSERT_TRUE(found);
      covered += found->lower <= index && index <= found->upper ? 1 : 0;
    }
    // 95 % +- 3 standard deviations of a share of 2000.
    EXPECT_NEAR(covered / double{kSamples}, 0.95, 0.015) << index;
  }
}

TEST(TailIndex, IsThatOfTheLargestNumbersOnly) {
  RandomStream random(1, "pareto");
  auto numbers = pareto_sample(1000, 1.5, random);
  const auto all = tail_index(numbers);
  // Smaller numbers may be anything: 31 of 1000 count.
  std::sort(numbers.begin(), numbers.end());
  for (std::size_t i = 0; i < 900; ++i) numbers[i] = 0;
  EXPECT_EQ(all->order_statistics, 31U);
  EXPECT_EQ(tail_index(numbers)->estimate, all->estimate);
}

TEST(TailIndex, IsThatOfHillsFormula) {
  std::vector<double> numbers(20, 1.0);
  for (std::size_t i = 0; i < 10; ++i) numbers[i] = std::exp(1.0 + static_cast<double>(i));
  // The mean logarithm of e^1 ... e^10 by the eleventh number, 1, is 5.5.
  EXPECT_NEAR(tail_index(numbers)->estimate, 1 / 5.5, 1e-15);
}

TEST(TailIndex, DoesNotDependOnScale) {
  RandomStream random(2, "pareto");
  auto numbers = pareto_sample(100, 2, random);
  const double estimate = tail_index(numbers)->estimate;
  for (double& number : numbers) number *= 1024;
  EXPECT_DOUBLE_EQ(tail_index(numbers)->estimate, estimate);
}

TEST(TailIndex, IsNothingWithoutSpreadOrWithTooFewNumbers) {
  EXPECT_FALSE(tail_index(std::vector<double>(100, 3.0)));
  EXPECT_FALSE(tail_index(std::vector<double>(100, 0.0)));
  EXPECT_FALSE(tail_index({3, 2, 1}));
  EXPECT_FALSE(tail_index({}));
}

TEST(PooledTailIndex, NarrowsTheIntervalAndKeepsAnEqualEstimate) {
  const TailIndex one{2, 1, 3, 10};
  const auto all = pooled({one, one, one, one});
  EXPECT_DOUBLE_EQ(all->estimate, 2);
  EXPECT_EQ(all->order_statistics, 40U);
  // scipy.stats.chi2.ppf([0.025, 0.975], 80) / 80 * 2
  EXPECT_NEAR(all->lower, 1.42883, 1e-4);
  EXPECT_NEAR(all->upper, 2.66572, 1e-4);
  EXPECT_FALSE(pooled({}));
}

}  // namespace
}  // namespace clipsweep
