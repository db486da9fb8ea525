#include "clipsweep/training/spike_detector.h"

#include <gtest/gtest.h>

#include <limits>

namespace clipsweep {
namespace {

// As in a run whose norm is 1e5 at its second step.
TEST(SpikeDetector, ComparesFromTheSecondNormOn) {
  SpikeDetector detector;
  EXPECT_FALSE(detector.median_if_spike(3));  // nothing to compare with
  EXPECT_EQ(detector.median_if_spike(1e5), 3);
  EXPECT_FALSE(detector.median_if_spike(5e5));  // the median of 3 and 1e5 is 50001.5
  EXPECT_EQ(detector.median_if_spike(1.1e6), 1e5);
}

TEST(SpikeDetector, TakesTheFirstFiniteNormAsTheFirst) {
  SpikeDetector detector;
  EXPECT_FALSE(detector.median_if_spike(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(detector.median_if_spike(1000));
  EXPECT_FALSE(detector.median_if_spike(1));
}

TEST(SpikeDetector, FindsNormsAboveTenMedians) {
  SpikeDetector detector;
  for (int i = 0; i < 100; ++i) detector.median_if_spike(2);
  EXPECT_FALSE(detector.median_if_spike(20));
  EXPECT_EQ(detector.median_if_spike(20.01), 2);
}

TEST(SpikeDetector, ComparesWithTheLastHundred) {
  SpikeDetector detector;
  for (int i = 0; i < 100; ++i) detector.median_if_spike(1);
  for (int i = 0; i < 49; ++i) detector.median_if_spike(9);
  EXPECT_EQ(detector.median_if_spike(11), 1);  // 51 ones and 49 nines
  detector.median_if_spike(9);
  EXPECT_FALSE(detector.median_if_spike(11));  // the median is now above 1.1
}

TEST(SpikeDetector, IgnoresNormsThatAreNotFinite) {
  SpikeDetector detector;
  for (int i = 0; i < 30; ++i) detector.median_if_spike(1);
  for (int i = 0; i < 200; ++i)
    EXPECT_FALSE(detector.median_if_spike(std::numeric_limits<double>::infinity()));
  EXPECT_EQ(detector.median_if_spike(11), 1);
}

}  // namespace
}  // namespace clipsweep
