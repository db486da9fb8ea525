// The derivatives of the states in backpropagation, for every model of the reference engine:
// limited, and measured as the gradient through time. Compared with a loop over LibTorch's cells in
// double.
#include <cmath>

#include "clipsweep/engine/reference/reference_engine.h"
#include "support/engine_samples.h"
#include "support/special_values.h"

namespace clipsweep {
namespace {

using Limits = std::vector<float>;

class StateDerivatives : public ::testing::TestWithParam<Model> {
 protected:
  StateDerivatives() {
    set_row(parameters_, 0, layout_, 7);
    for (float& weight : parameters_.row(0)) weight *= 2;
  }

  const ParameterLayout layout_ = layout_of(GetParam());
  const Batch batch_ = random_batch(GetParam(), 5, 7, {0});
  const std::unique_ptr<GradientEngine> engine_ = make_reference_engine(layout_, "cpu");
  Block parameters_{1, layout_.size()};
};

INSTANTIATE_TEST_SUITE_P(Of, StateDerivatives, ::testing::ValuesIn(every_model()),
                         [](const auto& instance) { return test_name(instance.param); });

TEST_P(StateDerivatives, AreLimitedAndCounted) {
  for (const float limit : {1e-4F, 1e-2F, 1e3F}) {
    SCOPED_TRACE(limit);
    const CellLoop expected(parameters_.row(0), layout_, batch_, 0, torch::kFloat64,
                            static_cast<double>(limit));
    const StepResult result = result_of(*engine_, parameters_, batch_, {limit});
    expect_same_gradient(result.gradients.row(0), expected.gradient());
    EXPECT_EQ(result.clipped_derivatives[0], expected.limited());
    EXPECT_EQ(expected.limited() > 0, limit < 1);
  }
}

TEST_P(StateDerivatives, HaveTheNormsOfTheGradientThroughTime) {
  for (const float limit : {1e-3F, kInfinity}) {
    const CellLoop expected(parameters_.row(0), layout_, batch_, 0, torch::kFloat64,
                            static_cast<double>(limit));
    const auto norms = engine_->state_gradient_norms(parameters_, batch_, {0}, Limits{limit})[0];
    ASSERT_EQ(norms.size(), 7U);
    for (std::size_t t = 0; t < 7; ++t)
      EXPECT_NEAR(norms[t], expected.norms()[t], 1e-5 * expected.norms()[t]) << t;
  }
}

// To the last bit.
TEST_P(StateDerivatives, OfARunDoNotDependOnOtherRuns) {
  const auto two_sources = random_batch(GetParam(), 5, 7, {0, 1});
  Block three(3, layout_.size());
  for (std::size_t r = 0; r < 3; ++r) set_row(three, r, layout_, r);
  const std::vector<int> sources = {1, 0, 1};
  const Limits three_limits = {kInfinity, 1e-3F, 1e-2F};
  const auto norms = engine_->state_gradient_norms(three, two_sources, sources, three_limits);
  ASSERT_EQ(norms.size(), 3U);
  for (std::size_t r = 0; r < 3; ++r) {
    std::copy(three.row(r).begin(), three.row(r).end(), parameters_.row(0).begin());
    EXPECT_EQ(engine_->state_gradient_norms(parameters_, two_sources, {sources[r]},
                                            Limits{three_limits[r]})[0],
              norms[r]);
  }
  EXPECT_NE(engine_->state_gradient_norms(parameters_, two_sources, {0}, Limits{1e-2F})[0],
            norms[2]);
}

// A plain cell of one unit: dL/dh_t = w^(T - t) dL/dh_T while the ReLU is active, so the norms grow
// by |w| per step backwards; at w = 1e10 their squares are far beyond float32.
TEST(GradientThroughTime, GrowsByTheRecurrentWeightPerStep) {
  const auto layout = layout_of({Cell::kRnnRelu, 1, 1, 1, 1, Target::kNumber, 0});
  auto batch = random_batch(layout.model, 1, 4, {0});
  std::fill(batch.inputs.begin(), batch.inputs.end(), 1.0F);
  std::fill(batch.targets.begin(), batch.targets.end(), 0.0F);
  Block parameters(1, layout.size());
  parameters.row(0)[layout.tensor("rnn.weight_ih").offset] = 1e-30F;
  parameters.row(0)[layout.tensor("rnn.weight_hh").offset] = 1e10F;
  parameters.row(0)[layout.tensor("output.weight").offset] = 1;
  const auto norms = make_reference_engine(layout, "cpu")
                         ->state_gradient_norms(parameters, batch, {0}, Limits{kInfinity})[0];
  // L = h_4^2, h_4 = 1e-30 (1e30 + ...) = 1: dL/dh_4 = 2
  for (int t = 1; t <= 4; ++t)
    EXPECT_NEAR(norms[static_cast<std::size_t>(t - 1)] / (2 * std::pow(1e10, 4 - t)), 1, 1e-6);
}

}  // namespace
}  // namespace clipsweep
