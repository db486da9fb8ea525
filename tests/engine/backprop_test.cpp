// Limits for the derivatives of the states, in every engine, compared with a hand-written
// backpropagation.
#include <algorithm>
#include <cmath>
#include <limits>

#include "clipsweep/model/gradient_norms.h"
#include "support/each_engine.h"
#include "support/engine_samples.h"

namespace clipsweep {
namespace {

class Backprop : public EachEngine {};
CLIPSWEEP_WITH_EACH_ENGINE(Backprop);

// The gradient of one run with limited derivatives, by a hand-written backpropagation in double,
// loop by loop, without autograd.
class BackpropOracle {
 public:
  BackpropOracle(Span<const float> row, const ParameterLayout& layout, const Batch& batch,
                 double limit)
      : row_(row.begin(), row.end()),
        layout_(layout),
        batch_(batch),
        limit_(limit),
        gradient_(row.size()) {
    for (int sample = 0; sample < batch.size; ++sample) add_sample(sample);
  }

  const std::vector<double>& gradient() const { return gradient_; }
  std::uint64_t clipped() const { return clipped_; }

 private:
  struct Step {
    std::vector<double> i, f, g, o, c, h;
  };

  static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
  std::size_t at(const char* name, int index) const {
    return layout_.tensor(name).offset + static_cast<std::size_t>(index);
  }
  double input(int t, int i, int sample) const {
    const auto lane = static_cast<std::size_t>(sample) % kLanes;
    const auto block = static_cast<std::size_t>(sample) / kLanes;
    const auto row =
        (block * static_cast<std::size_t>(batch_.time_steps) + static_cast<std::size_t>(t)) *
            static_cast<std::size_t>(batch_.input_size) +
        static_cast<std::size_t>(i);
    return static_cast<double>(batch_.inputs[row * kLanes + lane]);
  }
  double limited(double derivative) {
    if (!(std::fabs(derivative) > limit_)) return derivative;
    ++clipped_;
    return std::copysign(limit_, derivative);
  }

  void add_sample(int sample) {
    const int hidden = layout_.model.hidden;
    std::vector<Step> steps(1);
    steps[0].c.assign(static_cast<std::size_t>(hidden), 0);
    steps[0].h = steps[0].c;
    for (int t = 0; t < batch_.time_steps; ++t) steps.push_back(forward(steps.back(), t, sample));
    std::vector<double> logits;
    double sum = 0;
    for (int k = 0; k < layout_.model.outputs; ++k) {
      double logit = row_[at("output.bias", k)];
      for (int j = 0; j < hidden; ++j)
        logit += row_[at("output.weight", k * hidden + j)] * steps.back().h[std::size_t(j)];
      logits.push_back(std::exp(logit));
      sum += logits.back();
    }
    std::vector<double> dh(static_cast<std::size_t>(hidden)), dc(dh);
    for (int k = 0; k < layout_.model.outputs; ++k) {
      const bool is_label = batch_.labels[static_cast<std::size_t>(sample)] == k;
      const double d = (logits[std::size_t(k)] / sum - (is_label ? 1 : 0)) / batch_.size;
      gradient_[at("output.bias", k)] += d;
      for (int j = 0; j < hidden; ++j) {
        gradient_[at("output.weight", k * hidden + j)] += d * steps.back().h[std::size_t(j)];
        dh[std::size_t(j)] += d * row_[at("output.weight", k * hidden + j)];
      }
    }
    for (int t = batch_.time_steps; t > 0; --t)
      backward(steps[std::size_t(t)], steps[std::size_t(t - 1)], t - 1, sample, dh, dc);
  }

  Step forward(const Step& before, int t, int sample) const {
    Step step;
    for (int j = 0; j < layout_.model.hidden; ++j) {
      double gate[4];
      for (int q = 0; q < 4; ++q) {
        const int unit = q * layout_.model.hidden + j;
        gate[q] = row_[at("lstm.bias", unit)];
        for (int i = 0; i < layout_.model.inputs; ++i)
          gate[q] +=
              row_[at("lstm.weight_ih", unit * layout_.model.inputs + i)] * input(t, i, sample);
        for (int k = 0; k < layout_.model.hidden; ++k)
          gate[q] += row_[at("lstm.weight_hh", unit * layout_.model.hidden + k)] *
                     before.h[static_cast<std::size_t>(k)];
      }
      step.i.push_back(sigmoid(gate[0]));
      step.f.push_back(sigmoid(gate[1]));
      step.g.push_back(std::tanh(gate[2]));
      step.o.push_back(sigmoid(gate[3]));
      step.c.push_back(step.f.back() * before.c[static_cast<std::size_t>(j)] +
                       step.i.back() * step.g.back());
      step.h.push_back(step.o.back() * std::tanh(step.c.back()));
    }
    return step;
  }

