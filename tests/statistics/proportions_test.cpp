#include "clipsweep/statistics/proportions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "support/special_values.h"

namespace clipsweep {
namespace {

TEST(WilsonInterval, AgreesWithAnIndependentProgram) {
  // scipy.stats.binomtest(8, 10).proportion_ci(method="wilson")
  const Interval eight = wilson_interval(8, 10);
  EXPECT_NEAR(eight.lower, 0.4901624715366418, 1e-12);
  EXPECT_NEAR(eight.upper, 0.9433178485456248, 1e-12);
  const Interval none = wilson_interval(0, 10);
  EXPECT_EQ(none.lower, 0);
  EXPECT_NEAR(none.upper, 0.27753279986288926, 1e-12);
  EXPECT_EQ(wilson_interval(10, 10).upper, 1);
}

TEST(WilsonInterval, RefusesImpossibleCounts) {
  EXPECT_THROW(wilson_interval(0, 0), std::logic_error);
  EXPECT_THROW(wilson_interval(3, 2), std::logic_error);
  EXPECT_THROW(wilson_interval(kNotANumber, 2), std::logic_error);
}

TEST(McNemar, IsTheSignTestOfTheUnequalPairs) {
  // scipy.stats.binomtest(2, 14), (1, 6) and (0, 6); pairs that agree do not count.
  EXPECT_NEAR(exact_mcnemar_p_value({36, 12, 2, 0}), 0.012939453125, 1e-12);
  EXPECT_NEAR(exact_mcnemar_p_value({0, 1, 5, 24}), 0.21875, 1e-12);
  EXPECT_NEAR(exact_mcnemar_p_value({0, 0, 6, 4}), 0.03125, 1e-12);
  EXPECT_EQ(exact_mcnemar_p_value({10, 0, 0, 10}), 1);
  EXPECT_EQ(exact_mcnemar_p_value({0, 3, 3, 0}), 1);
}

TEST(NewcombeInterval, AgreesWithThePaper) {
  // Newcombe (1998), table II, method 10: 36, 12, 2, 0 gives 0.0569 to 0.3404.
  const Interval paper = newcombe_interval({36, 12, 2, 0});
  EXPECT_NEAR(paper.lower, 0.0569, 5e-5);
  EXPECT_NEAR(paper.upper, 0.3404, 5e-5);
}

TEST(NewcombeInterval, AgreesWithAnIndependentProgram) {
  // The formula in numpy: with a positive correlation, a negative one, and sides that never differ.
  const Interval positive = newcombe_interval({20, 12, 2, 16});
  EXPECT_NEAR(positive.lower, 0.05615642484174829, 1e-12);
  EXPECT_NEAR(positive.upper, 0.32920699540014053, 1e-12);
  const Interval negative = newcombe_interval({5, 3, 8, 14});
  EXPECT_NEAR(negative.lower, -0.36477496571918333, 1e-12);
  EXPECT_NEAR(negative.upper, 0.05278087404900922, 1e-12);
  const Interval never = newcombe_interval({0, 0, 0, 10});
  EXPECT_NEAR(never.lower, -0.27753279986288926, 1e-12);
  EXPECT_NEAR(never.upper, 0.27753279986288926, 1e-12);
}

TEST(NewcombeInterval, ChangesItsSignWithTheSides) {
  const Interval one = newcombe_interval({3, 9, 1, 17});
  const Interval other = newcombe_interval({3, 1, 9, 17});
  EXPECT_NEAR(one.lower, -other.upper, 1e-12);
  EXPECT_NEAR(one.upper, -other.lower, 1e-12);
  EXPECT_THROW(newcombe_interval({}), std::logic_error);
}

}  // namespace
}  // namespace clipsweep
