// The error derivatives on their way back through time, of every model: limited, and measured as
// the gradient through time. Against a loop over LibTorch's cells with hooks of its own, in double.
#include <cmath>
#include <limits>
#include <map>

#include "clipsweep/engine/reference/batch_tensors.h"
#include "clipsweep/engine/reference/reference_engine.h"
#include "support/engine_samples.h"

namespace clipsweep {
namespace {

using at::Tensor;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

using Limits = std::vector<float>;

// Forward and backward of one run that sees the batch's first source.
class CellLoop {
 public:
  CellLoop(Span<const float> row, const ParameterLayout& layout, const Batch& batch, double limit)
      : layout_(layout), limit_(limit), norms_(static_cast<std::size_t>(batch.time_steps)) {
    for (const auto& tensor : layout.tensors) {
      const std::vector<std::int64_t> sizes(tensor.shape.begin(), tensor.shape.end());
      const auto numbers = part(row, tensor);
      weights_[tensor.name] = torch::from_blob(const_cast<float*>(numbers.data()), sizes)
                                  .to(torch::kFloat64)
                                  .requires_grad_();
    }
    loss_of(batch).backward();
  }

  std::int64_t clipped() const { return clipped_; }
  const std::vector<double>& norms() const { return norms_; }  // [T], top layer
  Tensor gradient() const {                                    // [P]
    std::vector<Tensor> gradients;
    for (const auto& tensor : layout_.tensors)
      gradients.push_back(weights_.at(tensor.name).grad().flatten());
    return torch::cat(gradients);
  }

 private:
  Tensor weight(const std::string& name, int layer) const {
    const std::string cell = layout_.tensors[0].name.substr(0, layout_.tensors[0].name.find('.'));
    const auto found = weights_.find(cell + "." + name + (layer ? "_l1" : ""));
    return found == weights_.end() ? Tensor() : found->second;
  }

  // The limit, seen by the hook's caller; the norm goes to `norm`, if any.
  void watch(const Tensor& state, double* norm) {
    state.register_hook([this, norm](const Tensor& derivative) {
      clipped_ += (derivative.abs() > limit_).sum().item<std::int64_t>();
      const Tensor limited = derivative.clamp(-limit_, limit_);
      if (norm) *norm = limited.norm().item<double>();
      return limited;
    });
  }

  // h [B, H] after one step of one layer; c changes in place.
  Tensor next(int layer, const Tensor& x, const Tensor& h, Tensor& c) {
    const Tensor w_ih = weight("weight_ih", layer), w_hh = weight("weight_hh", layer);
    const Tensor b = weight("bias", layer);
    switch (layout_.model.cell) {
      case Cell::kGru:
        return torch::gru_cell(x, h, w_ih, w_hh, weight("bias_ih", layer),
                               weight("bias_hh", layer));
      case Cell::kRnnTanh:
        return torch::rnn_tanh_cell(x, h, w_ih, w_hh, b, torch::zeros_like(b));
      case Cell::kRnnRelu:
        return torch::rnn_relu_cell(x, h, w_ih, w_hh, b, torch::zeros_like(b));
      case Cell::kLstm:
        break;
    }
    const auto [h_next, c_next] = torch::lstm_cell(x, {h, c}, w_ih, w_hh, b, torch::zeros_like(b));
    watch(c_next, nullptr);
    c = c_next;
    return h_next;
  }

  Tensor loss_of(const Batch& batch) {
    const Model& model = layout_.model;
    const Tensor zeros = torch::zeros({batch.size, model.hidden}, torch::kFloat64);
    std::vector<Tensor> h(static_cast<std::size_t>(model.layers), zeros), c(h), states;
    for (std::size_t t = 0; t < norms_.size(); ++t) {
      Tensor x = input_tensor(batch)[0][static_cast<std::int64_t>(t)].t().to(torch::kFloat64);
      for (int layer = 0; layer < model.layers; ++layer) {
        const auto l = static_cast<std::size_t>(layer);
        x = h[l] = next(layer, x, h[l], c[l]);
        watch(x, layer == model.layers - 1 ? &norms_[t] : nullptr);
      }
      states.push_back(x);
    }
    return loss_from(states, target_tensor(batch)[0]);
  }

  Tensor loss_from(const std::vector<Tensor>& states, const Tensor& targets) {
    namespace functional = torch::nn::functional;
    const bool each_step = layout_.model.target == Target::kClassEachStep;
    const Tensor outputs =
        functional::linear(each_step ? torch::cat(states) : states.back(),
                           weights_.at("output.weight"), weights_.at("output.bias"));
    return layout_.model.target == Target::kNumber
               ? (outputs.squeeze(1) - targets).square().mean()
               : functional::cross_entropy(outputs, targets.flatten());
  }

  const ParameterLayout& layout_;
  double limit_;
  std::map<std::string, Tensor> weights_;
  std::int64_t clipped_ = 0;
  std::vector<double> norms_;
};

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
  StepResult result(1, layout_.size());
  for (const float limit : {1e-4F, 1e-2F, 1e3F}) {
    const CellLoop expected(parameters_.row(0), layout_, batch_, static_cast<double>(limit));
    engine_->compute_gradients(parameters_, batch_, std::vector<float>{limit}, result);
    const Tensor gradient =
        torch::from_blob(result.gradients.data(), {expected.gradient().size(0)});
    EXPECT_LT(relative_error(gradient.to(torch::kFloat64), expected.gradient()), 1e-5) << limit;
    EXPECT_EQ(result.clipped_derivatives[0], static_cast<std::uint64_t>(expected.clipped()));
    EXPECT_EQ(expected.clipped() > 0, limit < 1) << limit;
  }
}

TEST_P(StateDerivatives, HaveTheNormsOfTheGradientThroughTime) {
  for (const float limit : {1e-3F, kInfinity}) {
    const CellLoop expected(parameters_.row(0), layout_, batch_, static_cast<double>(limit));
    const auto norms = engine_->state_gradient_norms(parameters_, batch_, {0}, Limits{limit})[0];
    ASSERT_EQ(norms.size(), 7U);
    for (std::size_t t = 0; t < 7; ++t)
      EXPECT_NEAR(norms[t], expected.norms()[t], 1e-5 * expected.norms()[t]) << t;
  }
}

// Beside whom a run is looked at changes no bit.
TEST_P(StateDerivatives, AreThoseOfEachRunAlone) {
  const auto of_two = random_batch(GetParam(), 5, 7, {0, 1});
  Block three(3, layout_.size());
  for (std::size_t r = 0; r < 3; ++r) set_row(three, r, layout_, r);
  const std::vector<int> sources = {1, 0, 1};
  const Limits three_limits = {kInfinity, 1e-3F, 1e-2F};
  const auto norms = engine_->state_gradient_norms(three, of_two, sources, three_limits);
  ASSERT_EQ(norms.size(), 3U);
  for (std::size_t r = 0; r < 3; ++r) {
    std::copy(three.row(r).begin(), three.row(r).end(), parameters_.row(0).begin());
    EXPECT_EQ(engine_->state_gradient_norms(parameters_, of_two, {sources[r]},
                                            Limits{three_limits[r]})[0],
              norms[r]);
  }
  EXPECT_NE(engine_->state_gradient_norms(parameters_, of_two, {0}, Limits{1e-2F})[0], norms[2]);
}

// A plain cell of one unit: dL/dh_t = w^(T - t) dL/dh_T while the ReLU is open, so the norms grow
// by |w| a step backwards; at w = 1e10 their squares are far beyond float32.
TEST(GradientThroughTime, GrowsByTheRecurrentWeightAStep) {
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
