// The fused engine with every model it knows (lstm, rnn-tanh and rnn-relu; a class and a number),
// against the same formulas in LibTorch, in double; with every instruction set of this machine.
#include <algorithm>
#include <cmath>
#include <limits>

#include "clipsweep/base/random.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/engine/reference/batch_tensors.h"
#include "clipsweep/model/gradient_norms.h"
#include "support/each_simd.h"
#include "support/engine_samples.h"

namespace clipsweep {
namespace {

using at::Tensor;

constexpr double kRightWithin = 0.04;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
using Limits = std::vector<float>;

class RecurrentEngine : public EachSimd {};
CLIPSWEEP_WITH_EACH_SIMD(RecurrentEngine);

Model model_of(Cell cell, Target target, int inputs, int hidden, int outputs) {
  return {cell, 1, inputs, hidden, target == Target::kNumber ? 1 : outputs, target, kRightWithin};
}

// A model of each kind, of these sizes. With a single class there would be no gradient.
std::vector<Model> models(int inputs, int hidden, int outputs) {
  std::vector<Model> all;
  for (const Cell cell : {Cell::kLstm, Cell::kRnnTanh, Cell::kRnnRelu})
    for (const Target target : {Target::kClass, Target::kNumber})
      all.push_back(model_of(cell, target, inputs, hidden, outputs));
  return all;
}

std::string described(const Model& model, const Batch& batch) {
  return std::string(to_text(model.cell)) +
         (model.target == Target::kNumber ? ", number, B " : ", class, B ") +
         std::to_string(batch.size) + ", T " + std::to_string(batch.time_steps) + ", I " +
         std::to_string(model.inputs) + ", H " + std::to_string(model.hidden) + ", O " +
         std::to_string(model.outputs);
}

// One source as LibTorch has it: inputs [T, B, I], and targets [B].
Tensor inputs_of(const Batch& batch, int source) {
  return input_tensor(batch).select(0, source).permute({0, 2, 1});
}
Tensor targets_of(const Batch& batch, int source) { return target_tensor(batch).select(0, source); }

// Uniform within 1 / sqrt(H), as PyTorch draws them.
Block random_rows(const ParameterLayout& layout, std::size_t rows) {
  Block block(rows, layout.size());
  for (std::size_t r = 0; r < rows; ++r) set_row(block, r, layout, 10 + r);
  return block;
}

StepResult result_of(GradientEngine& engine, const Block& parameters, const Batch& batch,
                     std::vector<float> limits = {}) {
  if (limits.empty()) limits = no_limits(parameters);
  StepResult result(parameters.rows(), parameters.columns());
  engine.compute_gradients(parameters, batch, limits, result);
  return result;
}

// ---- The same by autograd ----

// Forward by LibTorch's elementary operations, backward by its autograd, the derivatives with
// respect to hidden and cell states limited and noted on their way.
class Autograd {
 public:
  Autograd(Span<const float> row, const ParameterLayout& layout, const Batch& batch, int source,
           torch::ScalarType type, double limit = INFINITY)
      : layout_(layout), type_(type), limit_(limit) {
    row_ = torch::tensor(std::vector<float>(row.begin(), row.end())).to(type).requires_grad_();
    norms_.resize(static_cast<std::size_t>(batch.time_steps));
    const Tensor h = last_state(inputs_of(batch, source).to(type));
    const Tensor outputs = torch::matmul(h, part("output.weight").t()) + part("output.bias");
    const Tensor sample_losses = losses(outputs, batch, source);
    loss_ = sample_losses.sum() / batch.size;
    gradient_ = torch::autograd::grad({loss_}, {row_})[0];
  }

  double loss() const { return loss_.item<double>(); }
  const Tensor& gradient() const { return gradient_; }
  const std::vector<double>& norms() const { return norms_; }
  std::uint64_t limited() const { return limited_; }
  std::int64_t correct_counts() const { return corrects_; }

 private:
  Tensor part(const char* name) const {
    const auto& tensor = layout_.tensor(name);
    const std::vector<std::int64_t> sizes(tensor.shape.begin(), tensor.shape.end());
    return row_
        .narrow(0, static_cast<std::int64_t>(tensor.offset),
                static_cast<std::int64_t>(tensor.size()))
        .view(sizes);
  }

  Tensor within_limit(const Tensor& derivative) {
    const Tensor over = derivative.abs() > limit_;
    limited_ += static_cast<std::uint64_t>(over.sum().item<std::int64_t>());
    return torch::where(over, derivative.sign() * limit_, derivative);
  }