  void backward(const Step& step, const Step& before, int t, int sample, std::vector<double>& dh,
                std::vector<double>& dc) {
    std::vector<double> dh_before(dh.size()), dc_before(dc.size());
    for (std::size_t j = 0; j < dh.size(); ++j) {
      const double error_h = limited(dh[j]);
      const double tanh_c = std::tanh(step.c[j]);
      const double error_c = limited(dc[j] + error_h * step.o[j] * (1 - tanh_c * tanh_c));
      const double d[4] = {error_c * step.g[j] * step.i[j] * (1 - step.i[j]),
                           error_c * before.c[j] * step.f[j] * (1 - step.f[j]),
                           error_c * step.i[j] * (1 - step.g[j] * step.g[j]),
                           error_h * tanh_c * step.o[j] * (1 - step.o[j])};
      dc_before[j] = error_c * step.f[j];
      for (int q = 0; q < 4; ++q) {
        const int unit = q * layout_.model.hidden + static_cast<int>(j);
        gradient_[at("lstm.bias", unit)] += d[q];
        for (int i = 0; i < layout_.model.inputs; ++i)
          gradient_[at("lstm.weight_ih", unit * layout_.model.inputs + i)] +=
              d[q] * input(t, i, sample);
        for (int k = 0; k < layout_.model.hidden; ++k) {
          const std::size_t weight = at("lstm.weight_hh", unit * layout_.model.hidden + k);
          gradient_[weight] += d[q] * before.h[static_cast<std::size_t>(k)];
          dh_before[static_cast<std::size_t>(k)] += d[q] * row_[weight];
        }
      }
    }
    dh = dh_before;
    dc = dc_before;
  }

  std::vector<double> row_;
  const ParameterLayout& layout_;
  const Batch& batch_;
  double limit_;
  std::vector<double> gradient_;
  std::uint64_t clipped_ = 0;
};

TEST_P(Backprop, AgreesWithHandWrittenBackpropagation) {
  for (const SampleShape& shape :
       {SampleShape{5, 7, 3, 4}, SampleShape{32, 9, 5, 6}, SampleShape{1, 1, 1, 1}}) {
    const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
    const auto batch = batch_of(random_images(shape, 64), shape.batch, {0, 0, 0});
    Block parameters(3, layout.size());
    for (std::size_t r = 0; r < 3; ++r) {
      set_row(parameters, r, layout, 7);
      for (float& weight : parameters.row(r)) weight *= 3;
    }
    // The first run has a tight limit, the second none; the limit of the third affects few
    // derivatives.
    const std::vector<float> limits = {1e-4F, std::numeric_limits<float>::infinity(), 5e-3F};
    const StepResult result = result_of(*engine_for(layout), parameters, batch, limits);
    std::vector<std::uint64_t> counts;
    for (std::size_t r = 0; r < 3; ++r) {
      const BackpropOracle expected(parameters.row(r), layout, batch,
                                    static_cast<double>(limits[r]));
      expect_same_gradient(result.gradients.row(r),
                           torch::tensor(expected.gradient(), torch::kFloat64));
      EXPECT_EQ(result.clipped_derivatives[r], expected.clipped());
    }
    EXPECT_EQ(result.clipped_derivatives[1], 0U);
    EXPECT_GT(result.clipped_derivatives[2], 0U);
    EXPECT_GE(result.clipped_derivatives[0], result.clipped_derivatives[2]);
  }
}

// To the last bit: runs of other modes are not affected.
TEST_P(Backprop, ALimitAffectsItsRunOnly) {
  const SampleShape shape{20, 9, 5, 6};
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  const auto batch = batch_of(random_images(shape, 64), shape.batch, {0, 0});
  const auto engine = engine_for(layout);
  Block parameters(2, layout.size());
  set_row(parameters, 0, layout, 0);
  set_row(parameters, 1, layout, 1);
  const StepResult without = result_of(*engine, parameters, batch);
  const StepResult with =
      result_of(*engine, parameters, batch, {std::numeric_limits<float>::infinity(), 1e-5F});
  EXPECT_TRUE(same_bits(with.gradients.row(0), without.gradients.row(0)));
  EXPECT_FALSE(same_bits(with.gradients.row(1), without.gradients.row(1)));
  EXPECT_EQ(with.losses, without.losses);
  EXPECT_EQ(with.clipped_derivatives[0], 0U);
}

TEST_P(Backprop, ALimitAboveAllDerivativesChangesNoBit) {
  const SampleShape shape{7, 4, 5, 6};
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  const auto batch = batch_of(random_images(shape, 64), shape.batch, {0});
  const auto engine = engine_for(layout);
  Block parameters(1, layout.size());
  set_row(parameters, 0, layout, 0);
  const StepResult without = result_of(*engine, parameters, batch);
  const StepResult with = result_of(*engine, parameters, batch, {100});
  EXPECT_TRUE(same_bits(with.gradients.row(0), without.gradients.row(0)));
  EXPECT_EQ(with.clipped_derivatives[0], 0U);
}

TEST_P(Backprop, ANanStaysANanAndIsNotCounted) {
  const SampleShape shape{8, 3, 4, 5};
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  const auto batch = batch_of(random_images(shape, 64), shape.batch, {0});
  Block parameters(1, layout.size());
  set_row(parameters, 0, layout, 0);
  parameters.row(0)[layout.tensor("output.weight").offset] = NAN;
  const StepResult result = result_of(*engine_for(layout), parameters, batch, {1e-6F});
  EXPECT_TRUE(find_nonfinite(result.gradients.row(0)));
  EXPECT_EQ(result.clipped_derivatives[0], 0U);
}

}  // namespace
}  // namespace clipsweep
