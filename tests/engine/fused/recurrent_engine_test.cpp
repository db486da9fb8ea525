// The fused engine with every kind of model, compared with LibTorch's cells in double; with every
// instruction set of this machine. LibTorch, which takes most of the time, computes each case once.
#include <algorithm>
#include <cmath>
#include <limits>
#include <list>

#include "clipsweep/base/random.h"
#include "clipsweep/engine/fused/cell_kernels.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/model/gradient_norms.h"
#include "support/each_simd.h"
#include "support/engine_samples.h"
#include "support/special_values.h"

namespace clipsweep {
namespace {

constexpr double kTolerance = 0.04;
using Limits = std::vector<float>;

class RecurrentEngine : public EachSimd {};
CLIPSWEEP_WITH_EACH_SIMD(RecurrentEngine);

Model model_of(Cell cell, Target target, int inputs, int hidden, int outputs, int layers = 1) {
  return {cell,   layers,    inputs, hidden, target == Target::kNumber ? 1 : outputs,
          target, kTolerance};
}

constexpr Target kTargets[] = {Target::kClass, Target::kClassEachStep, Target::kNumber};

// Each cell with each target, one to three layers, and these sizes; another `number` gives the
// cells and targets other numbers of layers. With a single class there would be no gradient.
std::vector<Model> models(int inputs, int hidden, int outputs, int number = 0) {
  std::vector<Model> all;
  for (const auto& entry : cell_table())
    for (const Target target : kTargets)
      all.push_back(model_of(entry.cell, target, inputs, hidden, outputs, 1 + number++ % 3));
  return all;
}

std::string described(const Model& model, const Batch& batch) {
  return test_name(model) + ", B " + std::to_string(batch.size) + ", T " +
         std::to_string(batch.time_steps) + ", I " + std::to_string(model.inputs) + ", H " +
         std::to_string(model.hidden) + ", O " + std::to_string(model.outputs);
}

// Uniform within 1 / sqrt(H), as in PyTorch.
Block random_rows(const ParameterLayout& layout, std::size_t rows) {
  Block block(rows, layout.size());
  for (std::size_t r = 0; r < rows; ++r) set_row(block, r, layout, 10 + r);
  return block;
}

void expect_agreement(const Model& model, int size, int time_steps,
                      const std::vector<int>& source_of_run = {0}) {
  const auto layout = layout_of(model);
  const Batch batch = random_batch(model, size, time_steps, source_of_run);
  const Block parameters = random_rows(layout, source_of_run.size());
  SCOPED_TRACE(described(model, batch));
  std::list<CellLoop> loops;  // their places stay the same
  for (std::size_t r = 0; r < parameters.rows(); ++r)
    loops.emplace_back(parameters.row(r), layout, batch, batch.source_of_run[r], torch::kFloat64);
  with_each_simd([&] {
    const StepResult result = result_of(*make_fused_engine(layout), parameters, batch);
    std::size_t r = 0;
    for (const CellLoop& expected : loops) {
      EXPECT_NEAR(result.losses[r], expected.loss(), 1e-6 * expected.loss());
      expect_same_gradient(result.gradients.row(r), expected.gradient());
      EXPECT_EQ(result.correct_counts[r], expected.correct());
      ++r;
    }
  });
}

TEST(EveryRecurrentEngine, AgreesWithLibTorch) {
  for (int n = 1; n <= 13; ++n)
    for (const Model& model : models(n % 7 + 1, n, n + 1, n))
      expect_agreement(model, 3 * n, 1 + n % 4, {0, 1});
  // The tasks' own shapes, and long sequences. Of some ten thousand ReLU units in several layers
  // one is so near its kink that the rounding decides.
  for (const auto& entry : cell_table()) {
    const int layers = entry.cell == Cell::kRnnRelu ? 1 : 3;
    for (const Target target : kTargets) {
      expect_agreement(model_of(entry.cell, target, 6, 50, 4), 20, 60);
      expect_agreement(model_of(entry.cell, target, 1, 100, 2, layers), 33, 30);
      expect_agreement(model_of(entry.cell, target, 2, 2, 5), 2, 600);
    }
  }
}

TEST(EveryRecurrentEngine, AgreesWithLibTorchAtTheLargestSizes) {
  for (const Cell cell : {Cell::kRnnTanh, Cell::kRnnRelu}) {
    expect_agreement(model_of(cell, Target::kClass, 512, 3, 10), 32, 3);
    expect_agreement(model_of(cell, Target::kNumber, 2, 512, 1), 17, 2);
  }
}

TEST(EveryRecurrentEngine, EachTensorsGradientAgreesWithLibTorch) {
  for (const Model& model : models(6, 50, 4)) {
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 20, 50, {0});
    const Block parameters = random_rows(layout, 1);
    const CellLoop expected(parameters.row(0), layout, batch, 0, torch::kFloat64);
    SCOPED_TRACE(described(model, batch));
    with_each_simd([&] {
      const StepResult result = result_of(*make_fused_engine(layout), parameters, batch);
      expect_same_tensor_gradients(layout, result.gradients.row(0), expected.gradient());
    });
  }
}

// Large enough for threads to split the batch.
TEST(EveryRecurrentEngine, TheGradientOfASplitBatchAgreesWithLibTorch) {
  for (const Model& model : models(6, 64, 4)) {
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 100, 100, {0});
    const Block parameters = random_rows(layout, 1);
    const CellLoop expected(parameters.row(0), layout, batch, 0, torch::kFloat64);
    with_each_simd([&] {
      const auto engine = make_fused_engine(layout);
      const StepResult result = result_of(*engine, parameters, batch);
      expect_same_gradient(result.gradients.row(0), expected.gradient());
      EXPECT_NEAR(result.losses[0], expected.loss(), 1e-6 * expected.loss());
      const auto evaluation = engine->evaluate(parameters, batch);
      EXPECT_FLOAT_EQ(static_cast<float>(evaluation.loss_sums[0]) / static_cast<float>(batch.size),
                      result.losses[0]);
      EXPECT_EQ(evaluation.correct_counts, result.correct_counts);
    });
  }
}

