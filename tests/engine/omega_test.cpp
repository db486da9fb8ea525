// Omega in every engine, compared with plain loops and central differences (omega_oracle.h).
#include "clipsweep/engine/omega.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "clipsweep/base/random.h"
#include "clipsweep/model/gradient_norms.h"
#include "support/each_engine.h"
#include "support/engine_samples.h"
#include "support/omega_oracle.h"
#include "support/special_values.h"

namespace clipsweep {
namespace {

class Omega : public EachEngine {};
CLIPSWEEP_WITH_EACH_ENGINE(Omega);

constexpr double kFactor = 3;

Model with_omega(Model model, double factor = kFactor) {
  model.omega = factor;
  return model;
}

std::vector<Model> models_with_omega() {
  std::vector<Model> models;
  for (const Model& model : every_model())
    if (cell_entry(model.cell).has_omega) models.push_back(with_omega(model));
  return models;
}

// Random weights. Recurrent ones are larger, so that r_t is on both sides of 1.
Block weights_for_omega(const ParameterLayout& layout, std::size_t runs) {
  Block block(runs, layout.size());
  for (std::size_t r = 0; r < runs; ++r) {
    set_row(block, r, layout, 30 + r);
    for (const auto& tensor : layout.tensors)
      if (is_recurrent(tensor))
        for (float& weight : part(block.row(r), tensor)) weight *= 2;
  }
  return block;
}

// The samples of 1 to T time steps.
void draw_starts(Batch& batch) {
  batch.starts.resize(static_cast<std::size_t>(batch.sources) * batch.blocks() * kLanes);
  RandomStream random(6, "starts");
  for (auto& start : batch.starts)
    start = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(batch.time_steps)));
  for (int source = 0; source < batch.sources; ++source) pad_lanes(batch, source);
}

void expect_as_oracle(const ParameterLayout& layout, const Batch& batch, GradientEngine& engine,
                      const std::vector<float>& limits) {
  const Block parameters = weights_for_omega(layout, limits.size());
  const StepResult result = result_of(engine, parameters, batch, limits);
  const auto task_only = layout_of(with_omega(layout.model, 0));
  const StepResult task =
      result_of(*make_reference_engine(task_only, "cpu"), parameters, batch, limits);
  for (std::size_t r = 0; r < limits.size(); ++r) {
    const OmegaOracle oracle(parameters.row(r), layout, batch, batch.source_of_run[r],
                             static_cast<double>(limits[r]));
    EXPECT_GT(oracle.omega(), 1e-3);
    EXPECT_NEAR(result.omegas[r], oracle.omega(), 1e-5 * oracle.omega());
    EXPECT_NEAR(result.losses[r], task.losses[r], 2e-6 * task.losses[r] + 1e-7);
    const at::Tensor derivative =
        layout.model.omega * torch::tensor(oracle.derivative(), torch::kFloat64);
    EXPECT_GT(derivative.norm().item<double>(), 1e-3);
    const at::Tensor expected = in_double(task.gradients.row(r)) + derivative;
    const at::Tensor error = in_double(result.gradients.row(r)) - expected;
    EXPECT_LT((error.norm() / expected.norm()).item<double>(), 1e-5);
    // Float32 rounds the sum, of which this may be the smaller part.
    EXPECT_LT((error.norm() / derivative.norm()).item<double>(), 1e-4);
  }
}

TEST_P(Omega, AddsItsImmediateDerivative) {
  for (const Model& model : models_with_omega()) {
    if (model.layers == 3 && model.target != Target::kClassEachStep) continue;
    SCOPED_TRACE(test_name(model));
    const auto layout = layout_of(model);
    const auto engine = engine_for(layout);
    for (const int size : {1, 37}) {
      const Batch batch = random_batch(model, size, 6, {0, 1, 0});
      expect_as_oracle(layout, batch, *engine, {kInfinity, kInfinity, 0.02F});
    }
  }
}

TEST_P(Omega, IsTheMeanOverThePairsThatSamplesOfDifferentLengthsHave) {
  for (const Model& model : models_with_omega()) {
    if (model.layers == 3) continue;
    SCOPED_TRACE(test_name(model));
    const auto layout = layout_of(model);
    Batch batch = random_batch(model, 21, 7, {1, 0});
    draw_starts(batch);
    expect_as_oracle(layout, batch, *engine_for(layout), {kInfinity, 0.02F});
  }
}

