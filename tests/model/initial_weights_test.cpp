#include "clipsweep/model/initial_weights.h"

#include <algorithm>
#include <cmath>

#include "clipsweep/base/error.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/model/spectral_radius.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

const ParameterLayout kClassicLayout = lstm_layout(28, 10, 10);
const InitialScheme kKeras = {InitialKind::kKeras};
const InitialScheme kTorch = {InitialKind::kTorch};
const InitialScheme kIdentity = {InitialKind::kIdentity};
const InitialScheme kGaussian = {InitialKind::kGaussian, 0.01};
const InitialScheme kSparse = {InitialKind::kSparse};

// A row of weights, with access by tensor name.
struct Weights {
  Weights(const InitialScheme& scheme, const ParameterLayout& of, std::uint64_t seed = 0,
          std::optional<double> forget_bias = std::nullopt)
      : layout(of), row(initial_weights(scheme, of, seed, forget_bias)) {}

  Span<const float> operator[](const std::string& name) const {
    return part(Span<const float>(row), layout.tensor(name));
  }

  ParameterLayout layout;
  std::vector<float> row;
};

// Two layers of a cell, with more inputs than a sparse unit has weights.
ParameterLayout two_layers(Cell cell) { return layout_of({cell, 2, 28, 20, 10, Target::kClass}); }

const std::vector<Cell> kCells = {Cell::kLstm, Cell::kGru, Cell::kRnnTanh, Cell::kRnnRelu};

std::string prefix_of(Cell cell) { return std::string(cell_entry(cell).tensor_prefix) + "."; }

float largest(Span<const float> values) {
  float result = 0;
  for (const float value : values) result = std::max(result, std::fabs(value));
  return result;
}

double mean_square(Span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum / static_cast<double>(values.size());
}

// Uniform in [-limit, limit], judged by the extremes and the variance limit^2 / 3 of hundreds of
// values.
void expect_uniform(Span<const float> values, double limit) {
  EXPECT_LE(largest(values), limit);
  EXPECT_GT(largest(values), 0.9 * limit);
  EXPECT_NEAR(mean_square(values) / (limit * limit / 3), 1, 0.2);
}

void expect_orthonormal_columns(Span<const float> weights, std::size_t columns) {
  for (std::size_t a = 0; a < columns; ++a) {
    for (std::size_t b = 0; b < columns; ++b) {
      double product = 0;
      for (std::size_t row = 0; row < weights.size(); row += columns)
        product += static_cast<double>(weights[row + a]) * static_cast<double>(weights[row + b]);
      EXPECT_NEAR(product, a == b ? 1 : 0, 1e-6);
    }
  }
}

void expect_biases_of_zero(const Weights& weights) {
  for (const auto& tensor : weights.layout.tensors)
    if (tensor.shape.size() == 1) {
      EXPECT_EQ(largest(weights[tensor.name]), 0) << tensor.name;
    }
}

TEST(LstmLayout, ClassicExampleHas1670Parameters) { EXPECT_EQ(kClassicLayout.size(), 1670U); }

TEST(InitialWeights, DependOnTheSeedOnly) {
  for (const Cell cell : kCells) {
    for (const InitialScheme& scheme : {kKeras, kTorch, kIdentity, kGaussian, kSparse}) {
      if (scheme == kIdentity && gates_of(cell) > 1) continue;
      const auto layout = two_layers(cell);
      const auto row = initial_weights(scheme, layout, 3);
      EXPECT_EQ(row, initial_weights(scheme, layout, 3)) << to_text(scheme);
      EXPECT_NE(row, initial_weights(scheme, layout, 4)) << to_text(scheme);
    }
  }
}

// The random stream is defined by the C++ standard and the arithmetic by this project, so the bits
// are the same on every machine. Pinned from version 0.1.0.
TEST(InitialWeights, AreTheSameBitsOnEveryMachine) {
  const auto sha256 = [](const InitialScheme& scheme) {
    const auto row = initial_weights(scheme, kClassicLayout, 0);
    return sha256_of({reinterpret_cast<const char*>(row.data()), row.size() * sizeof(float)});
  };
  EXPECT_EQ(sha256(kKeras), "bfb3f5217920ffb042a15c30329f9c177a89ee2736ee8acaa0b60be75792a370");
  EXPECT_EQ(sha256(kTorch), "4c8aef3438d8c32a6dc55835c0492c3fedca874a9ebe4484169dc0320af2bcc3");
}