// The differences are limited by the rounding of the losses in float32. ReLU is left out because of
// its kink.
TEST_P(RecurrentEngine, GradientAgreesWithCentralDifferences) {
  for (const Model& model : models(3, 4, 3)) {
    if (model.cell == Cell::kRnnRelu) continue;
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 5, 4, {0});
    SCOPED_TRACE(described(model, batch));
    expect_central_differences(*make_fused_engine(layout), random_rows(layout, 1), batch, 0.01F,
                               3e-4);
  }
}

// Batches of different lengths, with evaluations in between, give the same bits as a new engine.
TEST_P(RecurrentEngine, IsNotAffectedByEarlierBatchesOfOtherLengths) {
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
      EXPECT_FLOAT_EQ(static_cast<float>(evaluation.loss_sums[0]) / static_cast<float>(batch.size),
                      result.losses[0]);
      EXPECT_EQ(evaluation.correct_counts, result.correct_counts);
    }
  }
}

// Runs with equal weights, samples and limits are computed once.
TEST_P(RecurrentEngine, RunsWithEqualWeightsHaveTheSameResultsAsAlone) {
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

TEST_P(RecurrentEngine, RunsAreIndependent) {
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

// A non-finite weight has the same effect as in LibTorch, in any tensor, and none on later batches.
TEST(EveryRecurrentEngine, NonfiniteWeightsPropagateAsInLibTorch) {
  struct Case {
    float bad;
    std::size_t index;
    bool loss_is_nan, loss_is_infinite, gradient_is_finite;
    std::int64_t correct;
  };
  for (const Model& model : models(3, 6, 4)) {
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 20, 4, {0});
    const auto weights_with = [&](float bad, std::size_t index) {
      Block parameters = random_rows(layout, 1);
      parameters.row(0)[index] = bad;
      return parameters;
    };
    std::vector<Case> cases;
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity, 1e38F})
      for (std::size_t i = 0; i < layout.size(); i += 13) {
        const Block parameters = weights_with(bad, i);
        const CellLoop theirs(parameters.row(0), layout, batch, 0, torch::kFloat32);
        cases.push_back({bad, i, std::isnan(theirs.loss()), std::isinf(theirs.loss()),
                         theirs.gradient().isfinite().all().item<bool>(), theirs.correct()});
      }
    with_each_simd([&] {
      const auto engine = make_fused_engine(layout);
      for (const Case& expected : cases) {
        SCOPED_TRACE(std::to_string(expected.bad) + " at " + std::to_string(expected.index) + ", " +
                     described(model, batch));
        const StepResult ours =
            result_of(*engine, weights_with(expected.bad, expected.index), batch);
        EXPECT_EQ(std::isnan(ours.losses[0]), expected.loss_is_nan);
        EXPECT_EQ(std::isinf(ours.losses[0]), expected.loss_is_infinite);
        EXPECT_EQ(ours.correct_counts[0], expected.correct);
        EXPECT_EQ(!find_nonfinite(ours.gradients.row(0)), expected.gradient_is_finite);
      }
    });
  }
}

