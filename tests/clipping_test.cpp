#include "clipsweep/clipping.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "clipsweep/random.h"

namespace clipsweep {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr double kOff = std::numeric_limits<double>::infinity();
const ParameterLayout kLayout = lstm_layout(3, 2, 2);

using Row = std::vector<float>;

Row random_row(std::uint64_t seed, double scale) {
  RandomStream random(seed, "clipping-test");
  Row row(kLayout.size());
  for (float& value : row) value = static_cast<float>(scale * random.normal());
  return row;
}

ClipEffect clip(const ClipRule& rule, Row& row) {
  GradientNorms norms;
  measure_norms(row, kLayout, norms);
  return clip_gradient(rule, kLayout, norms, row);
}

bool same_bits(const Row& a, const Row& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

double cosine(const Row& a, const Row& b) {
  double product = 0;
  for (std::size_t i = 0; i < a.size(); ++i) product += static_cast<double>(a[i]) * b[i];
  return product / euclidean_norm(a) / euclidean_norm(b);
}

// What holds for every mode that takes a threshold, at several scales of the gradient.
class EveryMode : public ::testing::TestWithParam<ClipMode> {};

TEST_P(EveryMode, InfiniteThresholdOnlyMeasures) {
  for (const double scale : {1e-30, 1.0, 1e30}) {
    Row row = random_row(1, scale);
    const Row before = row;
    EXPECT_FALSE(clip({GetParam(), kOff}, row).clipped);
    EXPECT_TRUE(same_bits(row, before));
  }
}

TEST_P(EveryMode, GradientWithinTheLimitIsUntouchedToTheLastBit) {
  Row row = random_row(2, 1.0);
  const Row before = row;
  GradientNorms norms;
  measure_norms(row, kLayout, norms);
  // At the limit itself, where `scale` has nothing to do either.
  const auto effect = clip({GetParam(), norms.global}, row);
  EXPECT_FALSE(effect.clipped);
  EXPECT_EQ(effect.changed, 0U);
  EXPECT_TRUE(same_bits(row, before));
}

TEST_P(EveryMode, ClippingTwiceIsClippingOnce) {
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

TEST_P(EveryMode, NoElementTurnsItsSignOrGrowsBeyondTheLimit) {
  for (const double scale : {1e-3, 1.0, 1e30}) {
    Row row = random_row(4, scale);
    const Row before = row;
    clip({GetParam(), 0.5}, row);
    for (std::size_t i = 0; i < row.size(); ++i) {
      EXPECT_GE(row[i] * before[i], 0);
      EXPECT_LE(std::fabs(row[i]), 0.5 * (1 + 1e-6));
    }
  }
}

TEST_P(EveryMode, ANanIsNotHealed) {
  Row row = random_row(5, 1.0);
  row[3] = kNan;
  clip({GetParam(), 0.5}, row);
  EXPECT_TRUE(std::isnan(row[3]));
}

INSTANTIATE_TEST_SUITE_P(ClipModes, EveryMode,
                         ::testing::Values(ClipMode::kValue, ClipMode::kGlobalNorm,
                                           ClipMode::kTensorNorm, ClipMode::kScale),
                         [](const auto& parameter) {
                           std::string name = entry_of(parameter.param).name;
                           name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
                           return name;
                         });

TEST(None, LeavesEverythingAlone) {
  Row row = {kNan, kInf, 1e38F};
  row.resize(kLayout.size());
  const Row before = row;
  EXPECT_FALSE(clip({}, row).clipped);
  EXPECT_TRUE(same_bits(row, before));
}

TEST(ClipByValue, LimitsElementByElement) {
  Row row = {-3, -0.5F, 0.25F, 0.5F, 0.75F};
  const auto effect = clip_by_value(row, 0.5F);
  EXPECT_EQ(row, (Row{-0.5F, -0.5F, 0.25F, 0.5F, 0.5F}));
  EXPECT_EQ(effect.changed, 2U);
}

TEST(ClipByValue, LimitsInfinityAndLeavesNan) {
  Row row = {kInf, -kInf, kNan};
  EXPECT_EQ(clip_by_value(row, 1).changed, 2U);
  EXPECT_EQ(row[0], 1);
  EXPECT_EQ(row[1], -1);
  EXPECT_TRUE(std::isnan(row[2]));
}

// Goodfellow et al. (2016), section 10.11.1, equation 10.49: v * g / |g|, here with [3, 4] of
// norm 5.
TEST(ClipByNorm, ScalesToTheLimitExactly) {
  Row row = {3, 4};
  EXPECT_TRUE(clip_by_norm(row, 5, 1).clipped);
  EXPECT_FLOAT_EQ(row[0], 0.6F);
  EXPECT_FLOAT_EQ(row[1], 0.8F);
}

// torch.nn.utils.clip_grad_norm_ overflows to Inf here and turns the gradient into zeros.
TEST(ClipByNorm, KnowsTheNormBeyondFloat32) {
  Row row = {1e20F, 1e20F};
  const double norm = euclidean_norm(row);
  EXPECT_NEAR(norm / 1.4142135623730951e20, 1, 1e-7);
  clip_by_norm(row, norm, 1);
  EXPECT_FLOAT_EQ(row[0], 0.70710678F);
}

TEST(ClipByNorm, KnowsTheNormBelowFloat32) {
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

TEST(NormModes, ANonfiniteGradientPassesUnchanged) {
  for (const float bad : {kInf, -kInf, kNan}) {
    for (const ClipMode mode : {ClipMode::kGlobalNorm, ClipMode::kTensorNorm, ClipMode::kScale}) {
      Row row = random_row(7, 100.0);
      row[5] = bad;
      const Row before = row;
      EXPECT_FALSE(clip({mode, 1}, row).clipped);
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

}  // namespace
}  // namespace clipsweep
