// Sequences that begin with the states with which those of the batch before ended.
#include <algorithm>
#include <string>

#include "clipsweep/base/random.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/engine/reference/reference_engine.h"
#include "support/each_simd.h"
#include "support/engine_samples.h"
#include "support/special_values.h"

namespace clipsweep {
namespace {

class CarriedStates : public EachSimd {};
CLIPSWEEP_WITH_EACH_SIMD(CarriedStates);

constexpr int kBatchSize = 21;  // two blocks, the second one with padding

Block random_weights(const ParameterLayout& layout, std::size_t runs) {
  Block block(runs, layout.size());
  for (std::size_t r = 0; r < runs; ++r) set_row(block, r, layout, 10 + r);
  return block;
}

StateBlock random_states(const Model& model, const Batch& batch, std::size_t runs) {
  StateBlock states(runs, states_size(model, batch));
  RandomStream random(3, "states");
  for (std::size_t i = 0; i < runs * states.columns(); ++i)
    states.data()[i] = static_cast<float>(random.uniform() - 0.5);
  return states;
}

StepResult result_with(GradientEngine& engine, const Block& parameters, const Batch& batch,
                       const StateBlock& states, std::vector<float> limits = {}) {
  if (limits.empty()) limits = no_limits(parameters);
  StepResult result(parameters.rows(), parameters.columns(), states.columns());
  EngineContext context;
  context.initial_states = &states;
  engine.compute_gradients(parameters, batch, limits, result, context);
  return result;
}

// Those of lanes with samples.
double largest_difference(const StateBlock& a, const StateBlock& b, const Model& model) {
  const std::size_t lanes_of_state = 2 * static_cast<std::size_t>(model.hidden) * kLanes;
  double largest = 0;
  for (std::size_t r = 0; r < a.rows(); ++r)
    for (std::size_t i = 0; i < a.columns(); ++i) {
      const std::size_t block = i % lanes_of_state / (lanes_of_state / 2);
      if (block * kLanes + i % kLanes >= kBatchSize) continue;
      largest = std::max<double>(largest, std::abs(a.row(r)[i] - b.row(r)[i]));
    }
  return largest;
}

TEST_P(CarriedStates, TheFusedEngineAgreesWithTheReferenceEngine) {
  for (Model model : every_model()) {
    SCOPED_TRACE(test_name(model));
    model.scores_steps = model.target == Target::kClassEachStep;
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, kBatchSize, 5, {0, 1, 0});
    const Block parameters = random_weights(layout, 3);
    const StateBlock states = random_states(model, batch, 3);
    const std::vector<float> limits = {kInfinity, 1e-3F, kInfinity};
    const auto fused = make_fused_engine(layout);
    const auto reference = make_reference_engine(layout, "cpu");
    const StepResult ours = result_with(*fused, parameters, batch, states, limits);
    const StepResult theirs = result_with(*reference, parameters, batch, states, limits);
    EXPECT_LT(largest_difference(ours.last_states, theirs.last_states, model), 2e-6);
    EXPECT_EQ(ours.correct_counts, theirs.correct_counts);
    EngineContext context;
    context.initial_states = &states;
    const auto norms =
        fused->state_gradient_norms(parameters, batch, batch.source_of_run, limits, context);
    const auto their_norms =
        reference->state_gradient_norms(parameters, batch, batch.source_of_run, limits, context);
    for (std::size_t r = 0; r < 3; ++r) {
      EXPECT_NEAR(ours.losses[r], theirs.losses[r], 2e-6 * theirs.losses[r]);
      EXPECT_LT(
          relative_error(in_double(ours.gradients.row(r)), in_double(theirs.gradients.row(r))),
          2e-5);
      for (std::size_t t = 0; t < 5; ++t)
        EXPECT_NEAR(norms[r][t], their_norms[r][t], 1e-4 * their_norms[r][t]);
    }
  }
}

TEST_P(CarriedStates, ZerosAreAsIfThereWereNone) {
  for (const Model& model : every_model()) {
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, kBatchSize, 4, {0});
    const Block parameters = random_weights(layout, 1);
    const auto engine = make_fused_engine(layout);
    const StateBlock zeros(1, states_size(model, batch));
    const StepResult with = result_with(*engine, parameters, batch, zeros);
    const StepResult without = result_of(*engine, parameters, batch);
    EXPECT_EQ(with.losses, without.losses);
    EXPECT_TRUE(same_bits(with.gradients.row(0), without.gradients.row(0)));
  }
}

