#include "clipsweep/statistics/survival.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace clipsweep {
namespace {

// Weeks in remission with maintenance chemotherapy and without; + is censored (Miller, Survival
// Analysis, 1981, p. 49; `aml` in R's package survival). The medians are those of R's survfit, 31
// and 23; the intervals are from the formulas in numpy.
TEST(MedianDuration, AgreesWithAKnownExample) {
  const auto maintained = median_duration({{9, true},
                                           {13, true},
                                           {13, false},
                                           {18, true},
                                           {23, true},
                                           {28, false},
                                           {31, true},
                                           {34, true},
                                           {45, false},
                                           {48, true},
                                           {161, false}});
  EXPECT_EQ(maintained.n, 11U);
  EXPECT_EQ(maintained.happened, 7U);
  EXPECT_EQ(maintained.median, 31);
  EXPECT_EQ(maintained.lower, 13);
  EXPECT_FALSE(maintained.upper);
  std::vector<Duration> not_maintained = {{16, false}};
  for (const double week : {5, 5, 8, 8, 12, 23, 27, 30, 33, 43, 45})
    not_maintained.push_back({week, true});
  const auto other = median_duration(not_maintained);
  EXPECT_EQ(other.median, 23);
  EXPECT_EQ(other.lower, 5);
  EXPECT_EQ(other.upper, 33);
}

TEST(MedianDuration, HasNoMedianIfFewerThanHalfHappened) {
  const auto few = median_duration({{10, true}, {20, false}, {20, false}});
  EXPECT_EQ(few.happened, 1U);
  EXPECT_FALSE(few.median);
  EXPECT_FALSE(median_duration({}).median);
}

TEST(MedianDuration, IsTheMiddleIfAllHappened) {
  const auto all = median_duration({{3, true}, {1, true}, {2, true}});
  EXPECT_EQ(all.median, 2);
  EXPECT_EQ(all.lower, 1);
  EXPECT_EQ(all.upper, 3);
}

TEST(MedianDuration, RefusesTimesThatAreNotPositive) {
  EXPECT_THROW(median_duration({{0, true}}), std::logic_error);
}

}  // namespace
}  // namespace clipsweep