  Tensor last_state(const Tensor& inputs) {
    const bool is_lstm = layout_.model.cell == Cell::kLstm;
    const Tensor weight_ih = part(is_lstm ? "lstm.weight_ih" : "rnn.weight_ih").t();
    const Tensor weight_hh = part(is_lstm ? "lstm.weight_hh" : "rnn.weight_hh").t();
    const Tensor bias = part(is_lstm ? "lstm.bias" : "rnn.bias");
    Tensor h = torch::zeros({inputs.size(1), layout_.model.hidden}, type_);
    Tensor c = h;
    for (std::int64_t t = 0; t < inputs.size(0); ++t) {
      const Tensor sums = torch::matmul(inputs[t], weight_ih) + torch::matmul(h, weight_hh) + bias;
      h = is_lstm                                ? lstm_state(sums, c)
          : layout_.model.cell == Cell::kRnnTanh ? torch::tanh(sums)
                                                 : torch::relu(sums);
      h.register_hook([this, t](const Tensor& derivative) {
        const Tensor limited = within_limit(derivative);
        norms_[static_cast<std::size_t>(t)] =
            limited.to(torch::kFloat64).norm().template item<double>();
        return limited;
      });
    }
    return h;
  }

  Tensor lstm_state(const Tensor& sums, Tensor& c) {
    const auto gates = sums.chunk(4, 1);
    c = torch::sigmoid(gates[1]) * c + torch::sigmoid(gates[0]) * torch::tanh(gates[2]);
    c.register_hook([this](const Tensor& derivative) { return within_limit(derivative); });
    return torch::sigmoid(gates[3]) * torch::tanh(c);
  }

  // Of each sample, [B].
  Tensor losses(const Tensor& outputs, const Batch& batch, int source) {
    const Tensor targets = targets_of(batch, source);
    if (layout_.model.target == Target::kClass) {
      const Tensor all = -torch::log_softmax(outputs, 1).gather(1, targets.unsqueeze(1)).squeeze(1);
      corrects_ = ((outputs.argmax(1) == targets) & ~all.isnan()).sum().item<std::int64_t>();
      return all;
    }
    const Tensor all = (outputs.squeeze(1) - targets.to(type_)).square();
    corrects_ = (all <= kRightWithin).sum().item<std::int64_t>();
    return all;
  }

  const ParameterLayout& layout_;
  torch::ScalarType type_;
  double limit_;
  Tensor row_, loss_, gradient_;
  std::vector<double> norms_;
  std::uint64_t limited_ = 0;
  std::int64_t corrects_ = 0;
};

Tensor in_double(Span<const float> row) {
  return torch::tensor(std::vector<float>(row.begin(), row.end())).to(torch::kFloat64);
}

void expect_agreement(const Model& model, int size, int time_steps) {
  const auto layout = layout_of(model);
  const Batch batch = random_batch(model, size, time_steps, {0, 1, 0});
  const Block parameters = random_rows(layout, 3);
  const StepResult result = result_of(*make_fused_engine(layout), parameters, batch);
  for (std::size_t r = 0; r < 3; ++r) {
    SCOPED_TRACE(described(model, batch));
    const Autograd expected(parameters.row(r), layout, batch, batch.source_of_run[r],
                            torch::kFloat64);
    EXPECT_NEAR(result.losses[r], expected.loss(), 1e-6 * expected.loss());
    EXPECT_LT(relative_error(in_double(result.gradients.row(r)), expected.gradient()), 1e-5);
    EXPECT_EQ(result.correct_counts[r], expected.correct_counts());
  }
}

// ---- The tests
// -----------------------------------------------------------------------------------

TEST_P(RecurrentEngine, AgreesWithAutogradInDouble) {
  for (int n = 1; n <= 13; ++n)
    for (const Model& model : models(n % 7 + 1, n, n + 1))
      expect_agreement(model, 3 * n, 1 + n % 4);
  // The tasks' own shapes, and the largest sizes promised.
  for (const Model& model : models(6, 50, 4)) expect_agreement(model, 20, 60);
  for (const Model& model : models(1, 100, 2)) expect_agreement(model, 33, 40);
  for (const Model& model : models(2, 2, 5)) expect_agreement(model, 2, 1000);
}

TEST_P(RecurrentEngine, AgreesWithAutogradAtTheLargestSizes) {
  for (const Cell cell : {Cell::kRnnTanh, Cell::kRnnRelu}) {
    expect_agreement(model_of(cell, Target::kClass, 512, 3, 10), 32, 3);
    expect_agreement(model_of(cell, Target::kNumber, 2, 512, 1), 17, 2);
  }
}

TEST_P(RecurrentEngine, EachTensorsGradientAgreesWithAutogradInDouble) {
  for (const Model& model : models(6, 50, 4)) {
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 20, 50, {0});
    const Block parameters = random_rows(layout, 1);
    const StepResult result = result_of(*make_fused_engine(layout), parameters, batch);
    const Autograd expected(parameters.row(0), layout, batch, 0, torch::kFloat64);
    for (const auto& tensor : layout.tensors) {
      const auto of_tensor = [&](const Tensor& all) {
        return all.narrow(0, static_cast<std::int64_t>(tensor.offset),
                          static_cast<std::int64_t>(tensor.size()));
      };
      EXPECT_LT(relative_error(of_tensor(in_double(result.gradients.row(0))),
                               of_tensor(expected.gradient())),
                1e-5)
          << tensor.name << ", " << described(model, batch);
    }
  }
}

// So large that threads may share a batch of it.
TEST_P(RecurrentEngine, TheGradientOfABatchInPartsAgreesWithAutogradInDouble) {
  for (const Model& model : models(6, 64, 4)) {
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 100, 100, {0});
    const Block parameters = random_rows(layout, 1);
    const auto engine = make_fused_engine(layout);
    const StepResult result = result_of(*engine, parameters, batch);
    const Autograd expected(parameters.row(0), layout, batch, 0, torch::kFloat64);
    EXPECT_LT(relative_error(in_double(result.gradients.row(0)), expected.gradient()), 1e-5)
        << described(model, batch);
    EXPECT_NEAR(result.losses[0], expected.loss(), 1e-6 * expected.loss());
    const auto evaluation = engine->evaluate(parameters, batch);
    EXPECT_EQ(static_cast<float>(evaluation.loss_sums[0]) / static_cast<float>(batch.size),
              result.losses[0]);
    EXPECT_EQ(evaluation.correct_counts, result.correct_counts);
  }
}

