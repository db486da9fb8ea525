// Samples of different lengths in one batch: they end together, and what is before a sample counts
// for nothing, forward and back.
#include <cmath>
#include <string>

#include "clipsweep/base/random.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/engine/reference/reference_engine.h"
#include "support/each_simd.h"
#include "support/engine_samples.h"
#include "support/special_values.h"

namespace clipsweep {
namespace {

constexpr int kSamples = 53;  // four blocks in two groups, the last one with padding
constexpr int kLongest = 6;

// Clears the inputs before each sample, or fills them with a number.
void set_inputs_before_starts(Batch& batch, float value) {
  const auto row = static_cast<std::size_t>(batch.input_size) * kLanes;
  const auto steps = static_cast<std::size_t>(batch.time_steps);
  for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
    const std::size_t block = i / row / steps;
    const auto start = static_cast<std::size_t>(batch.starts[block * kLanes + i % kLanes]);
    if (i / row % steps < start) batch.inputs[i] = value;
  }
}

// Random samples of 1 to T time steps; the first one of each source has T - 1.
Batch batch_with_lengths(const Model& model, std::vector<int> source_of_run, int size = kSamples) {
  Batch batch = random_batch(model, size, kLongest, std::move(source_of_run));
  batch.starts.resize(static_cast<std::size_t>(batch.sources) * batch.blocks() * kLanes);
  RandomStream random(5, "starts");
  for (auto& start : batch.starts) start = static_cast<std::int32_t>(random.below(kLongest));
  for (int source = 0; source < batch.sources; ++source) {
    batch.starts[static_cast<std::size_t>(source) * batch.blocks() * kLanes] = 1;
    pad_lanes(batch, source);
  }
  set_inputs_before_starts(batch, 0);
  return batch;
}

// Every model, with the accuracy of sequences and of time steps in turn.
std::vector<Model> every_scored_model() {
  std::vector<Model> models = every_model();
  for (Model& model : models)
    model.scores_steps = model.target == Target::kClassEachStep && model.layers == 2;
  return models;
}

Block weights_of_runs(const ParameterLayout& layout, std::size_t runs) {
  Block block(runs, layout.size());
  for (std::size_t r = 0; r < runs; ++r) set_row(block, r, layout, 20 + r);
  return block;
}

// ---- The reference engine: a batch is the mean of its samples
// ------------------------------------

// Sample b of the batch's only source, without the time steps before it.
Batch sample_alone(const Model& model, const Batch& batch, std::size_t b) {
  const std::size_t block = b / kLanes, lane = b % kLanes;
  const auto start = static_cast<std::size_t>(batch.starts[block * kLanes + lane]);
  const auto steps = static_cast<std::size_t>(batch.time_steps);
  Batch alone = make_batch(model, 1, 1, {0});
  set_time_steps(alone, static_cast<int>(steps - start));
  const auto copy = [&](const auto& from, auto& to, std::size_t rows, std::size_t first) {
    for (std::size_t row = first; row < rows; ++row)
      to[(row - first) * kLanes] = from[(block * rows + row) * kLanes + lane];
  };
  const auto inputs = static_cast<std::size_t>(batch.input_size);
  copy(batch.inputs, alone.inputs, steps * inputs, start * inputs);
  if (batch.target == Target::kClassEachStep)
    copy(batch.labels, alone.labels, steps, start);
  else if (batch.target == Target::kClass)
    copy(batch.labels, alone.labels, 1, 0);
  else
    copy(batch.targets, alone.targets, static_cast<std::size_t>(batch.numbers), 0);
  pad_lanes(alone, 0);
  return alone;
}

TEST(SampleLengths, ABatchIsTheMeanOfItsSamplesAlone) {
  for (const Model& model : every_scored_model()) {
    if (model.layers == 3) continue;
    SCOPED_TRACE(test_name(model));
    constexpr int kSize = 7;
    const auto layout = layout_of(model);
    const Batch batch = batch_with_lengths(model, {0}, kSize);
    const Block parameters = weights_of_runs(layout, 1);
    const auto engine = make_reference_engine(layout, "cpu");
    const StepResult together = result_of(*engine, parameters, batch);
    const auto norms = engine->state_gradient_norms(parameters, batch, {0}, no_limits(parameters));
    double loss = 0, weights = 0;
    std::int64_t correct = 0;
    at::Tensor gradient = torch::zeros({static_cast<std::int64_t>(layout.size())}, torch::kFloat64);
    std::vector<double> squares(kLongest);
    for (std::size_t b = 0; b < kSize; ++b) {
      const Batch alone = sample_alone(model, batch, b);
      const double weight = model.target == Target::kClassEachStep ? alone.time_steps : 1;
      const StepResult result = result_of(*engine, parameters, alone);
      weights += weight;
      loss += weight * static_cast<double>(result.losses[0]);
      correct += result.correct_counts[0];
      gradient += weight * in_double(result.gradients.row(0));
      const auto own =
          engine->state_gradient_norms(parameters, alone, {0}, no_limits(parameters))[0];
      for (std::size_t t = 0; t < own.size(); ++t)
        squares[kLongest - own.size() + t] += std::pow(weight * static_cast<double>(own[t]), 2);
    }
    EXPECT_NEAR(together.losses[0], loss / weights, 2e-6 * loss / weights);
    EXPECT_EQ(together.correct_counts[0], correct);
    expect_same_gradient(together.gradients.row(0), gradient / weights);
    for (std::size_t t = 0; t < kLongest; ++t)
      EXPECT_NEAR(norms[0][t], std::sqrt(squares[t]) / weights, 1e-5 * std::sqrt(squares[t])) << t;
    const auto evaluation = engine->evaluate(parameters, batch);
    EXPECT_DOUBLE_EQ(weight_of_loss(batch, 0), weights);
    EXPECT_NEAR(evaluation.loss_sums[0], loss, 2e-6 * loss);
    EXPECT_EQ(evaluation.correct_counts[0], correct);
  }
}

// ---- The fused engine
// ----------------------------------------------------------------------------

class FusedSampleLengths : public EachSimd {};
CLIPSWEEP_WITH_EACH_SIMD(FusedSampleLengths);

TEST_P(FusedSampleLengths, AgreeWithTheReferenceEngine) {
  for (const Model& model : every_scored_model()) {
    SCOPED_TRACE(test_name(model));
    const auto layout = layout_of(model);
    const Batch batch = batch_with_lengths(model, {0, 1, 0});
    const Block parameters = weights_of_runs(layout, 3);
    const std::vector<float> limits = {kInfinity, 1e-3F, kInfinity};
    const auto fused = make_fused_engine(layout);
    const auto reference = make_reference_engine(layout, "cpu");
    const StepResult ours = result_of(*fused, parameters, batch, limits);
    const StepResult theirs = result_of(*reference, parameters, batch, limits);
    EXPECT_EQ(ours.correct_counts, theirs.correct_counts);
    const auto norms = fused->state_gradient_norms(parameters, batch, batch.source_of_run, limits);
    const auto their_norms =
        reference->state_gradient_norms(parameters, batch, batch.source_of_run, limits);
    EXPECT_GT(theirs.clipped_derivatives[1], 0U);
    // A derivative may be within rounding of the limit.
    EXPECT_NEAR(static_cast<double>(ours.clipped_derivatives[1]),
                static_cast<double>(theirs.clipped_derivatives[1]), 2);
    const auto evaluation = fused->evaluate(parameters, batch);
    const auto their_evaluation = reference->evaluate(parameters, batch);
    EXPECT_EQ(evaluation.correct_counts, their_evaluation.correct_counts);
    for (std::size_t r = 0; r < 3; ++r) {
      EXPECT_NEAR(ours.losses[r], theirs.losses[r], 2e-6 * theirs.losses[r]);
      EXPECT_NEAR(evaluation.loss_sums[r], their_evaluation.loss_sums[r],
                  2e-6 * their_evaluation.loss_sums[r]);
      EXPECT_LT(
          relative_error(in_double(ours.gradients.row(r)), in_double(theirs.gradients.row(r))),
          2e-5);
      for (std::size_t t = 0; t < kLongest; ++t)
        EXPECT_NEAR(norms[r][t], their_norms[r][t], 1e-4 * their_norms[r][t]);
    }
  }
}

TEST_P(FusedSampleLengths, EqualOnesAreAsIfThereWereNone) {
  for (const Model& model : every_scored_model()) {
    const auto layout = layout_of(model);
    Batch batch = random_batch(model, kSamples, kLongest, {0});
    const Block parameters = weights_of_runs(layout, 1);
    const auto engine = make_fused_engine(layout);
    const StepResult without = result_of(*engine, parameters, batch);
    batch.starts.resize(batch.blocks() * kLanes);
    const StepResult with = result_of(*engine, parameters, batch);
    EXPECT_EQ(with.losses, without.losses);
    EXPECT_EQ(with.correct_counts, without.correct_counts);
    EXPECT_TRUE(same_bits(with.gradients.row(0), without.gradients.row(0)));
  }
}

TEST_P(FusedSampleLengths, WhatIsBeforeASampleDoesNotMatter) {
  for (const Model& model : every_scored_model()) {
    SCOPED_TRACE(test_name(model));
    const auto layout = layout_of(model);
    Batch batch = batch_with_lengths(model, {0});
    const Block parameters = weights_of_runs(layout, 1);
    const auto engine = make_fused_engine(layout);
    const std::vector<float> limits = {1e-3F};
    const StepResult before = result_of(*engine, parameters, batch, limits);
    set_inputs_before_starts(batch, 7);
    if (model.target == Target::kClassEachStep)
      for (std::size_t block = 0; block < batch.blocks(); ++block)
        for (std::size_t lane = 0; lane < kLanes; ++lane)
          for (int t = 0; t < batch.starts[block * kLanes + lane]; ++t)
            batch.labels[(block * kLongest + static_cast<std::size_t>(t)) * kLanes + lane] ^= 1;
    const StepResult after = result_of(*engine, parameters, batch, limits);
    EXPECT_EQ(before.losses, after.losses);
    EXPECT_EQ(before.correct_counts, after.correct_counts);
    EXPECT_EQ(before.clipped_derivatives, after.clipped_derivatives);
    EXPECT_TRUE(same_bits(before.gradients.row(0), after.gradients.row(0)));
  }
}

TEST_P(FusedSampleLengths, ARunIsTheSameAloneAndWithOthers) {
  for (const Model& model : every_scored_model()) {
    SCOPED_TRACE(test_name(model));
    const auto layout = layout_of(model);
    const Batch batch = batch_with_lengths(model, {1, 0, 1});
    const Block parameters = weights_of_runs(layout, 3);
    expect_same_alone(*make_fused_engine(layout), parameters, batch);
  }
}

}  // namespace
}  // namespace clipsweep
