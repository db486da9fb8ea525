// The fused engine with LSTMs and images, compared with autograd in double and with the reference
// engine, and the independence of its runs; with every instruction set of this machine.
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

class FusedEngine : public EachSimd {};
CLIPSWEEP_WITH_EACH_SIMD(FusedEngine);

void expect_agreement_with_double(const SampleShape& shape, const InitialScheme& init) {
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  const auto batch = batch_of(random_images(shape, 2 * shape.batch), shape.batch, {0, 1, 0});
  Block parameters(3, layout.size());
  for (std::size_t r = 0; r < 3; ++r) {
    const auto row = initial_weights(init, layout, r);
    std::copy(row.begin(), row.end(), parameters.row(r).begin());
  }
  const StepResult result = result_of(*make_fused_engine(layout), parameters, batch);
  for (std::size_t r = 0; r < 3; ++r) {
    const auto expected =
        oracle(parameters.row(r), layout, batch, batch.source_of_run[r], torch::kFloat64);
    const double loss = expected.loss.item<double>();
    EXPECT_NEAR(result.losses[r], loss, 1e-6 * loss);
    SCOPED_TRACE(::testing::Message() << "B " << shape.batch << ", T " << shape.time_steps << ", I "
                                      << shape.inputs << ", H " << shape.hidden);
    expect_same_gradient(result.gradients.row(r), expected.gradient);
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
           {32, 3, 512, 3}, {2, 1000, 1, 2}, {100, 65, 41, 6}, {20, 5, 170, 6}})
    expect_agreement_with_double(shape, InitialScheme{});
  // Keras's weights of 512 units, which are made orthogonal, would take longer than all the rest.
  expect_agreement_with_double({17, 2, 2, 512}, InitialScheme{InitialKind::kTorch});
}

TEST_P(FusedEngine, EachTensorsGradientAgreesWithAutogradInDouble) {
  const SampleShape shape{32, 28, 28, 10};
  const auto layout = lstm_layout(28, 10, 10);
  const auto batch = batch_of(random_images(shape, 32), 32, {0});
  Block parameters(1, layout.size());
  set_row(parameters, 0, layout, 7);
  const StepResult result = result_of(*make_fused_engine(layout), parameters, batch);
  const auto expected = oracle(parameters.row(0), layout, batch, 0, torch::kFloat64);
  expect_same_tensor_gradients(layout, result.gradients.row(0), expected.gradient);
}

// The differences are limited by the rounding of the losses in float32.
TEST_P(FusedEngine, GradientAgreesWithCentralDifferences) {
  const SampleShape shape{5, 4, 3, 4};
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  const auto batch = batch_of(random_images(shape, 10), shape.batch, {0});
  Block parameters(1, layout.size());
  set_row(parameters, 0, layout, 1);
  expect_central_differences(*make_fused_engine(layout), parameters, batch, 0.02F, 1e-4);
}

TEST_P(FusedEngine, EvaluatesAsItTrains) {
  for (const SampleShape& shape : sample_shapes()) {
    const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
    const auto batch = batch_of(random_images(shape, shape.batch), shape.batch, {0});
    const auto engine = make_fused_engine(layout);
    Block parameters(1, layout.size());
    set_row(parameters, 0, layout, 5);
    const StepResult result = result_of(*engine, parameters, batch);
    const auto evaluation = engine->evaluate(parameters, batch);
    EXPECT_EQ(static_cast<float>(evaluation.loss_sums[0]) / static_cast<float>(shape.batch),
              result.losses[0]);
    EXPECT_EQ(evaluation.correct_counts[0], result.correct_counts[0]);
    // The evaluation must not affect the next step.
    const StepResult again = result_of(*engine, parameters, batch);
    EXPECT_TRUE(same_bits(again.gradients.row(0), result.gradients.row(0)));
  }
}