// Central differences of the losses in float32: as exact as their rounding lets them be. Without
// ReLU, whose kink is no place for them.
TEST_P(RecurrentEngine, GradientIsThatOfFiniteDifferences) {
  for (const Model& model : models(3, 4, 3)) {
    if (model.cell == Cell::kRnnRelu) continue;
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 5, 4, {0});
    const auto engine = make_fused_engine(layout);
    const Block parameters = random_rows(layout, 1);
    const StepResult result = result_of(*engine, parameters, batch);
    const auto loss_at = [&](std::size_t i, float value) {
      Block moved = parameters;
      moved.row(0)[i] = value;
      return engine->evaluate(moved, batch).loss_sums[0] / batch.size;
    };
    for (std::size_t i = 0; i < layout.size(); ++i) {
      const float above = parameters.row(0)[i] + 0.01F, below = parameters.row(0)[i] - 0.01F;
      const double slope =
          (loss_at(i, above) - loss_at(i, below)) / (double{above} - double{below});
      EXPECT_NEAR(result.gradients.row(0)[i], slope, 3e-4) << i << ", " << described(model, batch);
    }
  }
}

// Batches of any length one after the other, with an evaluation in between: to the last bit as with
// a new engine.
TEST_P(RecurrentEngine, NothingIsLeftOverFromBatchesOfOtherLengths) {
  for (const Model& model : models(3, 7, 4)) {
    const auto layout = layout_of(model);
    const Block parameters = random_rows(layout, 1);
    const auto engine = make_fused_engine(layout);
    for (const int time_steps : {9, 30, 2, 17, 30, 1}) {
      const Batch batch = random_batch(model, 37, time_steps, {0});
      const auto evaluation = engine->evaluate(parameters, batch);
      const StepResult result = result_of(*engine, parameters, batch);
      const StepResult expected = result_of(*make_fused_engine(layout), parameters, batch);
      EXPECT_TRUE(same_bits(result.gradients.row(0), expected.gradients.row(0)));
      EXPECT_EQ(result.losses, expected.losses);
      EXPECT_EQ(static_cast<float>(evaluation.loss_sums[0]) / static_cast<float>(batch.size),
                result.losses[0]);
      EXPECT_EQ(evaluation.correct_counts, result.correct_counts);
    }
  }
}