TEST(KerasWeights, AreGlorotUniform) {
  const Weights weights(kKeras, kClassicLayout);
  // sqrt(6 / (fan_in + fan_out)), fan out of the LSTM is 4H
  expect_uniform(weights["lstm.weight_ih"], std::sqrt(6.0 / (28 + 40)));
  expect_uniform(weights["output.weight"], std::sqrt(6.0 / (10 + 10)));
}

TEST(KerasWeights, HaveTheFanOutOfAllGatesInEveryLayer) {
  for (const Cell cell : kCells) {
    const Weights weights(kKeras, two_layers(cell));
    const int rows = gates_of(cell) * 20;
    expect_uniform(weights[prefix_of(cell) + "weight_ih"], std::sqrt(6.0 / (28 + rows)));
    expect_uniform(weights[prefix_of(cell) + "weight_ih_l1"], std::sqrt(6.0 / (20 + rows)));
    expect_uniform(weights["output.weight"], std::sqrt(6.0 / (20 + 10)));
  }
}

TEST(KerasWeights, RecurrentKernelIsOrthogonalAsAWhole) {
  expect_orthonormal_columns(Weights(kKeras, kClassicLayout, 5)["lstm.weight_hh"], 10);
  for (const Cell cell : kCells)
    for (const char* name : {"weight_hh", "weight_hh_l1"})
      expect_orthonormal_columns(Weights(kKeras, two_layers(cell))[prefix_of(cell) + name], 20);
}

TEST(KerasWeights, OnlyTheForgetGateHasABias) {
  const Weights weights(kKeras, two_layers(Cell::kLstm));
  for (const char* name : {"lstm.bias", "lstm.bias_l1"})
    for (std::size_t i = 0; i < 80; ++i) EXPECT_EQ(weights[name][i], i >= 20 && i < 40 ? 1 : 0);
  EXPECT_EQ(largest(weights["output.bias"]), 0);
  for (const Cell cell : {Cell::kGru, Cell::kRnnTanh, Cell::kRnnRelu})
    expect_biases_of_zero(Weights(kKeras, two_layers(cell)));
}

TEST(TorchWeights, AreUniformWithinOneOverRootH) {
  const double limit = 1 / std::sqrt(20.0);
  for (const Cell cell : kCells) {
    const Weights weights(kTorch, two_layers(cell));
    for (const auto& tensor : weights.layout.tensors)
      if (tensor.shape.size() == 2) expect_uniform(weights[tensor.name], limit);
    EXPECT_LE(largest(weights["output.bias"]), limit);
    EXPECT_GT(largest(weights["output.bias"]), 0);
  }
  const Weights gru(kTorch, two_layers(Cell::kGru));
  for (const char* name : {"gru.bias_ih", "gru.bias_hh", "gru.bias_ih_l1", "gru.bias_hh_l1"})
    expect_uniform(gru[name], limit);
}

// The sum of two vectors exceeds the limit of one, but not twice the limit.
TEST(TorchWeights, HaveTheSumOfTwoBiases) {
  const double limit = 1 / std::sqrt(20.0);
  for (const Cell cell : {Cell::kLstm, Cell::kRnnTanh, Cell::kRnnRelu}) {
    const Weights weights(kTorch, two_layers(cell));
    for (const char* name : {"bias", "bias_l1"}) {
      const auto bias = weights[prefix_of(cell) + name];
      EXPECT_GT(largest(bias), limit);
      EXPECT_LE(largest(bias), 2 * limit);
    }
  }
}

