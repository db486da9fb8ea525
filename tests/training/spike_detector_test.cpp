#include "clipsweep/training/spike_detector.h"

#include <gtest/gtest.h>

#include <limits>

namespace clipsweep {
namespace {

TEST(SpikeDetector, NeedsAHistory) {
  SpikeDetector detector;
  for (std::size_t i = 0; i + 1 < SpikeDetector::kMinNorms; ++i) detector.median_if_spike(1);
  EXPECT_FALSE(detector.median_if_spike(1000));
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
