#include "clipsweep/clipping/clipping.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "clipsweep/base/random.h"
#include "clipsweep/base/statistics.h"
#include "support/special_values.h"

namespace clipsweep {
namespace {

constexpr double kOff = std::numeric_limits<double>::infinity();
const ParameterLayout kLayout = lstm_layout(3, 2, 2);

using Row = std::vector<float>;

Row random_row(std::uint64_t seed, double scale) {
  RandomStream random(seed, "clipping-test");
  Row row(kLayout.size());
  for (float& value : row) value = static_cast<float>(scale * random.normal());
  return row;
}

// Weights whose every unit has a norm of at least 1, so that agc's limit is its share of that.
const Row kWeights(kLayout.size(), 1);

// A run's clipping over several steps; `take` remembers a step, without it the step was skipped.
class Clipping {
 public:
  explicit Clipping(ClipRule rule, std::uint64_t seed = 0)
      : rule_(std::move(rule)), memory_(rule_, kLayout, seed) {}

  ClipEffect clip(Row& row) {
    measure_norms(row, kLayout, norms_);
    raw_ = row;
    const ClipContext<float> context{kLayout, norms_, kWeights, memory_};
    limit_ = limit_in_force(rule_, context);
    const ClipEffect effect = clip_gradient<float>(rule_, context, row);
    clipped_ = row;
    return effect;
  }

  void take() { remember(rule_, TakenStep<float>{norms_, raw_, clipped_}, memory_); }

  // Takes a step with a gradient of this norm; returns the norm after clipping.
  double norm_after(double norm) {
    Row row(kLayout.size());
    row[4] = static_cast<float>(norm);
    clip(row);
    take();
    return euclidean_norm(row);
  }

  double limit() const { return limit_; }
  const Row& carried() const { return memory_.carried; }

