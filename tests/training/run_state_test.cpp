// A run's state, saved and restored: to the same numbers, and only into its own run. Checkpoints
// are untrusted input, even with a correct checksum.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "clipsweep/base/error.h"
#include "clipsweep/training/run_trainer.h"
#include "support/special_values.h"

namespace clipsweep {
namespace {

constexpr int kStepsPerEpoch = 10;

// The settings that a run's state must fit.
struct RunSetup {
  RunSetup() {
    plan.training.epochs = 3;
    plan.training.steps_per_epoch = kStepsPerEpoch;
    plan.training.on_nonfinite = NonfinitePolicy::kSkip;
    spec.id = "saved";
    spec.learning_rate = 0.5;
  }

  TrainingPlan plan;
  RunSpec spec;
  ParameterLayout layout = lstm_layout(2, 1, 2);  // 20 parameters
};

RunSetup setup_of(const ClipRule& clip, Optimizer optimizer) {
  RunSetup setup;
  setup.spec.clip = clip;
  setup.plan.training.optimizer.optimizer = optimizer;
  return setup;
}

// A run that gets another gradient at each step: that of step 4 has a NaN, that of step 9 overflows
// the norm.
class StoppableRun {
 public:
  explicit StoppableRun(const RunSetup& setup)
      : setup_(setup),
        weights_(setup_.layout.size(), 1),
        trainer_(setup_.plan, setup_.spec, setup_.layout, [](const StepRecord&) {}) {}
  StoppableRun(const RunSetup& setup, const RunState& state) : StoppableRun(setup) {
    trainer_.restore(state, weights_);
  }

  void train_to(std::uint64_t last) {
    finish_epochs();
    while (trainer_.steps() < last) {
      const std::uint64_t step = trainer_.steps() + 1;
      std::vector<float> gradient(weights_.size(), 0.01F * static_cast<float>(step));
      if (step == 4) gradient[9] = kNotANumber;
      if (step == 9) gradient[9] = 1e30F;
      trainer_.step(2, 16, gradient, weights_);
      finish_epochs();
    }
  }

  Json record() const { return to_json(trainer_.record(trainer_.outcome(weights_))); }
  const std::vector<float>& weights() const { return weights_; }
  RunState state() { return trainer_.state(weights_); }

 private:
  void finish_epochs() {
    while (trainer_.epochs() < trainer_.steps() / kStepsPerEpoch)
      trainer_.finish_epoch(1, 0.5, radii_of_layers(weights_, setup_.layout));
  }