TEST_P(Omega, ReadsSymbolsAsOneHotInputs) {
  for (const Cell cell : {Cell::kRnnTanh, Cell::kRnnRelu}) {
    Model model{cell, 2, kMinSymbols, 9, 3, Target::kClassEachStep};
    model.one_hot_inputs = true;
    model.omega = kFactor;
    Batch batch = make_batch(model, 1, 19, {0});
    set_time_steps(batch, 5);
    RandomStream random(2, "symbols");
    for (std::size_t b = 0; b < 19; ++b)
      for (std::size_t t = 0; t < 5; ++t) {
        set_symbol(batch, 0, b, t, random.below(kMinSymbols));
        batch.labels[(b / kLanes * 5 + t) * kLanes + b % kLanes] =
            static_cast<std::int32_t>(random.below(3));
      }
    pad_lanes(batch, 0);
    const auto layout = layout_of(model);
    expect_as_oracle(layout, batch, *engine_for(layout), {kInfinity});
  }
}

// Alone, or where longer ones are possible.
TEST_P(Omega, HasNoPairInSequencesOfOneTimeStep) {
  for (const Model& model : models_with_omega()) {
    const auto layout = layout_of(model);
    const auto without_omega = layout_of(with_omega(model, 0));
    const Block parameters = weights_for_omega(layout, 1);
    for (const int steps : {1, 3}) {
      Batch batch = random_batch(model, 5, steps, {0});
      if (steps > 1) batch.starts.assign(kLanes, steps - 1);
      const StepResult with = result_of(*engine_for(layout), parameters, batch);
      const StepResult without = result_of(*engine_for(without_omega), parameters, batch);
      EXPECT_EQ(with.omegas[0], 0);
      EXPECT_TRUE(same_bits(with.gradients.row(0), without.gradients.row(0)));
    }
  }
}

// ---- One run -----------------------------------------------------------------------------------

// One layer, a class after the last of 4 time steps, and weights without any special value.
struct LastStepCase {
  LastStepCase() : layout(layout_of(model)), parameters(weights_for_omega(layout, 1)) {}

  Span<float> weights(const char* name) { return part(parameters.row(0), layout.tensor(name)); }
  void scale(const char* name, float factor) {
    for (float& weight : weights(name)) weight *= factor;
  }
  // The gradient without Omega.
  StepResult task_result(std::unique_ptr<GradientEngine> engine) const {
    return result_of(*engine, parameters, batch);
  }

  Model model = with_omega({Cell::kRnnTanh, 1, 3, 5, 4, Target::kClass});
  ParameterLayout layout;
  Batch batch = random_batch(model, 9, 4, {0});
  Block parameters;
};

TEST_P(Omega, OfErrorsThatHaveVanishedIsZero) {
  LastStepCase some;
  some.scale("output.weight", 1e-11F);
  const StepResult with = result_of(*engine_for(some.layout), some.parameters, some.batch);
  const StepResult without = some.task_result(engine_for(layout_of(with_omega(some.model, 0))));
  EXPECT_EQ(with.omegas[0], 0);
  EXPECT_TRUE(same_bits(with.gradients.row(0), without.gradients.row(0)));
}

// r_t = 0, without a derivative: each pair of an error that has not vanished counts as 1. Only the
// last time step has an error.
TEST_P(Omega, WithoutRecurrentWeightsChangesNoGradient) {
  LastStepCase some;
  some.scale("rnn.weight_hh", 0);
  const StepResult with = result_of(*engine_for(some.layout), some.parameters, some.batch);
  const StepResult without = some.task_result(engine_for(layout_of(with_omega(some.model, 0))));
  EXPECT_DOUBLE_EQ(with.omegas[0], 1.0 / 3);
  EXPECT_TRUE(same_bits(with.gradients.row(0), without.gradients.row(0)));
}

// Of errors and of what comes back of them: float32 does not hold the squares.
TEST_P(Omega, IsExactForNormsWhoseSquaresAreBeyondFloat32) {
  struct Sizes {
    float targets, recurrent_weights;
  };
  for (const Sizes& sizes : {Sizes{1e25F, 1}, Sizes{1, 1e-25F}}) {
    const auto layout = layout_of(with_omega({Cell::kRnnTanh, 1, 3, 5, 1, Target::kNumber}));
    Batch batch = random_batch(layout.model, 9, 4, {0});
    for (float& target : batch.targets) target *= sizes.targets;
    Block parameters = weights_for_omega(layout, 1);
    for (float& weight : part(parameters.row(0), layout.tensor("rnn.weight_hh")))
      weight *= sizes.recurrent_weights;
    const StepResult result = result_of(*engine_for(layout), parameters, batch);
    const StepResult expected = result_of(*make_reference_engine(layout, "cpu"), parameters, batch);
    const OmegaOracle oracle(parameters.row(0), layout, batch, 0);
    EXPECT_GT(oracle.omega(), 1e-3);
    EXPECT_NEAR(result.omegas[0], oracle.omega(), 1e-5 * oracle.omega());
    EXPECT_FALSE(find_nonfinite(result.gradients.row(0)));
    expect_same_gradient(result.gradients.row(0), in_double(expected.gradients.row(0)));
  }
}