TEST_P(FusedEngine, CountsTheSameCorrectPredictionsAsTheReferenceEngine) {
  const SampleShape shape{70, 5, 6, 7};
  const auto layout = lstm_layout(6, 7, 10);
  const auto batch = batch_of(random_images(shape, 70), 70, {0});
  Block parameters(8, layout.size());
  for (std::size_t r = 0; r < 8; ++r) set_row(parameters, r, layout, r);
  const auto fused = make_fused_engine(layout)->evaluate(parameters, batch);
  const auto reference = make_reference_engine(layout, "cpu")->evaluate(parameters, batch);
  EXPECT_EQ(fused.correct_counts, reference.correct_counts);
}

// To the last bit, for any shape, size of the cohort and place in it.
TEST_P(FusedEngine, RunsAreIndependent) {
  for (const SampleShape& shape : sample_shapes()) {
    const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
    const auto images = random_images(shape, 2 * shape.batch);
    Block alone(1, layout.size());
    set_row(alone, 0, layout, 5);
    const StepResult expected =
        result_of(*make_fused_engine(layout), alone, batch_of(images, shape.batch, {0}));
    const auto engine = make_fused_engine(layout);
    for (const std::size_t place : {0, 3, 6}) {
      Block parameters(7, layout.size());
      for (std::size_t r = 0; r < 7; ++r) set_row(parameters, r, layout, 100 + r);
      // Even next to a run that is not finite.
      parameters.row((place + 1) % 7)[0] = std::numeric_limits<float>::quiet_NaN();
      set_row(parameters, place, layout, 5);
      std::vector<int> sources(7, 1);
      sources[place] = 0;
      const StepResult result =
          result_of(*engine, parameters, batch_of(images, shape.batch, sources));
      EXPECT_EQ(result.losses[place], expected.losses[0]);
      EXPECT_TRUE(same_bits(result.gradients.row(place), expected.gradients.row(0)));
    }
  }
}

// They share copies of their inputs.
TEST_P(FusedEngine, RunsOfOneSourceHaveTheSameResultsAsAlone) {
  // One chunk of time steps, several chunks, several groups of blocks, several panels of columns.
  for (const SampleShape& shape : std::vector<SampleShape>{
           {32, 28, 28, 10}, {20, 70, 30, 5}, {100, 9, 30, 6}, {40, 8, 170, 6}}) {
    for (const auto& entry : cell_table()) {
      SCOPED_TRACE(std::string(to_text(entry.cell)) + ", I " + std::to_string(shape.inputs));
      const auto layout = layout_of({entry.cell, 2, shape.inputs, shape.hidden, 10});
      Block parameters(7, layout.size());
      for (std::size_t r = 0; r < 7; ++r) set_row(parameters, r, layout, r);
      expect_same_alone(
          *make_fused_engine(layout), parameters,
          batch_of(random_images(shape, 3 * shape.batch), shape.batch, {0, 2, 0, 1, 2, 0, 2}));
    }
  }
}

// A non-finite weight has the same effect as in the reference engine, in any place.
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
      const StepResult ours = result_of(*fused, parameters, batch);
      const StepResult theirs = result_of(*reference, parameters, batch);
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

// The logits are the output's bias, so the loss has a closed form.
TEST_P(FusedEngine, LossesAreExactIfAClassIsNearlyCertain) {
  const SampleShape shape{16, 1, 1, 1};
  const auto layout = lstm_layout(1, 1, 10);
  auto images = random_images(shape, 16);
  std::fill(images.labels.begin(), images.labels.end(), 3);
  const auto batch = batch_of(images, 16, {0});
  Block parameters(1, layout.size());
  parameters.row(0)[layout.tensor("output.bias").offset + 3] = 20;
  const StepResult result = result_of(*make_fused_engine(layout), parameters, batch);
  const double loss = std::log1p(9 * std::exp(-20.0));
  EXPECT_NEAR(result.losses[0], loss, 1e-6 * loss);
  const double derivative = -9 * std::exp(-20.0) / (1 + 9 * std::exp(-20.0));
  EXPECT_NEAR(result.gradients.row(0)[layout.tensor("output.bias").offset + 3], derivative,
              -1e-6 * derivative);
  EXPECT_EQ(result.correct_counts[0], 16);
}

TEST(FusedEngineSimd, IsTheChosenInstructionSet) {
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