TEST(IdentityWeights, AreAnIdentityAndGlorotUniform) {
  for (const Cell cell : {Cell::kRnnTanh, Cell::kRnnRelu}) {
    const Weights weights(kIdentity, two_layers(cell));
    for (const char* name : {"rnn.weight_hh", "rnn.weight_hh_l1"})
      for (std::size_t i = 0; i < 400; ++i) EXPECT_EQ(weights[name][i], i % 21 == 0 ? 1 : 0);
    expect_uniform(weights["rnn.weight_ih"], std::sqrt(6.0 / (28 + 20)));
    expect_uniform(weights["rnn.weight_ih_l1"], std::sqrt(6.0 / (20 + 20)));
    expect_biases_of_zero(weights);
  }
}

// As in Le et al. (2015), who use 0.001.
TEST(IdentityWeights, AreAnIdentityAndNormal) {
  const Weights weights({InitialKind::kIdentity, 0.25}, two_layers(Cell::kRnnRelu));
  for (const char* name : {"rnn.weight_hh", "rnn.weight_hh_l1"})
    for (std::size_t i = 0; i < 400; ++i) EXPECT_EQ(weights[name][i], i % 21 == 0 ? 1 : 0);
  const Weights gaussian({InitialKind::kGaussian, 0.25}, two_layers(Cell::kRnnRelu));
  for (const char* name : {"rnn.weight_ih", "rnn.weight_ih_l1", "output.weight"})
    EXPECT_TRUE(std::equal(weights[name].begin(), weights[name].end(), gaussian[name].begin()));
  expect_biases_of_zero(weights);
}

TEST(IdentityWeights, AreRefusedForGates) {
  for (const Cell cell : {Cell::kLstm, Cell::kGru})
    EXPECT_THROW(initial_weights(kIdentity, two_layers(cell), 0), ConfigError);
}

TEST(GaussianWeights, HaveTheirStandardDeviation) {
  for (const Cell cell : kCells) {
    const Weights weights({InitialKind::kGaussian, 0.25}, two_layers(cell));
    for (const auto& tensor : weights.layout.tensors) {
      if (tensor.shape.size() == 1) continue;
      const auto values = weights[tensor.name];
      double sum = 0;
      for (const float value : values) sum += static_cast<double>(value);
      const double root = std::sqrt(static_cast<double>(values.size()));
      // Within four standard errors: sd / sqrt(n) of the mean, sd^2 sqrt(2 / n) of the variance.
      EXPECT_NEAR(sum / (root * root), 0, 4 * 0.25 / root) << tensor.name;
      EXPECT_NEAR(mean_square(values) / 0.0625, 1, 4 * std::sqrt(2) / root) << tensor.name;
    }
    expect_biases_of_zero(weights);
  }
}

TEST(SparseWeights, AreFifteenPerUnit) {
  for (const Cell cell : kCells) {
    const Weights weights(kSparse, two_layers(cell));
    for (const auto& tensor : weights.layout.tensors) {
      if (tensor.shape.size() == 1) continue;
      const auto columns = static_cast<std::size_t>(tensor.shape[1]);
      const auto values = weights[tensor.name];
      for (std::size_t row = 0; row < values.size(); row += columns)
        EXPECT_EQ(std::count(&values[row], &values[row] + columns, 0.0F), columns - 15);
    }
    expect_biases_of_zero(weights);
  }
}

