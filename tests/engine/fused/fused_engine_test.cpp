// The fused engine against autograd in double, the reference engine and its own promise that a run
// does not know its neighbours; with every instruction set that this machine has.
#include "clipsweep/engine/fused/fused_engine.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "clipsweep/base/simd.h"
#include "clipsweep/engine/reference/reference_engine.h"
#include "clipsweep/model/gradient_norms.h"
#include "clipsweep/model/initial_weights.h"
#include "support/each_simd.h"
#include "support/engine_samples.h"

namespace clipsweep {
namespace {

using at::Tensor;

class FusedEngine : public EachSimd {};
CLIPSWEEP_WITH_EACH_SIMD(FusedEngine);

Tensor tensor_of(Span<const float> row) {
  return torch::tensor(std::vector<float>(row.begin(), row.end())).to(torch::kFloat64);
}

void expect_agreement_with_double(const SampleShape& shape, const InitialScheme& init) {
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  const auto batch = batch_of(random_images(shape, 2 * shape.batch), shape.batch, {0, 1, 0});
  Block parameters(3, layout.size());
  for (std::size_t r = 0; r < 3; ++r) {
    const auto row = initial_weights(init, layout, r);
    std::copy(row.begin(), row.end(), parameters.row(r).begin());
  }
  StepResult result(3, layout.size());
  make_fused_engine(layout)->compute_gradients(parameters, batch, no_limits(parameters), result);
  for (std::size_t r = 0; r < 3; ++r) {
    const auto expected =
        oracle(parameters.row(r), layout, batch, batch.source_of_run[r], torch::kFloat64);
    const double loss = expected.loss.item<double>();
    EXPECT_NEAR(result.losses[r], loss, 1e-6 * loss);
    EXPECT_LT(relative_error(tensor_of(result.gradients.row(r)), expected.gradient), 1e-5)
        << "B " << shape.batch << ", T " << shape.time_steps << ", I " << shape.inputs << ", H "
        << shape.hidden;
  }
}

TEST_P(FusedEngine, AgreesWithAutogradInDouble) {
  for (const SampleShape& shape : sample_shapes())
    expect_agreement_with_double(shape, InitialScheme{InitialKind::kTorch});
  // Every remainder of units, rows, columns, blocks and registers, and the largest sizes promised.
  for (int n = 1; n <= 13; ++n)
    expect_agreement_with_double({3 * n, 1 + n % 4, n, n}, InitialScheme{});
  // The same where rows are packed, over several chunks of time steps and groups of blocks.
  for (int n = 0; n < 7; ++n)
    expect_agreement_with_double({4 + 13 * n, 40 + n, 15 + n, 33 + n}, InitialScheme{});
  for (const SampleShape& shape : std::vector<SampleShape>{
           {32, 3, 512, 3}, {17, 2, 2, 512}, {2, 1000, 1, 2}, {100, 65, 41, 6}})
    expect_agreement_with_double(shape, InitialScheme{});
}

TEST_P(FusedEngine, EachTensorsGradientAgreesWithAutogradInDouble) {
  const SampleShape shape{32, 28, 28, 10};
  const auto layout = lstm_layout(28, 10, 10);
  const auto batch = batch_of(random_images(shape, 32), 32, {0});
  Block parameters(1, layout.size());
  set_row(parameters, 0, layout, 7);
  StepResult result(1, layout.size());
  make_fused_engine(layout)->compute_gradients(parameters, batch, no_limits(parameters), result);
  const auto expected = oracle(parameters.row(0), layout, batch, 0, torch::kFloat64);
  const Tensor gradient = tensor_of(result.gradients.row(0));
  for (const auto& tensor : layout.tensors) {
    const auto offset = static_cast<std::int64_t>(tensor.offset);
    const auto size = static_cast<std::int64_t>(tensor.size());
    EXPECT_LT(
        relative_error(gradient.narrow(0, offset, size), expected.gradient.narrow(0, offset, size)),
        1e-5)
        << tensor.name;
  }
}

// Central differences of the losses in float32: as exact as their rounding lets them be.
TEST_P(FusedEngine, GradientIsThatOfFiniteDifferences) {
  const SampleShape shape{5, 4, 3, 4};
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  const auto batch = batch_of(random_images(shape, 10), shape.batch, {0});
  const auto engine = make_fused_engine(layout);
  Block parameters(1, layout.size());
  set_row(parameters, 0, layout, 1);
  StepResult result(1, layout.size());
  engine->compute_gradients(parameters, batch, no_limits(parameters), result);
  const auto loss_at = [&](std::size_t i, float value) {
    Block moved = parameters;
    moved.row(0)[i] = value;
    return engine->evaluate(moved, batch).loss_sums[0] / shape.batch;
  };
  for (std::size_t i = 0; i < layout.size(); ++i) {
    const float above = parameters.row(0)[i] + 0.02F, below = parameters.row(0)[i] - 0.02F;
    const double slope = (loss_at(i, above) - loss_at(i, below)) / (double{above} - double{below});
    EXPECT_NEAR(result.gradients.row(0)[i], slope, 1e-4) << i;
  }
}

TEST_P(FusedEngine, EvaluatesAsItTrains) {
  for (const SampleShape& shape : sample_shapes()) {
    const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
    const auto batch = batch_of(random_images(shape, shape.batch), shape.batch, {0});
    const auto engine = make_fused_engine(layout);
    Block parameters(1, layout.size());
    set_row(parameters, 0, layout, 5);
    StepResult result(1, layout.size());
    engine->compute_gradients(parameters, batch, no_limits(parameters), result);
    const auto evaluation = engine->evaluate(parameters, batch);
    EXPECT_EQ(static_cast<float>(evaluation.loss_sums[0]) / static_cast<float>(shape.batch),
              result.losses[0]);
    EXPECT_EQ(evaluation.correct_counts[0], result.correct_counts[0]);
    // Once more after an evaluation: nothing is left over in the workspace.
    StepResult again(1, layout.size());
    engine->compute_gradients(parameters, batch, no_limits(parameters), again);
    EXPECT_TRUE(same_bits(again.gradients.row(0), result.gradients.row(0)));
  }
}

TEST_P(FusedEngine, CountsTheRightAnswersOfTheReferenceEngine) {
  const SampleShape shape{70, 5, 6, 7};
  const auto layout = lstm_layout(6, 7, 10);
  const auto batch = batch_of(random_images(shape, 70), 70, {0});
  Block parameters(8, layout.size());
  for (std::size_t r = 0; r < 8; ++r) set_row(parameters, r, layout, r);
  const auto fused = make_fused_engine(layout)->evaluate(parameters, batch);
  const auto reference = make_reference_engine(layout, "cpu")->evaluate(parameters, batch);
  EXPECT_EQ(fused.correct_counts, reference.correct_counts);
}

// To the last bit, whatever the shape: in cohorts of any size, at any place.
TEST_P(FusedEngine, ARunDoesNotKnowItsNeighbours) {
  for (const SampleShape& shape : sample_shapes()) {
    const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
    const auto images = random_images(shape, 2 * shape.batch);
    Block alone(1, layout.size());
    set_row(alone, 0, layout, 5);
    StepResult expected(1, layout.size());
    make_fused_engine(layout)->compute_gradients(alone, batch_of(images, shape.batch, {0}),
                                                 no_limits(alone), expected);
    const auto engine = make_fused_engine(layout);
    for (const std::size_t place : {0, 3, 6}) {
      Block parameters(7, layout.size());
      for (std::size_t r = 0; r < 7; ++r) set_row(parameters, r, layout, 100 + r);
      // Even beside a run that is not finite.
      parameters.row((place + 1) % 7)[0] = std::numeric_limits<float>::quiet_NaN();
      set_row(parameters, place, layout, 5);
      std::vector<int> sources(7, 1);
      sources[place] = 0;
      StepResult result(7, layout.size());
      engine->compute_gradients(parameters, batch_of(images, shape.batch, sources),
                                no_limits(parameters), result);
      EXPECT_EQ(result.losses[place], expected.losses[0]);
      EXPECT_TRUE(same_bits(result.gradients.row(place), expected.gradients.row(0)));
    }
  }
}

// Wherever it stands, a number that is not finite has the same effect as in the reference engine.
TEST_P(FusedEngine, NonfiniteWeightsPropagateAsInTheReference) {
  const SampleShape shape{20, 4, 5, 6};
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  const auto batch = batch_of(random_images(shape, 20), 20, {0});
  const auto fused = make_fused_engine(layout);
  const auto reference = make_reference_engine(layout, "cpu");
  const float kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity, 1e38F}) {
    for (std::size_t i = 0; i < layout.size(); i += 3) {
      Block parameters(1, layout.size());
      set_row(parameters, 0, layout, 1);
      parameters.row(0)[i] = bad;
      StepResult ours(1, layout.size()), theirs(1, layout.size());
      fused->compute_gradients(parameters, batch, no_limits(parameters), ours);
      reference->compute_gradients(parameters, batch, no_limits(parameters), theirs);
      EXPECT_EQ(std::isnan(ours.losses[0]), std::isnan(theirs.losses[0])) << bad << " at " << i;
      EXPECT_EQ(std::isinf(ours.losses[0]), std::isinf(theirs.losses[0])) << bad << " at " << i;
      EXPECT_EQ(ours.correct_counts[0], theirs.correct_counts[0]) << bad << " at " << i;
      EXPECT_EQ(find_nonfinite(ours.gradients.row(0)).has_value(),
                find_nonfinite(theirs.gradients.row(0)).has_value())
          << bad << " at " << i;
      EXPECT_TRUE(!std::isnan(bad) || std::isnan(ours.losses[0])) << i;
    }
  }
}

