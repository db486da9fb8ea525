#include "clipsweep/statistics/sample_size.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace clipsweep {
namespace {

TEST(PairsNeeded, AgreesWithPowerTables) {
  // statsmodels.stats.power.TTestPower().solve_power(effect_size=d, power=0.8, alpha=0.05) gives
  // 33.4, 9.9 and 786.8 for d = 0.5, 1 and 0.1.
  EXPECT_EQ(pairs_needed(2, 1), 34U);
  EXPECT_EQ(pairs_needed(1, 1), 10U);
  EXPECT_EQ(pairs_needed(10, 1), 787U);
  EXPECT_EQ(pairs_needed(0, 1), 6U);
  EXPECT_THROW(pairs_needed(1, 0), std::logic_error);
}

TEST(StandardDeviationInterval, AgreesWithAnIndependentProgram) {
  // Bonett's formula in numpy, with scipy.stats.trim_mean: Darwin's maize, and five values.
  const Interval maize =
      standard_deviation_interval({49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48});
  EXPECT_NEAR(maize.lower, 22.877121769862455, 1e-9);
  EXPECT_NEAR(maize.upper, 71.63341199193391, 1e-9);
  const Interval five = standard_deviation_interval({1, 2, 3, 4, 10});
  EXPECT_NEAR(five.lower, 0.8301917272647066, 1e-9);
  EXPECT_NEAR(five.upper, 24.764119281276475, 1e-9);
}

TEST(StandardDeviationInterval, OfEqualValuesIsZero) {
  EXPECT_EQ(standard_deviation_interval({2, 2, 2, 2, 2, 2}).upper, 0);
  EXPECT_THROW(standard_deviation_interval({1, 2, 3, 4}), std::logic_error);
}

TEST(PairsNeededRange, ContainsTheNumberForTheStandardDeviation) {
  const std::vector<double> values = {1, -2, 3, -4, 5, -6, 7, -8, 9, -10};  // SD 6.55
  const PairsRange range = pairs_needed_range(values, 2);
  EXPECT_LT(range.low, pairs_needed(6.55, 2));
  EXPECT_GT(range.high, pairs_needed(6.55, 2));
  EXPECT_LT(pairs_needed_range(values, 4).high, range.high);
}

}  // namespace
}  // namespace clipsweep