// They are computed once, where samples and limits are equal too.
TEST_P(RecurrentEngine, RunsOfEqualWeightsHaveTheResultsOfEachAlone) {
  for (const Model& model : models(5, 9, 3)) {
    const auto layout = layout_of(model);
    Block parameters = random_rows(layout, 6);
    for (const std::size_t r : {1, 2, 4, 5})
      std::copy(parameters.row(0).begin(), parameters.row(0).end(), parameters.row(r).begin());
    parameters.row(5)[layout.size() - 1] += 0.5F;
    const Batch batch = random_batch(model, 20, 12, {0, 1, 0, 0, 0, 0});
    auto limits = no_limits(parameters);
    limits[2] = 1e-4F;
    const auto engine = make_fused_engine(layout);
    const StepResult together = result_of(*engine, parameters, batch, limits);
    const auto evaluation = engine->evaluate(parameters, batch);
    const auto norms = engine->state_gradient_norms(parameters, batch, batch.source_of_run, limits);
    for (std::size_t r = 0; r < parameters.rows(); ++r) {
      Batch own = batch;
      own.source_of_run = {batch.source_of_run[r]};
      Block alone(1, layout.size());
      std::copy(parameters.row(r).begin(), parameters.row(r).end(), alone.row(0).begin());
      const std::vector<float> own_limit = {limits[r]};
      const StepResult expected = result_of(*engine, alone, own, own_limit);
      EXPECT_EQ(together.losses[r], expected.losses[0]) << r;
      EXPECT_EQ(together.correct_counts[r], expected.correct_counts[0]) << r;
      EXPECT_EQ(together.clipped_derivatives[r], expected.clipped_derivatives[0]) << r;
      EXPECT_TRUE(same_bits(together.gradients.row(r), expected.gradients.row(0))) << r;
      EXPECT_EQ(evaluation.loss_sums[r], engine->evaluate(alone, own).loss_sums[0]) << r;
      EXPECT_EQ(norms[r], engine->state_gradient_norms(alone, own, own.source_of_run, own_limit)[0])
          << r;
    }
    EXPECT_NE(together.losses[0], together.losses[1]);
    EXPECT_NE(norms[0], norms[2]);
    EXPECT_NE(together.losses[0], together.losses[5]);
    EXPECT_EQ(together.losses[0], together.losses[4]);
  }
}

TEST_P(RecurrentEngine, ARunDoesNotKnowItsNeighbours) {
  for (const Model& model : models(5, 9, 3)) {
    const auto layout = layout_of(model);
    Block parameters = random_rows(layout, 4);
    parameters.row(1)[0] = std::numeric_limits<float>::quiet_NaN();
    const Batch batch = random_batch(model, 20, 12, {0, 1, 1, 0});
    const StepResult together = result_of(*make_fused_engine(layout), parameters, batch);
    for (const std::size_t r : {0, 2, 3}) {
      Batch own = batch;
      own.source_of_run = {batch.source_of_run[r]};
      Block alone(1, layout.size());
      std::copy(parameters.row(r).begin(), parameters.row(r).end(), alone.row(0).begin());
      const StepResult expected = result_of(*make_fused_engine(layout), alone, own);
      EXPECT_EQ(together.losses[r], expected.losses[0]);
      EXPECT_TRUE(same_bits(together.gradients.row(r), expected.gradients.row(0)));
    }
  }
}

// Wherever it stands, a number that is not finite has the same effect as in LibTorch.
TEST_P(RecurrentEngine, NonfiniteWeightsPropagateAsInLibTorch) {
  for (const Model& model : models(3, 6, 4)) {
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 20, 4, {0});
    const auto engine = make_fused_engine(layout);
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity, 1e38F}) {
      for (std::size_t i = 0; i < layout.size(); i += 3) {
        SCOPED_TRACE(std::to_string(bad) + " at " + std::to_string(i) + ", " +
                     described(model, batch));
        Block parameters = random_rows(layout, 1);
        parameters.row(0)[i] = bad;
        const StepResult ours = result_of(*engine, parameters, batch);
        const Autograd theirs(parameters.row(0), layout, batch, 0, torch::kFloat32);
        EXPECT_EQ(std::isnan(ours.losses[0]), std::isnan(theirs.loss()));
        EXPECT_EQ(std::isinf(ours.losses[0]), std::isinf(theirs.loss()));
        EXPECT_EQ(ours.correct_counts[0], theirs.correct_counts());
        EXPECT_EQ(find_nonfinite(ours.gradients.row(0)).has_value(),
                  !theirs.gradient().isfinite().all().item<bool>());
      }
    }
  }
}

