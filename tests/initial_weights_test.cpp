#include "clipsweep/initial_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "clipsweep/sha256.h"

namespace clipsweep {
namespace {

const ParameterLayout kLayout = lstm_layout(28, 10, 10);

Span<const float> tensor(const std::vector<float>& row, const char* name) {
  return part(Span<const float>(row), kLayout.tensor(name));
}

float largest(Span<const float> values) {
  float result = 0;
  for (const float value : values) result = std::max(result, std::fabs(value));
  return result;
}

TEST(LstmLayout, ClassicExampleHas1670Parameters) { EXPECT_EQ(kLayout.size(), 1670U); }

TEST(InitialWeights, DependOnTheSeedAlone) {
  const auto row = initial_weights(Initialization::kKeras, kLayout, 3);
  EXPECT_EQ(row, initial_weights(Initialization::kKeras, kLayout, 3));
  EXPECT_NE(row, initial_weights(Initialization::kKeras, kLayout, 4));
}

// The random stream is defined by the C++ standard and the arithmetic by this project, so the bits
// are the same on every machine. Pinned from version 0.1.0.
TEST(InitialWeights, AreTheSameBitsOnEveryMachine) {
  const auto row = initial_weights(Initialization::kKeras, kLayout, 0);
  EXPECT_EQ(sha256_of({reinterpret_cast<const char*>(row.data()), row.size() * sizeof(float)}),
            "bfb3f5217920ffb042a15c30329f9c177a89ee2736ee8acaa0b60be75792a370");
}

TEST(KerasWeights, AreGlorotUniform) {
  const auto row = initial_weights(Initialization::kKeras, kLayout, 0);
  // sqrt(6 / (fan_in + fan_out)), fan out of the LSTM is 4H
  const double input_limit = std::sqrt(6.0 / (28 + 40));
  const double output_limit = std::sqrt(6.0 / (10 + 10));
  EXPECT_LE(largest(tensor(row, "lstm.weight_ih")), input_limit);
  EXPECT_GT(largest(tensor(row, "lstm.weight_ih")), 0.98 * input_limit);
  EXPECT_LE(largest(tensor(row, "output.weight")), output_limit);
  EXPECT_GT(largest(tensor(row, "output.weight")), 0.9 * output_limit);
}

TEST(KerasWeights, RecurrentKernelIsOrthogonalAsAWhole) {
  const auto row = initial_weights(Initialization::kKeras, kLayout, 5);
  const auto weights = tensor(row, "lstm.weight_hh");  // [40, 10]
  for (std::size_t a = 0; a < 10; ++a) {
    for (std::size_t b = 0; b < 10; ++b) {
      double product = 0;
      for (std::size_t i = 0; i < 40; ++i)
        product += static_cast<double>(weights[i * 10 + a]) * weights[i * 10 + b];
      EXPECT_NEAR(product, a == b ? 1 : 0, 1e-6);
    }
  }
}

TEST(KerasWeights, OnlyTheForgetGateHasABias) {
  const auto row = initial_weights(Initialization::kKeras, kLayout, 0);
  const auto bias = tensor(row, "lstm.bias");
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(bias[i], i >= 10 && i < 20 ? 1 : 0);
  EXPECT_EQ(largest(tensor(row, "output.bias")), 0);
}

TEST(TorchWeights, AreUniformWithinOneOverRootH) {
  const auto row = initial_weights(Initialization::kTorch, kLayout, 0);
  const double limit = 1 / std::sqrt(10.0);
  for (const char* name : {"lstm.weight_ih", "lstm.weight_hh", "output.weight"}) {
    EXPECT_LE(largest(tensor(row, name)), limit) << name;
    EXPECT_GT(largest(tensor(row, name)), 0.9 * limit) << name;
  }
  // Two vectors added: beyond one's limit, within twice of it.
  EXPECT_GT(largest(tensor(row, "lstm.bias")), limit);
  EXPECT_LE(largest(tensor(row, "lstm.bias")), 2 * limit);
}

TEST(BlockKeepRows, DropsTheOthersInPlace) {
  Block block(4, 2);
  for (std::size_t r = 0; r < 4; ++r) block.row(r)[1] = static_cast<float>(r);
  block.keep_rows({1, 3});
  ASSERT_EQ(block.rows(), 2U);
  EXPECT_EQ(block.row(0)[1], 1);
  EXPECT_EQ(block.row(1)[1], 3);
}

}  // namespace
}  // namespace clipsweep