 private:
  ClipRule rule_;
  ClipMemory<float> memory_;
  GradientNorms norms_;
  Row raw_, clipped_;
  double limit_ = 0;
};

ClipEffect clip(const ClipRule& rule, Row& row) { return Clipping(rule).clip(row); }

// A rule without warm-up, so that adaptive modes act from the second step on.
ClipRule eager(ClipMode mode, double threshold) {
  ClipRule rule = {mode, threshold};
  rule.options.zclip_warmup = 1;
  rule.options.adagc_warmup = 0;
  rule.options.median_window = 1;
  return rule;
}

// Clipping by a mode after a step in which every element had this size.
Clipping after_steps_of(const ClipRule& rule, double norm) {
  Clipping clipping(rule);
  Row row(kLayout.size(), static_cast<float>(norm));
  clipping.clip(row);
  clipping.take();
  return clipping;
}

bool same_bits(const Row& a, const Row& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

double cosine(const Row& a, const Row& b) {
  double product = 0;
  for (std::size_t i = 0; i < a.size(); ++i) product += static_cast<double>(a[i]) * b[i];
  return product / euclidean_norm(a) / euclidean_norm(b);
}

// The largest finite threshold: 100 for a percentile, no bound for others.
double max_threshold(ClipMode mode) {
  return entry_of(mode).threshold == ThresholdKind::kPercentile ? 100 : kOff;
}

// Properties of every mode that takes a threshold, at several scales of the gradient.
class EveryMode : public ::testing::TestWithParam<ClipMode> {};

std::vector<ClipMode> modes_with_threshold() {
  std::vector<ClipMode> modes;
  for (const auto& entry : clip_modes())
    if (entry.takes_threshold()) modes.push_back(entry.mode);
  return modes;
}

TEST_P(EveryMode, AnInfiniteThresholdMeasuresWithoutClipping) {
  for (const double scale : {1e-30, 1.0, 1e30}) {
    Row row = random_row(1, scale);
    const Row before = row;
    EXPECT_FALSE(clip({GetParam(), kOff}, row).clipped);
    EXPECT_TRUE(same_bits(row, before));
  }
}

TEST_P(EveryMode, AGradientWithinTheLimitKeepsItsBits) {
  if (GetParam() == ClipMode::kSmooth) GTEST_SKIP() << "shrinks every gradient, see ClipSmoothly";
  Row row = random_row(2, 1.0);
  const Row before = row;
  GradientNorms norms;
  measure_norms(row, kLayout, norms);
  // Exactly at the limit, where `scale` changes nothing either.
  const double limit = std::min(norms.global, max_threshold(GetParam()));
  const auto effect = clip(eager(GetParam(), limit), row);
  EXPECT_FALSE(effect.clipped);
  EXPECT_EQ(effect.changed, 0U);
  EXPECT_TRUE(same_bits(row, before));
}

TEST_P(EveryMode, ClippingTwiceIsClippingOnce) {
  if (GetParam() == ClipMode::kSmooth) GTEST_SKIP() << "shrinks every gradient, see ClipSmoothly";
  Row row = random_row(3, 10.0);
  clip({GetParam(), 0.5}, row);
  const Row once = row;
  clip({GetParam(), 0.5}, row);
  for (std::size_t i = 0; i < row.size(); ++i)
    EXPECT_NEAR(row[i], once[i], 2e-7 * std::fabs(once[i]));
}

TEST_P(EveryMode, ZeroStaysZero) {
  Row row(kLayout.size());
  EXPECT_FALSE(clip({GetParam(), 0.5}, row).clipped);
  EXPECT_TRUE(same_bits(row, Row(kLayout.size())));
}

TEST_P(EveryMode, NoElementChangesItsSign) {
  if (GetParam() == ClipMode::kRandomStep) GTEST_SKIP() << "its direction is random";
  for (const double scale : {1e-3, 1.0, 1e30}) {
    Row row = random_row(4, scale);
    const Row before = row;
    clip(eager(GetParam(), 0.5), row);
    for (std::size_t i = 0; i < row.size(); ++i)
      EXPECT_EQ(std::signbit(row[i]), std::signbit(before[i]));
  }
}

TEST_P(EveryMode, AHugeGradientIsScaledCorrectly) {
  if (!acts_on_gradient(GetParam())) GTEST_SKIP() << "acts in the engine or on the update";
  if (GetParam() == ClipMode::kSkip) GTEST_SKIP() << "leaves nothing of it, see ClipToZero";
  const bool is_percentile = entry_of(GetParam()).threshold == ThresholdKind::kPercentile;
  for (const double scale : {1e3, 1e18, 1e34}) {
    Clipping clipping = after_steps_of(eager(GetParam(), is_percentile ? 0 : 0.5), 0.01);
    Row row = random_row(4, scale);
    EXPECT_TRUE(clipping.clip(row).clipped);
    EXPECT_FALSE(find_nonfinite(row));
    EXPECT_GT(euclidean_norm(row), 0);
    EXPECT_LT(euclidean_norm(row), 10);
  }
}

TEST_P(EveryMode, ANanIsKept) {
  if (GetParam() == ClipMode::kRandomStep)
    GTEST_SKIP() << "replaces such a gradient, see RandomStep";
  Row row = random_row(5, 1.0);
  row[3] = kNotANumber;
  clip({GetParam(), 0.5}, row);
  EXPECT_TRUE(std::isnan(row[3]));
}

INSTANTIATE_TEST_SUITE_P(ClipModes, EveryMode, ::testing::ValuesIn(modes_with_threshold()),
                         [](const auto& parameter) {
                           std::string name = entry_of(parameter.param).name;
                           name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
                           return name;
                         });

TEST(None, ChangesNothing) {
  Row row = {kNotANumber, kInfinity, 1e38F};
  row.resize(kLayout.size());
  const Row before = row;
  EXPECT_FALSE(clip({}, row).clipped);
  EXPECT_TRUE(same_bits(row, before));
}

TEST(ClipByValue, LimitsElementByElement) {
  Row row = {-3, -0.5F, 0.25F, 0.5F, 0.75F};
  const auto effect = clip_by_value(Span<float>(row), 0.5F);
  EXPECT_EQ(row, (Row{-0.5F, -0.5F, 0.25F, 0.5F, 0.5F}));
  EXPECT_EQ(effect.changed, 2U);
}

TEST(ClipByValue, LimitsInfinityAndLeavesNan) {
  Row row = {kInfinity, -kInfinity, kNotANumber};
  EXPECT_EQ(clip_by_value(Span<float>(row), 1.0F).changed, 2U);
  EXPECT_EQ(row[0], 1);
  EXPECT_EQ(row[1], -1);
  EXPECT_TRUE(std::isnan(row[2]));
}

// Goodfellow et al. (2016), section 10.11.1, equation 10.49: v * g / |g|, here with [3, 4] of
// norm 5.
TEST(ClipByNorm, ScalesToTheLimitExactly) {
  Row row = {3, 4};
  EXPECT_TRUE(clip_by_norm(Span<float>(row), 5, 1).clipped);
  EXPECT_FLOAT_EQ(row[0], 0.6F);
  EXPECT_FLOAT_EQ(row[1], 0.8F);
}

// torch.nn.utils.clip_grad_norm_ overflows to Inf here and turns the gradient into zeros.
TEST(ClipByNorm, AcceptsNormsAboveFloat32) {
  Row row = {1e20F, 1e20F};
  const double norm = euclidean_norm(row);
  EXPECT_NEAR(norm / 1.4142135623730951e20, 1, 1e-7);
  clip_by_norm(Span<float>(row), norm, 1);
  EXPECT_FLOAT_EQ(row[0], 0.70710678F);
}

TEST(ClipByNorm, AcceptsNormsBelowFloat32) {
  Row row = {3e-30F, 4e-30F};
  EXPECT_NEAR(euclidean_norm(row) / 5e-30, 1, 1e-6);
}

TEST(GlobalNorm, KeepsTheDirectionAndReachesTheLimit) {
  Row row = random_row(6, 100.0);
  const Row before = row;
  const auto effect = clip({ClipMode::kGlobalNorm, 1.5}, row);
  EXPECT_TRUE(effect.clipped);
  EXPECT_EQ(effect.changed, row.size());
  EXPECT_NEAR(euclidean_norm(row), 1.5, 1e-6);
  EXPECT_NEAR(cosine(row, before), 1, 1e-12);
}

TEST(NormModes, LeaveANonfiniteGradientUnchanged) {
  for (const float bad : {kInfinity, -kInfinity, kNotANumber}) {
    for (const ClipMode mode :
         {ClipMode::kGlobalNorm, ClipMode::kTensorNorm, ClipMode::kScale, ClipMode::kSmooth,
          ClipMode::kSkip, ClipMode::kCarry, ClipMode::kTensorRms, ClipMode::kAgc,
          ClipMode::kAutoclip, ClipMode::kMedian, ClipMode::kZclip, ClipMode::kAdagc}) {
      Clipping clipping = after_steps_of(eager(mode, 1), 0.1);
      Row row = random_row(7, 100.0);
      row[5] = bad;
      const Row before = row;
      EXPECT_FALSE(clipping.clip(row).clipped);
      EXPECT_TRUE(same_bits(row, before));
    }
  }
}

TEST(TensorNorm, EachTensorHasItsOwnNorm) {
  Row row = random_row(8, 10.0);
  const auto& small = kLayout.tensor("output.bias");
  for (float& value : part(Span<float>(row), small)) value = 0.01F;
  const Row before = row;
  clip({ClipMode::kTensorNorm, 1}, row);
  for (const auto& tensor : kLayout.tensors) {
    const auto values = part(Span<const float>(row), tensor);
    if (tensor.name == "output.bias")
      EXPECT_EQ(values[0], before[small.offset]);
    else
      EXPECT_NEAR(euclidean_norm(values), 1, 1e-6) << tensor.name;
  }
}

TEST(Scale, RescalesUpAndDown) {
  for (const double scale : {1e-20, 1.0, 1e20}) {
    Row row = random_row(9, scale);
    const Row before = row;
    EXPECT_TRUE(clip({ClipMode::kScale, 0.5}, row).clipped);
    EXPECT_NEAR(euclidean_norm(row), 0.5, 1e-6);
    EXPECT_NEAR(cosine(row, before), 1, 1e-12);
  }
}

// Zhang et al. (2020), section 3: the step is at most that of clipping, and at least half of it.
TEST(ClipSmoothly, LeavesBetweenHalfAndAllOfWhatClippingLeaves) {
  for (const double scale : {1e-3, 0.1, 1.0, 10.0, 1e3, 1e30}) {
    Row smooth = random_row(12, scale);
    const Row before = smooth;
    Row clipped = smooth;
    EXPECT_TRUE(clip({ClipMode::kSmooth, 1}, smooth).clipped);
    clip({ClipMode::kGlobalNorm, 1}, clipped);
    const double share = euclidean_norm(smooth) / euclidean_norm(clipped);
    EXPECT_GE(share, 0.5 * (1 - 1e-6)) << scale;
    EXPECT_LE(share, 1 + 1e-6) << scale;
    EXPECT_NEAR(cosine(smooth, before), 1, 1e-12);
  }
}

TEST(RuleInEpoch, MultipliesTheThresholdsEveryFewEpochs) {
  ClipRule rule = {ClipMode::kGlobalNorm, 8, 4};
  EXPECT_EQ(rule_in_epoch(100, rule), rule);
  rule.options.threshold_decay = 0.5;
  rule.options.threshold_decay_every = 2;
  for (const auto& [epoch, factor] : {std::pair{1U, 1.0}, {2U, 1.0}, {3U, 0.5}, {7U, 0.125}}) {
    const ClipRule expected = {ClipMode::kGlobalNorm, 8 * factor, 4 * factor};
    EXPECT_EQ(rule_in_epoch(epoch, rule), expected) << epoch;
  }
}

// By hand: [3, 4] of norm 5 at the limit 5 is halved.
TEST(ClipSmoothly, HalvesAGradientWhoseNormIsTheLimit) {
  Row row = {3, 4};
  EXPECT_EQ(clip_smoothly(Span<float>(row), 5, 5).changed, 2U);
  EXPECT_EQ(row, (Row{1.5F, 2}));
}

TEST(ClipSmoothly, AGradientFarBelowTheLimitKeepsItsBits) {
  Row row = {3e-12F, 4e-12F};
  const Row before = row;
  EXPECT_FALSE(clip_smoothly(Span<float>(row), 5e-12, 1).clipped);
  EXPECT_TRUE(same_bits(row, before));
}

TEST(ClipToZero, LeavesNothingOfAGradientAboveTheLimit) {
  Row row = random_row(13, 1e30);
  const auto effect = clip({ClipMode::kSkip, 10}, row);
  EXPECT_TRUE(effect.clipped);
  EXPECT_EQ(effect.changed, row.size());
  EXPECT_EQ(euclidean_norm(row), 0);
}

// Elesedy and Hutter (2023): all that was applied and what is carried is all that was given, up to
// the rounding of float32.
TEST(Carry, TheSumOfWhatIsAppliedAndCarriedIsTheSumOfTheGradients) {
  Clipping clipping({ClipMode::kCarry, 0.5});
  std::vector<double> given(kLayout.size()), applied(kLayout.size());
  for (std::uint64_t step = 0; step < 200; ++step) {
    Row row = random_row(step, step % 3 == 0 ? 0.5 : 0.05);
    for (std::size_t i = 0; i < row.size(); ++i) given[i] += static_cast<double>(row[i]);
    clipping.clip(row);
    EXPECT_LE(euclidean_norm(row), 0.5 * (1 + 1e-6));
    for (std::size_t i = 0; i < row.size(); ++i) applied[i] += static_cast<double>(row[i]);
    clipping.take();
  }
  double carried = 0;
  for (std::size_t i = 0; i < given.size(); ++i) {
    EXPECT_NEAR(applied[i] + static_cast<double>(clipping.carried()[i]), given[i], 1e-4);
    carried += std::fabs(static_cast<double>(clipping.carried()[i]));
  }
  EXPECT_GT(carried, 1);
}

TEST(Carry, AppliesWhatItCarriesWhenTheGradientsAreSmall) {
  Clipping clipping({ClipMode::kCarry, 1});
  EXPECT_NEAR(clipping.norm_after(2.5), 1, 1e-6);
  EXPECT_NEAR(clipping.norm_after(0), 1, 1e-6);
  EXPECT_NEAR(clipping.norm_after(0), 0.5, 1e-6);
  EXPECT_EQ(clipping.norm_after(0), 0);
}

TEST(Carry, ANonfiniteGradientOrASumThatOverflowsIsNeverCarried) {
  Clipping clipping({ClipMode::kCarry, 1});
  clipping.norm_after(3e38);  // leaves nearly all of it to carry
  const Row carried = clipping.carried();
  for (const float bad : {kNotANumber, kInfinity, 3e38F}) {
    Row row(kLayout.size(), 0.01F);
    row[4] = bad;  // where the carried number is
    const Row before = row;
    EXPECT_FALSE(clipping.clip(row).clipped) << bad;
    EXPECT_TRUE(same_bits(row, before)) << bad;
    clipping.take();
    EXPECT_FALSE(find_nonfinite(clipping.carried())) << bad;
    EXPECT_EQ(clipping.carried()[4], carried[4]) << bad;
  }
}

TEST(Carry, AStepThatIsNotTakenCarriesNothing) {
  Clipping clipping({ClipMode::kCarry, 1});
  Row row = random_row(14, 100);
  clipping.clip(row);  // without take()
  EXPECT_EQ(clipping.carried(), Row(kLayout.size()));
}

// By hand: the tensor [3, 4] has the mean square 12.5.
TEST(TensorRms, ScalesEachTensorToItsRootMeanSquare) {
  Row row(kLayout.size());
  const auto bias = part(Span<float>(row), kLayout.tensor("output.bias"));
  bias[0] = 3;
  bias[1] = 4;
  row[0] = 1e-3F;  // a tensor within its limit
  EXPECT_EQ(clip({ClipMode::kTensorRms, 0.5}, row).changed, 2U);
  EXPECT_FLOAT_EQ(bias[0], static_cast<float>(3 * 0.5 / std::sqrt(12.5)));
  EXPECT_FLOAT_EQ(bias[1], static_cast<float>(4 * 0.5 / std::sqrt(12.5)));
  EXPECT_EQ(row[0], 1e-3F);
}

TEST(NormType, OneAndInfinityUseTheirNorms) {
  const Row gradient = {3, -4, 0};
  for (const auto& [type, norm] : {std::pair{1.0, 7.0}, {2.0, 5.0}, {kOff, 4.0}}) {
    EXPECT_DOUBLE_EQ(wide_norm(Span<const float>(gradient), type), norm);
    for (const ClipMode mode : {ClipMode::kGlobalNorm, ClipMode::kTensorNorm, ClipMode::kScale}) {
      ClipRule rule = {mode, 0.5};
      rule.options.norm_type = type;
      Row row(kLayout.size());
      std::copy(gradient.begin(), gradient.end(), row.begin());
      clip(rule, row);
      EXPECT_FLOAT_EQ(row[0], static_cast<float>(3 * 0.5 / norm)) << type;
      rule.threshold = norm;
      std::copy(gradient.begin(), gradient.end(), row.begin());
      EXPECT_FALSE(clip(rule, row).clipped);
    }
  }
}

TEST(NormType, ANanIsTheLargestOfAll) {
  for (const double type : {1.0, 2.0, kOff})
    EXPECT_TRUE(std::isnan(wide_norm(Span<const float>(Row{1, kNotANumber, 2, kInfinity}), type)));
}

TEST(Epsilon, IsAddedToTheNorm) {
  Row row(kLayout.size());
  row[0] = 3;
  row[1] = 4;
  ClipRule rule = {ClipMode::kGlobalNorm, 1};
  rule.options.epsilon = 3;
  clip(rule, row);
  EXPECT_FLOAT_EQ(row[0], 3 * 1.0F / (5 + 3));
}

TEST(OutputThreshold, LimitsOnlyTheOutputLayer) {
  const auto& bias = kLayout.tensor("output.bias");
  for (const auto& entry : clip_modes()) {
    if (!entry.takes_output_threshold()) continue;
    const ClipMode mode = entry.mode;
    Row row(kLayout.size());
    row[0] = 3;            // lstm.weight_ih
    row[bias.offset] = 4;  // output.bias
    Row open = row;
    clip({mode, 1, 2}, row);
    EXPECT_FLOAT_EQ(row[0], 1) << entry_of(mode).name;
    EXPECT_FLOAT_EQ(row[bias.offset], 2);
    EXPECT_EQ(clip({mode, kOff, 2}, open).changed, 1U);
    EXPECT_FLOAT_EQ(open[0], 3);
  }
}

// Goodfellow et al. do not say what the groups are; here each has its own norm. By hand.
TEST(OutputThreshold, GivesGlobalNormTwoGroups) {
  Row row(kLayout.size());
  row[0] = 3;  // lstm.weight_ih
  row[kLayout.tensor("lstm.bias").offset] = 4;
  row[kLayout.tensor("output.weight").offset] = 6;
  row[kLayout.tensor("output.bias").offset] = 8;
  clip({ClipMode::kGlobalNorm, 1, 5}, row);
  EXPECT_FLOAT_EQ(row[0], 0.6F);
  EXPECT_FLOAT_EQ(row[kLayout.tensor("lstm.bias").offset], 0.8F);
  EXPECT_FLOAT_EQ(row[kLayout.tensor("output.weight").offset], 3);
  EXPECT_FLOAT_EQ(row[kLayout.tensor("output.bias").offset], 4);
}

// By hand: the row [1, 1, 1] of weights has the norm sqrt(3), its gradient [3, 4, 0] the norm 5.
TEST(Agc, LimitsARowToAShareOfItsWeights) {
  Row row(kLayout.size());
  row[0] = 3;
  row[1] = 4;
  row[3] = 0.01F;  // the next row, within its limit
  EXPECT_EQ(clip({ClipMode::kAgc, 0.1}, row).changed, 2U);
  EXPECT_FLOAT_EQ(row[0], static_cast<float>(3 * 0.1 * std::sqrt(3.0) / 5));
  EXPECT_EQ(row[3], 0.01F);
}

TEST(Agc, ABiasIsOneUnit) {
  Row row(kLayout.size());
  const auto bias = part(Span<float>(row), kLayout.tensor("lstm.bias"));  // 8 weights of 1
  bias[0] = 3;
  bias[7] = 4;
  clip({ClipMode::kAgc, 0.1}, row);
  EXPECT_FLOAT_EQ(bias[7], static_cast<float>(4 * 0.1 * std::sqrt(8.0) / 5));
}

TEST(Agc, WeightsOfZeroHaveAMinimumNorm) {
  Row row = {3, 4};
  clip_by_unit(Span<float>(row), Span<const float>(Row{0, 0}), 2, 0.5);
  EXPECT_FLOAT_EQ(row[0], static_cast<float>(3 * 0.5e-3 / 5));
}

TEST(Agc, LeavesTheOutputLayerOnRequest) {
  ClipRule rule = {ClipMode::kAgc, 0.01};
  rule.options.agc_clips_output = false;
  Row row(kLayout.size(), 1);
  clip(rule, row);
  EXPECT_LT(row[0], 1);
  EXPECT_EQ(row[kLayout.tensor("output.weight").offset], 1);
  EXPECT_EQ(row.back(), 1);
}

// numpy.percentile of [4], [4, 2], [4, 2, 8], [4, 2, 8, 1] at 25: 4, 2.5, 3, 1.75.
TEST(Autoclip, LimitsToThePercentileOfAllNormsIncludingThisOne) {
  Clipping clipping({ClipMode::kAutoclip, 25});
  EXPECT_FLOAT_EQ(static_cast<float>(clipping.norm_after(4)), 4);
  EXPECT_FLOAT_EQ(static_cast<float>(clipping.norm_after(2)), 2);
  EXPECT_EQ(clipping.limit(), 2.5);
  EXPECT_FLOAT_EQ(static_cast<float>(clipping.norm_after(8)), 3);
  EXPECT_FLOAT_EQ(static_cast<float>(clipping.norm_after(1)), 1);
  EXPECT_EQ(clipping.limit(), 1.75);
}

TEST(Autoclip, ANanOrASkippedStepNeverEnters) {
  Clipping clipping({ClipMode::kAutoclip, 50});
  clipping.norm_after(4);
  Row bad = random_row(1, 1);
  bad[0] = kNotANumber;
  EXPECT_FALSE(clipping.clip(bad).clipped);
  EXPECT_EQ(clipping.limit(), kOff);
  clipping.take();
  Row skipped(kLayout.size(), 1000);
  clipping.clip(skipped);  // without take()
  EXPECT_FLOAT_EQ(static_cast<float>(clipping.norm_after(8)), 6);
}

TEST(Autoclip, ZerosAtTheStartDoNotFreezeTheRun) {
  Clipping clipping({ClipMode::kAutoclip, 0});
  clipping.norm_after(0);
  EXPECT_EQ(clipping.norm_after(1), 1);
  EXPECT_EQ(clipping.limit(), kOff);
}

// numpy.percentile of the last three of 4, 2, 8, 1, 6 at 50: 4, 3, 4, 2, 6.
TEST(Autoclip, WithAWindowLimitsToThePercentileOfTheLastNorms) {
  ClipRule rule = {ClipMode::kAutoclip, 50};
  rule.options.autoclip_window = 3;
  Clipping clipping(rule);
  for (const auto& [norm, limit] :
       {std::pair{4.0, 4.0}, {2.0, 3.0}, {8.0, 4.0}, {1.0, 2.0}, {6.0, 6.0}}) {
    EXPECT_NEAR(clipping.norm_after(norm), std::min(norm, limit), 1e-6) << norm;
    EXPECT_EQ(clipping.limit(), limit) << norm;
  }
}

TEST(Autoclip, AWindowLongerThanTheRunIsAllNorms) {
  ClipRule rule = {ClipMode::kAutoclip, 30};
  Clipping all(rule);
  rule.options.autoclip_window = 100;
  Clipping recent(rule);
  RandomStream random(4, "window-test");
  for (int i = 0; i < 100; ++i) {
    const double norm = std::fabs(random.normal());
    EXPECT_EQ(all.norm_after(norm), recent.norm_after(norm));
    EXPECT_EQ(all.limit(), recent.limit());
  }
}

// By hand: norms 1 to 10, of which none is clipped, have the median 5.5; then 2 to 10 and 100 have
// 6.5. The norm before clipping counts.
TEST(Median, LimitsToAMultipleOfTheMedianOfTheNormsBefore) {
  ClipRule rule = {ClipMode::kMedian, 2};
  rule.options.median_window = 10;
  Clipping clipping(rule);
  for (int norm = 1; norm <= 10; ++norm) {
    EXPECT_EQ(clipping.norm_after(norm), norm);
    EXPECT_EQ(clipping.limit(), kOff);
  }
  EXPECT_NEAR(clipping.norm_after(100), 11, 1e-5);
  EXPECT_EQ(clipping.limit(), 11);
  EXPECT_EQ(clipping.norm_after(12), 12);
  EXPECT_EQ(clipping.limit(), 13);
}

TEST(Median, ZerosAtTheStartDoNotFreezeTheRun) {
  Clipping clipping(eager(ClipMode::kMedian, 2));
  for (int i = 0; i < 5; ++i) clipping.norm_after(0);
  EXPECT_EQ(clipping.norm_after(1), 1);
}

TEST(RecentPercentile, IsOfTheLastNumbers) {
  RandomStream random(5, "percentile-test");
  for (const double percentile : {0.0, 10.0, 33.3, 50.0, 99.0, 100.0})
    for (const std::size_t window : {1U, 2U, 7U, 50U}) {
      RecentPercentile<double> recent(percentile, window);
      std::vector<double> numbers;
      for (int i = 0; i < 200; ++i) {
        // With ties, and with runs of rising and falling numbers.
        const double number =
            i % 3 == 0 ? std::floor(random.uniform() * 10) : random.normal() + i % 50;
        numbers.push_back(number);
        if (numbers.size() > window) numbers.erase(numbers.begin());
        const double expected = quantile(numbers, percentile / 100);
        EXPECT_NEAR(recent.with(number), expected, 1e-12);
        recent.add(number);
        EXPECT_NEAR(recent.value(), expected, 1e-12);
        EXPECT_EQ(recent.size(), numbers.size());
      }
    }
}

TEST(RunningPercentile, IsOfAllNumbersSoFar) {
  RandomStream random(3, "percentile-test");
  for (const double percentile : {0.0, 10.0, 33.3, 50.0, 99.0, 100.0}) {
    RunningPercentile<double> running(percentile);
    std::vector<double> all;
    for (int i = 0; i < 400; ++i) {
      // With ties, and with runs of rising and falling numbers.
      const double number =
          i % 3 == 0 ? std::floor(random.uniform() * 10) : random.normal() + i % 50;
      all.push_back(number);
      EXPECT_NEAR(running.with(number), quantile(all, percentile / 100), 1e-12);
      running.add(number);
      EXPECT_EQ(running.size(), all.size());
    }
  }
}

// By hand, with a warm-up of 2 steps and decay 0.5: norms 1 and 3 have mean 2 and variance 1. Norm
// 6 has z = 4 over the threshold 2, so 2 + 1 * 4 / 4 = 3 is left; then mean = 0.5 * 2 + 0.5 * 3 =
// 2.5, variance = 0.5 * 1 + 0.5 * (3 - 2.5)^2 = 0.625. Norm 2 is not clipped: mean 2.25, variance
// 0.34375.
TEST(Zclip, FollowsASequenceWorkedByHand) {
  ClipRule rule = {ClipMode::kZclip, 2};
  rule.options.zclip_warmup = 2;
  rule.options.zclip_decay = 0.5;
  Clipping clipping(rule);
  EXPECT_EQ(clipping.norm_after(1), 1);
  EXPECT_EQ(clipping.norm_after(3), 3);
  EXPECT_EQ(clipping.limit(), kOff);
  EXPECT_NEAR(clipping.norm_after(6), 3, 1e-6);
  EXPECT_DOUBLE_EQ(clipping.limit(), 2 + 2 * 1);
  EXPECT_EQ(clipping.norm_after(2), 2);
  EXPECT_DOUBLE_EQ(clipping.limit(), 2.5 + 2 * std::sqrt(0.625));
  clipping.norm_after(1);
  EXPECT_DOUBLE_EQ(clipping.limit(), 2.25 + 2 * std::sqrt(0.34375));
}

TEST(Zclip, ANanInTheMiddleChangesNothing) {
  ClipRule rule = {ClipMode::kZclip, 2};
  rule.options.zclip_warmup = 2;
  Clipping whole(rule), broken(rule);
  for (const double norm : {1.0, 3.0, 2.0, 9.0, 2.0}) {
    Row bad(kLayout.size(), kNotANumber);
    broken.clip(bad);
    broken.take();
    EXPECT_EQ(whole.norm_after(norm), broken.norm_after(norm));
    EXPECT_EQ(whole.limit(), broken.limit());
  }
}

TEST(Zclip, ZerosAtTheStartDoNotFreezeTheRun) {
  Clipping clipping(eager(ClipMode::kZclip, 2));
  for (int i = 0; i < 5; ++i) clipping.norm_after(0);
  EXPECT_EQ(clipping.norm_after(1), 1);
}

// By hand, for one tensor: a warm-up of 2 steps under the global norm 1 keeps the smallest norm,
// min(0.5, 1) = 0.5. Then norm 4 is cut to 2 * 0.5 = 1, and with decay 0.75 the average becomes
// 0.75 * 0.5 + 0.25 * 1 = 0.625. Norm 1 is within 1.25: the average becomes 0.71875.
TEST(Adagc, FollowsASequenceWorkedByHand) {
  ClipRule rule = {ClipMode::kAdagc, 2};
  rule.options.adagc_warmup = 2;
  rule.options.adagc_decay = 0.75;
  Clipping clipping(rule);
  EXPECT_EQ(clipping.norm_after(0.5), 0.5);
  EXPECT_EQ(clipping.limit(), 1);
  EXPECT_NEAR(clipping.norm_after(3), 1, 1e-7);
  EXPECT_NEAR(clipping.norm_after(4), 1, 1e-7);
  EXPECT_EQ(clipping.norm_after(1), 1);
  EXPECT_NEAR(clipping.norm_after(100), 2 * 0.71875, 1e-6);
}

// A checkpoint relies on this: a copy continues exactly as the original.
TEST(ClipMemory, ACopyContinuesEqually) {
  for (const ClipMode mode : {ClipMode::kCarry, ClipMode::kAutoclip, ClipMode::kMedian,
                              ClipMode::kZclip, ClipMode::kAdagc, ClipMode::kRandomStep}) {
    Clipping original(eager(mode, 0.5));
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Row row = random_row(seed, 1);
      original.clip(row);
      original.take();
    }
    Clipping copy = original;
    for (std::uint64_t seed = 20; seed < 40; ++seed) {
      Row one = random_row(seed, 2), other = one;
      original.clip(one);
      original.take();
      copy.clip(other);
      copy.take();
      EXPECT_TRUE(same_bits(one, other)) << entry_of(mode).name;
    }
  }
}

TEST(Adagc, EachTensorHasItsOwnAverage) {
  Clipping clipping = after_steps_of(eager(ClipMode::kAdagc, 1), 1);
  Row row(kLayout.size(), 1);
  const auto bias = part(Span<float>(row), kLayout.tensor("output.bias"));
  bias[0] = bias[1] = 10;
  EXPECT_EQ(clipping.clip(row).changed, 2U);
  EXPECT_FLOAT_EQ(bias[0], 1);
}

TEST(Adagc, ATensorWithoutGradientIsNotFrozen) {
  Clipping clipping(eager(ClipMode::kAdagc, 1));
  for (int i = 0; i < 3; ++i) clipping.norm_after(0);
  EXPECT_EQ(clipping.norm_after(2), 2);
}

TEST(RandomStep, ReplacesTheGradientByARandomOneOfTheThresholdsNorm) {
  for (const float special : {1e6F, kInfinity, kNotANumber}) {
    Row row = random_row(10, 1);
    row[0] = special;
    const Row before = row;
    const auto effect = clip({ClipMode::kRandomStep, 2}, row);
    EXPECT_TRUE(effect.clipped);
    EXPECT_EQ(effect.changed, row.size());
    EXPECT_NEAR(euclidean_norm(row), 2, 1e-6);
    if (std::isfinite(special)) {
      EXPECT_LT(std::fabs(cosine(row, before)), 0.9);
    }
  }
}

TEST(RandomStep, EachStepAndSeedHasItsOwnDirection) {
  const auto directions = [](std::uint64_t seed) {
    Clipping clipping({ClipMode::kRandomStep, 1}, seed);
    Row first = random_row(11, 100), second = first;
    clipping.clip(first);
    clipping.take();
    clipping.clip(second);
    return std::pair{first, second};
  };
  EXPECT_TRUE(same_bits(directions(1).first, directions(1).first));
  EXPECT_FALSE(same_bits(directions(1).first, directions(1).second));
  EXPECT_FALSE(same_bits(directions(1).first, directions(2).first));
}

// float64, as in `clipsweep clip`: norms in long double.
TEST(Float64, AcceptsNormsInItsWholeRange) {
  for (const double scale : {1e-300, 1e-160, 1.0, 1e160, 1e307}) {
    std::vector<double> row = {3 * scale, 4 * scale};
    const auto norm = wide_norm(Span<const double>(row));
    EXPECT_NEAR(static_cast<double>(norm / scale), 5, 1e-14);
    clip_by_norm(Span<double>(row), norm, static_cast<long double>(scale) / 10);
    EXPECT_NEAR(row[0] / scale, 0.06, 1e-15);
  }
}

TEST(ClipGradient, AcceptsAnEmptyGradient) {
  const ParameterLayout empty;
  const GradientNorms norms;
  for (const auto& entry : clip_modes()) {
    const ClipMemory<float> memory({entry.mode, 1}, empty, 0);
    EXPECT_FALSE(clip_gradient<float>({entry.mode, 1}, {empty, norms, {}, memory}, {}).clipped);
  }
}

// For random shapes, the norm after clipping is within the limit.
TEST(ClipGradient, HoldsItsLimitForRandomShapes) {
  RandomStream random(1, "shapes");
  for (int trial = 0; trial < 50; ++trial) {
    const auto layout =
        lstm_layout(1 + static_cast<int>(random.below(9)), 1 + static_cast<int>(random.below(9)),
                    1 + static_cast<int>(random.below(9)));
    Row row(layout.size());
    for (float& value : row) value = static_cast<float>(random.normal() * 10);
    for (const ClipMode mode : {ClipMode::kGlobalNorm, ClipMode::kScale, ClipMode::kRandomStep,
                                ClipMode::kTensorNorm, ClipMode::kTensorRms, ClipMode::kValue}) {
      Row clipped = row;
      GradientNorms norms;
      measure_norms(row, layout, norms);
      const ClipMemory<float> memory({mode, 0.5}, layout, 0);
      const auto effect = clip_gradient<float>({mode, 0.5}, {layout, norms, row, memory}, clipped);
      EXPECT_TRUE(effect.clipped);
      if (mode == ClipMode::kGlobalNorm || mode == ClipMode::kScale ||
          mode == ClipMode::kRandomStep) {
        EXPECT_NEAR(euclidean_norm(clipped), 0.5, 1e-6);
      }
      if (mode == ClipMode::kValue) {
        EXPECT_LE(largest_magnitude(clipped), 0.5F);
      }
      for (const auto& tensor : layout.tensors) {
        const double norm = euclidean_norm(part(Span<const float>(clipped), tensor));
        const double size = static_cast<double>(tensor.size());
        if (mode == ClipMode::kTensorNorm) {
          EXPECT_LE(norm, 0.5 * (1 + 1e-6));
        }
        if (mode == ClipMode::kTensorRms) {
          EXPECT_LE(norm / std::sqrt(size), 0.5 * (1 + 1e-6));
        }
      }
    }
  }
}

}  // namespace
}  // namespace clipsweep