TEST_P(RecurrentEngine, ANumberIsRightWithinItsToleranceAndANanNever) {
  const Model model = model_of(Cell::kRnnTanh, Target::kNumber, 1, 1, 1);
  const auto layout = layout_of(model);
  Batch batch = random_batch(model, 4, 1, {0});
  // All weights are zero, so the answer is: 0.2 squared is above 0.04 in float32, 0.19 below.
  const float numbers[] = {0, 0.19F, -0.21F, std::numeric_limits<float>::quiet_NaN()};
  std::copy(std::begin(numbers), std::end(numbers), batch.targets.begin());
  const Block parameters(1, layout.size());
  EXPECT_EQ(make_fused_engine(layout)->evaluate(parameters, batch).correct_counts[0], 2);
}

TEST_P(RecurrentEngine, LimitedDerivativesAgreeWithAutogradInDouble) {
  for (const Model& model : models(3, 6, 4)) {
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 21, 9, {0, 0, 0});
    const Block parameters = random_rows(layout, 3);
    const std::vector<float> limits = {1e-4F, kInfinity, 5e-3F};
    const StepResult result = result_of(*make_fused_engine(layout), parameters, batch, limits);
    for (std::size_t r = 0; r < 3; ++r) {
      const Autograd expected(parameters.row(r), layout, batch, 0, torch::kFloat64,
                              static_cast<double>(limits[r]));
      EXPECT_LT(relative_error(in_double(result.gradients.row(r)), expected.gradient()), 1e-5)
          << described(model, batch);
      EXPECT_EQ(result.clipped_derivatives[r], expected.limited());
    }
    EXPECT_EQ(result.clipped_derivatives[1], 0U);
    EXPECT_GT(result.clipped_derivatives[2], 0U);
  }
}

void expect_norms(const std::vector<float>& norms, const std::vector<double>& expected) {
  ASSERT_EQ(norms.size(), expected.size());
  for (std::size_t t = 0; t < norms.size(); ++t)
    EXPECT_NEAR(norms[t], expected[t], 1e-4 * expected[t]) << "t " << t;
}

TEST_P(RecurrentEngine, StateGradientNormsAgreeWithAutogradInDouble) {
  for (const Model& model : models(3, 11, 4)) {
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 37, 15, {0, 1});
    const Block parameters = random_rows(layout, 1);
    const auto engine = make_fused_engine(layout);
    for (const float limit : {kInfinity, 2e-3F}) {
      const Autograd expected(parameters.row(0), layout, batch, 1, torch::kFloat64,
                              static_cast<double>(limit));
      expect_norms(engine->state_gradient_norms(parameters, batch, {1}, Limits{limit})[0],
                   expected.norms());
    }
  }
}

// Far back in time it is seen as long as float32 can hold it: the squares of 1e-30 need more.
TEST_P(RecurrentEngine, StateGradientNormsShowHowAGradientVanishes) {
  for (const Model& model : models(2, 5, 3)) {
    const auto layout = layout_of(model);
    Block parameters = random_rows(layout, 1);
    if (model.cell == Cell::kLstm) {
      // The forget gates are nearly shut.
      const auto bias = part(parameters.row(0), layout.tensor("lstm.bias"));
      for (std::size_t unit = 5; unit < 10; ++unit) bias[unit] = -2;
    }
    const Batch batch = random_batch(model, 20, 120, {0});
    const auto norms = make_fused_engine(layout)->state_gradient_norms(parameters, batch, {0},
                                                                       Limits{kInfinity})[0];
    const Autograd expected(parameters.row(0), layout, batch, 0, torch::kFloat64);
    std::size_t compared = 0;
    for (std::size_t t = 0; t < norms.size(); ++t) {
      if (expected.norms()[t] < 1e-30) continue;
      ++compared;
      EXPECT_NEAR(norms[t] / expected.norms()[t], 1, 1e-4)
          << "t " << t << ", " << described(model, batch);
    }
    EXPECT_GT(compared, 10U);
    EXPECT_LT(expected.norms()[0], 1e-20) << described(model, batch);
  }
}

TEST_P(RecurrentEngine, StateGradientNormsLeaveTheStepAsItIs) {
  for (const Model& model : models(3, 8, 4)) {
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 20, 15, {0});
    const Block parameters = random_rows(layout, 1);
    const auto engine = make_fused_engine(layout);
    const StepResult before = result_of(*engine, parameters, batch);
    engine->state_gradient_norms(parameters, batch, {0}, Limits{1e-3F});
    const StepResult after = result_of(*engine, parameters, batch);
    EXPECT_TRUE(same_bits(after.gradients.row(0), before.gradients.row(0)));
  }
}

TEST(FusedEngineModels, AnUnknownModelIsRefused) {
  EXPECT_THROW(make_fused_engine(layout_of(model_of(Cell::kGru, Target::kClass, 1, 1, 1))),
               std::logic_error);
}

}  // namespace
}  // namespace clipsweep