TEST_P(RecurrentEngine, ANumberIsCorrectWithinTheToleranceAndANanIsNot) {
  const Model model = model_of(Cell::kRnnTanh, Target::kNumber, 1, 1, 1);
  const auto layout = layout_of(model);
  Batch batch = random_batch(model, 4, 1, {0});
  // All weights and so all outputs are 0: 0.21 squared is above 0.04, 0.19 squared below.
  const float targets[] = {0, 0.19F, -0.21F, std::numeric_limits<float>::quiet_NaN()};
  std::copy(std::begin(targets), std::end(targets), batch.targets.begin());
  const Block parameters(1, layout.size());
  EXPECT_EQ(make_fused_engine(layout)->evaluate(parameters, batch).correct_counts[0], 2);
}

TEST(EveryRecurrentEngine, LimitedDerivativesAgreeWithLibTorch) {
  for (const Model& model : models(3, 6, 4)) {
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 21, 9, {0, 0, 0});
    const Block parameters = random_rows(layout, 3);
    // With an output at each of nine time steps the derivatives are smaller.
    const float some = model.target == Target::kClassEachStep ? 5e-4F : 5e-3F;
    const std::vector<float> limits = {1e-4F, kInfinity, some};
    std::list<CellLoop> loops;
    for (std::size_t r = 0; r < limits.size(); ++r)
      loops.emplace_back(parameters.row(r), layout, batch, 0, torch::kFloat64,
                         static_cast<double>(limits[r]));
    with_each_simd([&] {
      const StepResult result = result_of(*make_fused_engine(layout), parameters, batch, limits);
      std::size_t r = 0;
      for (const CellLoop& expected : loops) {
        expect_same_gradient(result.gradients.row(r), expected.gradient());
        EXPECT_EQ(result.clipped_derivatives[r], expected.limited());
        ++r;
      }
      EXPECT_EQ(result.clipped_derivatives[1], 0U);
      EXPECT_GT(result.clipped_derivatives[2], 0U);
    });
  }
}

void expect_norms(const std::vector<float>& norms, const std::vector<double>& expected) {
  ASSERT_EQ(norms.size(), expected.size());
  for (std::size_t t = 0; t < norms.size(); ++t)
    EXPECT_NEAR(norms[t], expected[t], 1e-4 * expected[t]) << "t " << t;
}

TEST(EveryRecurrentEngine, StateGradientNormsAgreeWithLibTorch) {
  for (const Model& model : models(3, 11, 4)) {
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 37, 15, {0, 1});
    const Block parameters = random_rows(layout, 1);
    const auto loop_with = [&](float limit) {
      return CellLoop(parameters.row(0), layout, batch, 1, torch::kFloat64,
                      static_cast<double>(limit));
    };
    const CellLoop unlimited = loop_with(kInfinity), limited = loop_with(2e-3F);
    with_each_simd([&] {
      const auto engine = make_fused_engine(layout);
      const auto norms_with = [&](float limit) {
        return engine->state_gradient_norms(parameters, batch, {1}, Limits{limit})[0];
      };
      expect_norms(norms_with(kInfinity), unlimited.norms());
      expect_norms(norms_with(2e-3F), limited.norms());
    });
  }
}

// They are exact as long as float32 can hold them, although the squares of 1e-30 need a wider
// range.
TEST(EveryRecurrentEngine, StateGradientNormsShowHowAGradientVanishes) {
  for (const Model& model : models(2, 5, 3)) {
    if (model.target == Target::kClassEachStep) continue;  // each step has a gradient of its own
    const auto layout = layout_of(model);
    Block parameters = random_rows(layout, 1);
    for (const auto& tensor : layout.tensors) {
      if (tensor.name.rfind("lstm.bias", 0) != 0) continue;
      // The forget gates are nearly closed.
      const auto bias = part(parameters.row(0), tensor);
      for (std::size_t unit = 5; unit < 10; ++unit) bias[unit] = -2;
    }
    const Batch batch = random_batch(model, 20, 120, {0});
    const CellLoop expected(parameters.row(0), layout, batch, 0, torch::kFloat64);
    with_each_simd([&] {
      const auto norms = make_fused_engine(layout)->state_gradient_norms(parameters, batch, {0},
                                                                         Limits{kInfinity})[0];
      std::size_t compared = 0;
      for (std::size_t t = 0; t < norms.size(); ++t) {
        if (expected.norms()[t] < 1e-30) continue;
        ++compared;
        EXPECT_NEAR(norms[t] / expected.norms()[t], 1, 1e-4)
            << "t " << t << ", " << described(model, batch);
      }
      EXPECT_GT(compared, 10U);
    });
    EXPECT_LT(expected.norms()[0], 1e-20) << described(model, batch);
  }
}

TEST_P(RecurrentEngine, StateGradientNormsDoNotChangeTheStep) {
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

}  // namespace
}  // namespace clipsweep