// The time steps [begin, end) of a batch.
Batch part_of(const Batch& whole, int begin, int end) {
  Batch part = whole;
  set_time_steps(part, end - begin);
  const auto steps = static_cast<std::size_t>(whole.time_steps);
  const auto length = static_cast<std::size_t>(end - begin);
  const auto copy = [&](const auto& from, auto& to, std::size_t row) {
    for (std::size_t block = 0; block < whole.blocks(); ++block)
      std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(
                                     (block * steps + static_cast<std::size_t>(begin)) * row),
                  length * row, to.begin() + static_cast<std::ptrdiff_t>(block * length * row));
  };
  copy(whole.inputs, part.inputs, static_cast<std::size_t>(whole.input_size) * kLanes);
  copy(whole.labels, part.labels, kLanes);
  return part;
}

TEST_P(CarriedStates, TwoPartsAreOneSequence) {
  for (const Model& model : every_model()) {
    if (model.target != Target::kClassEachStep) continue;
    SCOPED_TRACE(test_name(model));
    const auto layout = layout_of(model);
    const Batch whole = random_batch(model, kBatchSize, 9, {0, 0});
    const Block parameters = random_weights(layout, 2);
    for (const bool is_fused : {true, false}) {
      const auto engine =
          is_fused ? make_fused_engine(layout) : make_reference_engine(layout, "cpu");
      const StateBlock states = random_states(model, whole, 2);
      const StepResult once = result_with(*engine, parameters, whole, states);
      const StepResult first = result_with(*engine, parameters, part_of(whole, 0, 4), states);
      const StepResult second =
          result_with(*engine, parameters, part_of(whole, 4, 9), first.last_states);
      EXPECT_LE(largest_difference(once.last_states, second.last_states, model),
                is_fused ? 0 : 1e-6);
      for (std::size_t r = 0; r < 2; ++r)
        EXPECT_NEAR((4 * first.losses[r] + 5 * second.losses[r]) / 9, once.losses[r],
                    1e-6 * once.losses[r]);
    }
  }
}

// Runs are computed once only if their states are equal, too.
TEST_P(CarriedStates, RunsWithEqualWeightsAndOtherStatesDiffer) {
  const Model model{Cell::kLstm, 2, 3, 5, 4, Target::kClassEachStep, 0};
  const auto layout = layout_of(model);
  const Batch batch = random_batch(model, kBatchSize, 6, {0, 0, 0});
  Block parameters = random_weights(layout, 3);
  StateBlock states = random_states(model, batch, 3);
  for (const std::size_t r : {1, 2})
    std::copy_n(parameters.row(0).data(), layout.size(), parameters.row(r).data());
  std::copy_n(states.row(0).data(), states.columns(), states.row(2).data());
  const StepResult together = result_with(*make_fused_engine(layout), parameters, batch, states);
  EXPECT_NE(together.losses[0], together.losses[1]);
  EXPECT_EQ(together.losses[0], together.losses[2]);
  for (std::size_t r = 0; r < 3; ++r) {
    Batch own = batch;
    own.source_of_run = {0};
    Block alone(1, layout.size());
    std::copy_n(parameters.row(r).data(), layout.size(), alone.data());
    StateBlock own_states(1, states.columns());
    std::copy_n(states.row(r).data(), states.columns(), own_states.data());
    const StepResult expected = result_with(*make_fused_engine(layout), alone, own, own_states);
    EXPECT_EQ(together.losses[r], expected.losses[0]);
    EXPECT_TRUE(same_bits(together.gradients.row(r), expected.gradients.row(0)));
    EXPECT_TRUE(same_bits(together.last_states.row(r), expected.last_states.row(0)));
  }
}

}  // namespace
}  // namespace clipsweep
