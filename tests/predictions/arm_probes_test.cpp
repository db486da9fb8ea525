#include "clipsweep/predictions/arm_probes.h"

#include <gtest/gtest.h>

#include <cmath>

namespace clipsweep {
namespace {

CriterionEstimate estimate(double value, double factor) {
  return {value, value / factor, value * factor};
}

TEST(GeometricMean, OfOneEstimateIsThatEstimate) {
  const auto found = geometric_mean({estimate(1.5, 1.2)});
  EXPECT_NEAR(found->value, 1.5, 1e-12);
  EXPECT_NEAR(found->lower, 1.25, 1e-12);
  EXPECT_NEAR(found->upper, 1.8, 1e-12);
  EXPECT_FALSE(geometric_mean({}));
}

TEST(GeometricMean, OfEqualEstimatesHasTheErrorOfAMean) {
  const auto found = geometric_mean(std::vector<CriterionEstimate>(4, estimate(2, 1.5)));
  EXPECT_NEAR(found->value, 2, 1e-12);
  EXPECT_NEAR(std::log(found->upper / found->lower), std::log(1.5 * 1.5) / 2, 1e-12);
}

TEST(GeometricMean, HasTheSpreadBetweenEstimatesIfThatIsLarger) {
  const auto found = geometric_mean({estimate(0.5, 1.001), estimate(2, 1.001)});
  EXPECT_NEAR(found->value, 1, 1e-12);
  // The logarithms differ from 0 by ln 2: their standard deviation is sqrt(2) ln 2.
  EXPECT_NEAR(std::log(found->upper), 1.959964 * std::log(2), 1e-6);
}

class ProbesOfArmTest : public testing::Test {
 protected:
  ProbesOfArmTest() {
    run_.spec.clip = {ClipMode::kValue, 0.5};
    ProbeRecord probe;
    probe.step = 7;
    probe.batches = 100;
    probe.gradients = GradientStatistics();
    probe.gradients->mean_gradient_norm = 2;
    probe.gradients->noise_tail_index = TailIndex{2, 1, 3, 10};
    ClipStatistics statistics;
    statistics.clipped_share = 0.5;
    statistics.mean_clipped_norm = 1;
    statistics.comparison = estimate(1.5, 1.2);
    probe.rules = {{{ClipMode::kGlobalNorm, 1}, {}}, {{ClipMode::kValue, 0.5}, statistics}};
    run_.probes = {probe};
  }

  RunRecord run_;
};

TEST_F(ProbesOfArmTest, AreThoseOfTheArmsOwnClipping) {
  const auto probes = probes_of_arm({&run_, &run_, &run_});
  ASSERT_EQ(probes.size(), 1U);
  EXPECT_EQ(probes[0].step, 7U);
  EXPECT_EQ(probes[0].runs, 3U);
  EXPECT_EQ(probes[0].noise_tail_index->order_statistics, 30U);
  ASSERT_TRUE(probes[0].clipping);
  EXPECT_EQ(probes[0].clipping->clipped_share, 0.5);
  EXPECT_EQ(probes[0].clipping->length_ratio, 0.5);
  EXPECT_EQ(probes[0].clipping->prediction, Prediction::kHelps);
}

TEST_F(ProbesOfArmTest, PredictNothingOfAnArmWithoutClipping) {
  run_.spec.clip = {};
  EXPECT_FALSE(probes_of_arm({&run_})[0].clipping);
}

TEST_F(ProbesOfArmTest, AreUnclearIfMostRunsCannotTellTheMeanGradientFromNoise) {
  RunRecord lost = run_;
  lost.probes[0].rules[1].statistics.comparison.reset();
  const auto probes = probes_of_arm({&run_, &lost});
  EXPECT_FALSE(probes[0].clipping->comparison);
  EXPECT_EQ(probes[0].clipping->prediction, Prediction::kUnclear);
}

TEST_F(ProbesOfArmTest, LeaveOutProbesWithoutStatistics) {
  run_.probes[0].gradients.reset();
  EXPECT_TRUE(probes_of_arm({&run_}).empty());
  EXPECT_TRUE(probes_of_arm({}).empty());
}

}  // namespace
}  // namespace clipsweep