TEST(SparseWeights, AreStandardNormalAtAnyPlace) {
  const Weights weights(kSparse, layout_of({Cell::kRnnTanh, 1, 30, 200, 10, Target::kClass}));
  const auto values = weights["rnn.weight_ih"];  // [200, 30]
  // Half of them are not zero: 3,000. Four standard errors of their variance.
  EXPECT_NEAR(2 * mean_square(values), 1, 4 * std::sqrt(2.0 / 3'000));
  for (std::size_t column = 0; column < 30; ++column) {
    int used = 0;
    for (std::size_t row = 0; row < 200; ++row) used += values[row * 30 + column] != 0 ? 1 : 0;
    EXPECT_NEAR(used, 100, 4 * std::sqrt(200 * 0.25)) << column;
  }
}

TEST(SparseWeights, HaveASpectralRadiusOf095InEachGate) {
  for (const Cell cell : kCells)
    for (const char* name : {"weight_hh", "weight_hh_l1"}) {
      const auto radii =
          spectral_radii(Weights(kSparse, two_layers(cell))[prefix_of(cell) + name], 20);
      EXPECT_EQ(radii.size(), static_cast<std::size_t>(gates_of(cell)));
      for (const double radius : radii) EXPECT_NEAR(radius, 0.95, 1e-6);
    }
}

TEST(SparseWeights, AreAllNonzeroInASmallLayer) {
  const Weights weights(kSparse, layout_of({Cell::kRnnTanh, 1, 2, 3, 1, Target::kNumber}));
  for (const char* name : {"rnn.weight_ih", "rnn.weight_hh", "output.weight"})
    for (const float weight : weights[name]) EXPECT_NE(weight, 0) << name;
}

TEST(ForgetBias, ReplacesTheOneOfAnyScheme) {
  for (const InitialScheme& scheme : {kKeras, kTorch, kGaussian, kSparse}) {
    const auto layout = two_layers(Cell::kLstm);
    const Weights without(scheme, layout), with(scheme, layout, 0, -2.5);
    for (std::size_t i = 0; i < layout.size(); ++i) {
      const auto& tensor = layout.tensor_at(i);
      const bool is_forget_gate =
          tensor.name.find("lstm.bias") == 0 && (i - tensor.offset) / 20 == 1;
      EXPECT_EQ(with.row[i], is_forget_gate ? -2.5F : without.row[i]);
    }
  }
}

TEST(ForgetBias, HasNoEffectOnOtherCells) {
  for (const Cell cell : {Cell::kGru, Cell::kRnnTanh, Cell::kRnnRelu})
    EXPECT_EQ(initial_weights(kKeras, two_layers(cell), 0, 5.0),
              initial_weights(kKeras, two_layers(cell), 0));
}

TEST(FlipLastBits, ChangesEveryWeightByOneUlpExceptZeros) {
  std::vector<float> weights = {0.0F, -0.0F, 1.0F, std::nextafter(-2.0F, -3.0F)};
  flip_last_bits(weights);
  EXPECT_EQ(weights, (std::vector<float>{0.0F, -0.0F, std::nextafter(1.0F, 2.0F), -2.0F}));
}

TEST(InitialSchemeText, IsReadAsItIsWritten) {
  for (const char* text :
       {"keras", "torch", "identity", "identity:0.001", "gaussian:0.01", "sparse"})
    EXPECT_EQ(to_text(parse_initial_scheme(text)), text);
  EXPECT_EQ(parse_initial_scheme("gaussian:1e-2"), kGaussian);
}

TEST(InitialSchemeText, ErrorsSayWhatIsAllowed) {
  const auto message = [](const char* text) {
    return message_of<ConfigError>([&] { parse_initial_scheme(text); });
  };
  EXPECT_EQ(message("kears"),
            "unknown initial scheme \"kears\" (did you mean \"keras\"?); allowed: keras, torch, "
            "identity, "
            "identity:SD, gaussian:SD, sparse");
  EXPECT_EQ(message("keras:1"), "keras takes no number; write keras");
  for (const char* text : {"gaussian", "gaussian:", "gaussian:0", "gaussian:-1", "gaussian:nan",
                           "gaussian:inf", "gaussian:1e-60", "gaussian:1e39", "gaussian:x"})
    EXPECT_EQ(message(text).find("gaussian takes a standard deviation"), 0U) << text;
  for (const char* text : {"identity:", "identity:0", "identity:-1", "identity:nan", "identity:x"})
    EXPECT_EQ(message(text).find("identity takes a standard deviation"), 0U) << text;
}

TEST(BlockKeepRows, DropsOtherRowsInPlace) {
  Block block(4, 2);
  for (std::size_t r = 0; r < 4; ++r) block.row(r)[1] = static_cast<float>(r);
  block.keep_rows({1, 3});
  ASSERT_EQ(block.rows(), 2U);
  EXPECT_EQ(block.row(0)[1], 1);
  EXPECT_EQ(block.row(1)[1], 3);
}

}  // namespace
}  // namespace clipsweep