  const RunSetup setup_;
  std::vector<float> weights_;
  RunTrainer trainer_;
};

RunState state_after(std::uint64_t steps, const RunSetup& setup) {
  StoppableRun run(setup);
  run.train_to(steps);
  return run.state();
}

bool accepts(const RunSetup& setup, const RunState& state) {
  try {
    StoppableRun(setup, state);
    return true;
  } catch (const DataError&) {
    return false;
  }
}

std::vector<RunSetup> various_setups() {
  std::vector<RunSetup> setups = {setup_of({ClipMode::kNone}, Optimizer::kSgd),
                                  setup_of({ClipMode::kAutoclip, 10}, Optimizer::kAdam),
                                  setup_of({ClipMode::kAdagc, 1.05}, Optimizer::kRmsprop),
                                  setup_of({ClipMode::kZclip, 2.5}, Optimizer::kSgd),
                                  setup_of({ClipMode::kMedian, 1.1}, Optimizer::kSgd),
                                  setup_of({ClipMode::kCarry, 0.3}, Optimizer::kSgd),
                                  setup_of({ClipMode::kSkip, 0.6}, Optimizer::kAdam),
                                  setup_of({ClipMode::kUpdateNorm, 0.3}, Optimizer::kAdam),
                                  setup_of({ClipMode::kRandomStep, 1}, Optimizer::kSgd)};
  setups.back().plan.training.optimizer.momentum = 0.9;
  return setups;
}

TEST(RunState, ResumesToTheSameNumbers) {
  for (const auto& setup : various_setups()) {
    StoppableRun whole(setup);
    whole.train_to(30);
    for (const std::uint64_t saved : {0, 3, 4, 10, 25, 30}) {
      StoppableRun resumed(setup, state_after(saved, setup));
      resumed.train_to(30);
      EXPECT_EQ(resumed.record(), whole.record()) << to_text(setup.spec.clip) << saved;
      EXPECT_EQ(resumed.weights(), whole.weights()) << to_text(setup.spec.clip) << saved;
    }
  }
}

TEST(RunState, IsRejectedByAnyOtherRun) {
  const RunSetup setup = setup_of({ClipMode::kAutoclip, 10}, Optimizer::kAdam);
  const RunState state = state_after(15, setup);
  EXPECT_TRUE(accepts(setup, state));
  const std::vector<std::function<void(RunSetup&)>> changes = {
      [](RunSetup& other) { other.spec.id = "other"; },
      [](RunSetup& other) { other.layout = lstm_layout(2, 2, 2); },
      [](RunSetup& other) { other.plan.training.optimizer.optimizer = Optimizer::kSgd; },
      [](RunSetup& other) { other.plan.training.optimizer.optimizer = Optimizer::kRmsprop; },
      [](RunSetup& other) {
        other.spec.clip = {ClipMode::kAutoclip, 20};
      },
      [](RunSetup& other) {
        other.spec.clip = {ClipMode::kAdagc, 1.05};
      },
      [](RunSetup& other) {
        other.spec.clip = {ClipMode::kRandomStep, 1};
      },
      [](RunSetup& other) { other.plan.training.epochs = 1; },
      [](RunSetup& other) { other.plan.training.steps_per_epoch = 5; },
      [](RunSetup& other) { other.plan.training.steps_per_epoch = 20; }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    RunSetup other = setup;
    changes[i](other);
    EXPECT_FALSE(accepts(other, state)) << i;
  }
}

TEST(RunState, OfARandomStepRunDependsOnItsSeed) {
  RunSetup setup = setup_of({ClipMode::kRandomStep, 1}, Optimizer::kSgd);
  const RunState state = state_after(15, setup);
  EXPECT_TRUE(accepts(setup, state));
  setup.spec.seed = 1;
  EXPECT_FALSE(accepts(setup, state));
}

TEST(RunState, IsRejectedByARunWithAnotherWindow) {
  RunSetup window = setup_of({ClipMode::kAutoclip, 10}, Optimizer::kSgd);
  window.spec.clip.options.autoclip_window = 5;
  EXPECT_TRUE(accepts(window, state_after(15, window)));
  RunSetup longer = window;
  longer.spec.clip.options.autoclip_window = 6;
  EXPECT_FALSE(accepts(longer, state_after(15, window)));
  EXPECT_FALSE(
      accepts(setup_of({ClipMode::kAutoclip, 10}, Optimizer::kSgd), state_after(15, window)));
}

TEST(RunState, IsRejectedIfItsPartsDoNotFitTogether) {
  const RunSetup setup;
  const std::vector<std::function<void(RunState&)>> changes = {
      [](RunState& state) { state.step = 16; },
      [](RunState& state) { state.step = std::uint64_t{1} << 60; },
      [](RunState& state) { state.epochs = 2; },
      [](RunState& state) { state.weights.pop_back(); },
      [](RunState& state) { state.weights.push_back(0); },
      [](RunState& state) { state.trainer += '\0'; },
      [](RunState& state) { state.trainer.pop_back(); },
      [](RunState& state) { state.trainer.clear(); }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    RunState state = state_after(15, setup);
    changes[i](state);
    EXPECT_FALSE(accepts(setup, state)) << i;
  }
}

std::string bytes_of(double number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

// Step 7's norm is in the spike detector's two lists, in autoclip's heaps and in the norms for the
// quantiles: sorting NaN there would be undefined. In the flight recorder, as the norm before and
// after clipping and as the limit, it is only displayed.
TEST(RunState, IsRejectedIfARememberedNormIsNotFinite) {
  const RunSetup setup = setup_of({ClipMode::kAutoclip, 100}, Optimizer::kSgd);
  const RunState state = state_after(8, setup);
  const std::vector<float> gradient(setup.layout.size(), 0.07F);
  GradientNorms norms;
  measure_norms(gradient, setup.layout, norms);
  int rejected = 0, accepted = 0;
  for (auto at = state.trainer.find(bytes_of(norms.global)); at != std::string::npos;
       at = state.trainer.find(bytes_of(norms.global), at + 1)) {
    RunState changed = state;
    changed.trainer.replace(at, sizeof(double), bytes_of(std::nan("")));
    ++(accepts(setup, changed) ? accepted : rejected);
  }
  EXPECT_EQ(rejected, 4);
  EXPECT_EQ(accepted, 3);
}

// With any byte wrong, the state is rejected or the run ends with a record that reads back. The
// test changes every fifth byte, which reaches each byte of an 8-byte number.
// A fifth of the bytes; fewer with sanitizers, which take four times as long.
#ifdef CLIPSWEEP_SANITIZED
constexpr std::size_t kStride = 23;
#else
constexpr std::size_t kStride = 5;
#endif

TEST(RunState, MayBeWrongInAnyByte) {
  const RunSetup setup = setup_of({ClipMode::kAutoclip, 10}, Optimizer::kSgd);
  const RunState state = state_after(8, setup);
  std::size_t rejected = 0;
  for (std::size_t at = 0; at < state.trainer.size(); at += kStride) {
    RunState changed = state;
    changed.trainer[at] = static_cast<char>(changed.trainer[at] ^ (at % 2 == 0 ? 0x80 : 0xff));
    try {
      StoppableRun run(setup, changed);
      run.train_to(10);  // an event at step 9, an evaluation after step 10
      const Json json = run.record();
      EXPECT_EQ(to_json(run_record_from_json(json)), json) << at;
    } catch (const DataError&) {
      ++rejected;
    }
  }
  EXPECT_GT(rejected, 0U);
}

}  // namespace
}  // namespace clipsweep