TEST_P(Omega, OfANanIsANanInItsRunOnly) {
  LastStepCase some;
  Block parameters(2, some.layout.size());
  for (const std::size_t r : {0, 1}) {
    const auto row = some.parameters.row(0);
    std::copy(row.begin(), row.end(), parameters.row(r).begin());
  }
  const StepResult alone = result_of(*engine_for(some.layout), some.parameters, some.batch);
  parameters.row(1)[some.layout.tensor("output.weight").offset] = NAN;
  some.batch.source_of_run = {0, 0};
  const StepResult result = result_of(*engine_for(some.layout), parameters, some.batch);
  EXPECT_EQ(result.omegas[0], alone.omegas[0]);
  EXPECT_TRUE(same_bits(result.gradients.row(0), alone.gradients.row(0)));
  EXPECT_TRUE(std::isnan(result.omegas[1]));
  EXPECT_TRUE(find_nonfinite(result.gradients.row(1)));
}

TEST_P(Omega, OfARunIsTheSameAloneAndWithOthers) {
  for (const Model& model : models_with_omega()) {
    SCOPED_TRACE(test_name(model));
    const auto layout = layout_of(model);
    const Batch batch = random_batch(model, 37, 5, {1, 0, 1});
    const Block parameters = weights_for_omega(layout, 3);
    expect_same_alone(*engine_for(layout), parameters, batch);
  }
}

// Their kernels share memory.
TEST_P(Omega, LeavesTheNumbersOfOtherModelsAsTheyAre) {
  const LastStepCase some;
  const auto without_omega = layout_of(with_omega(some.model, 0));
  const StepResult before = some.task_result(engine_for(without_omega));
  result_of(*engine_for(some.layout), some.parameters, some.batch);
  const StepResult after = some.task_result(engine_for(without_omega));
  EXPECT_TRUE(same_bits(before.gradients.row(0), after.gradients.row(0)));
  EXPECT_EQ(before.omegas[0], 0);
  EXPECT_EQ(before.losses, after.losses);
}

TEST_P(Omega, IsNotDefinedForGatedCells) {
  for (const Cell cell : {Cell::kLstm, Cell::kGru})
    EXPECT_THROW(engine_for(layout_of(with_omega({cell, 1, 3, 5, 4}))), std::logic_error);
}

// States with which sequences begin are no pair, but they are factors in the gradient of W_hh.
TEST_P(Omega, AddsTheSameWhereSequencesBeginWithStates) {
  const Model model = with_omega({Cell::kRnnTanh, 2, 3, 5, 4, Target::kClassEachStep});
  const auto layout = layout_of(model);
  const Batch batch = random_batch(model, 21, 5, {0});
  const Block parameters = weights_for_omega(layout, 1);
  StateBlock states(1, states_size(model, batch));
  RandomStream random(4, "states");
  for (float& state : states.row(0)) state = static_cast<float>(random.uniform() - 0.5);
  EngineContext context;
  context.initial_states = &states;
  const auto compute = [&](const ParameterLayout& of, std::unique_ptr<GradientEngine> engine) {
    StepResult result(1, of.size(), states.columns());
    engine->compute_gradients(parameters, batch, no_limits(parameters), result, context);
    return result;
  };
  const auto without_omega = layout_of(with_omega(model, 0));
  const StepResult ours = compute(layout, engine_for(layout));
  const StepResult theirs = compute(layout, make_reference_engine(layout, "cpu"));
  const StepResult task = compute(without_omega, make_reference_engine(without_omega, "cpu"));
  EXPECT_NEAR(ours.omegas[0], theirs.omegas[0], 1e-5 * theirs.omegas[0]);
  const at::Tensor gradient = in_double(theirs.gradients.row(0));
  EXPECT_LT(relative_error(in_double(ours.gradients.row(0)), gradient), 2e-5);
  EXPECT_GT(relative_error(in_double(task.gradients.row(0)), gradient), 0.1);
}

}  // namespace
}  // namespace clipsweep