// The logits are the output's bias: nearly certain answers keep their digits.
TEST_P(FusedEngine, LossesAreExactWhereTheAnswerIsNearlyCertain) {
  const SampleShape shape{16, 1, 1, 1};
  const auto layout = lstm_layout(1, 1, 10);
  auto images = random_images(shape, 16);
  std::fill(images.labels.begin(), images.labels.end(), std::uint8_t{3});
  const auto batch = batch_of(images, 16, {0});
  Block parameters(1, layout.size());
  parameters.row(0)[layout.tensor("output.bias").offset + 3] = 20;
  StepResult result(1, layout.size());
  make_fused_engine(layout)->compute_gradients(parameters, batch, no_limits(parameters), result);
  const double loss = std::log1p(9 * std::exp(-20.0));
  EXPECT_NEAR(result.losses[0], loss, 1e-6 * loss);
  const double derivative = -9 * std::exp(-20.0) / (1 + 9 * std::exp(-20.0));
  EXPECT_NEAR(result.gradients.row(0)[layout.tensor("output.bias").offset + 3], derivative,
              -1e-6 * derivative);
  EXPECT_EQ(result.correct_counts[0], 16);
}

TEST(FusedEngineChoice, KnowsItsInstructionSets) {
  EXPECT_FALSE(simd_names().empty());
  for (const auto& name : simd_names()) {
    use_simd(name);
    EXPECT_EQ(simd_name(), name);
    EXPECT_EQ(make_fused_engine(lstm_layout(1, 1, 1))->simd(), name);
  }
  use_simd("");
  EXPECT_EQ(simd_name(), simd_names().front());
}

}  // namespace
}  // namespace clipsweep
