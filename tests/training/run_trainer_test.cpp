// One run's step with gradients made by hand, so that each kind of bad value occurs where a test
// needs it.
#include "clipsweep/training/run_trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/special_values.h"

namespace clipsweep {
namespace {

// A run of a model with 20 parameters that gets one gradient after the other.
class FedRun {
 public:
  explicit FedRun(NonfinitePolicy policy = NonfinitePolicy::kStop, ClipRule clip = {},
                  double learning_rate = 0.5, int log_every = 1,
                  const OptimizerSettings& optimizer = {})
      : layout_(lstm_layout(2, 1, 2)), weights_(layout_.size(), 1), gradient_(layout_.size()) {
    plan_.training.on_nonfinite = policy;
    plan_.training.optimizer = optimizer;
    plan_.training.epochs = 1;
    plan_.training.steps_per_epoch = 1000;
    plan_.log_every = log_every;
    spec_.id = "fed";
    spec_.clip = clip;
    spec_.learning_rate = learning_rate;
    trainer_.emplace(plan_, spec_, layout_,
                     [this](const StepRecord& record) { steps_.push_back(record); });
  }

  // A gradient of equal elements, with one of them replaced.
  bool step(float value, std::optional<float> special = {}, std::size_t place = 9,
            float loss = 2.0F) {
    gradient_.assign(layout_.size(), value);
    if (special) gradient_[place] = *special;
    return take(loss, 0);
  }
  bool step_with_clipped_derivatives(double share) {
    gradient_.assign(layout_.size(), 0.01F);
    return take(2.0F, share);
  }
  bool step_with_omega(double omega) {
    gradient_.assign(layout_.size(), 0.01F);
    return take(2.0F, 0, omega);
  }
  bool step_with_loss(float loss) { return step(0.01F, {}, 9, loss); }

  void finish_epoch() { trainer_->finish_epoch(1, 0.5, radii_of_layers(weights_, layout_)); }
  void measure_through_time_every(int steps) { plan_.through_time_every = steps; }
  // Of the latest step.
  const std::optional<ThroughTimeRecord>& through_time_due() const {
    return outcome_.through_time_due;
  }
  std::vector<float> weights_before() const {
    return {outcome_.weights_before.begin(), outcome_.weights_before.end()};
  }

  RunRecord record() const { return trainer_->record(trainer_->outcome(weights_)); }
  std::vector<Event> events() const { return record().events; }
  const std::vector<StepRecord>& steps() const { return steps_; }
  std::vector<float>& weights() { return weights_; }

 private:
  bool take(float loss, double clipped_derivatives, std::optional<double> omega = {}) {
    outcome_ = trainer_->step(loss, 0.5, gradient_, weights_, clipped_derivatives, omega);
    return outcome_.continues;
  }

  TrainingPlan plan_;
  RunSpec spec_;
  ParameterLayout layout_;
  std::vector<float> weights_;
  std::vector<float> gradient_;
  std::vector<StepRecord> steps_;
  std::optional<RunTrainer> trainer_;
  StepOutcome outcome_;
};

TEST(RunTrainer, RecordsTheGradientBeforeAndAfterClipping) {
  FedRun run(NonfinitePolicy::kStop, {ClipMode::kGlobalNorm, 1});
  EXPECT_TRUE(run.step(1));
  const auto& step = run.steps().back();
  EXPECT_EQ(step.step, 1U);
  EXPECT_EQ(step.accuracy, 0.5);
  EXPECT_DOUBLE_EQ(step.grad_norm_raw, std::sqrt(20.0));
  EXPECT_NEAR(step.grad_norm_clipped, 1, 1e-6);
  EXPECT_NEAR(step.clip_scale, 1 / std::sqrt(20.0), 1e-7);
  EXPECT_TRUE(step.clipped);
  EXPECT_EQ(step.clipped_fraction, 1);
  EXPECT_EQ(step.grad_max_abs, 1);
  EXPECT_FLOAT_EQ(run.weights()[0], static_cast<float>(1 - 0.5 / std::sqrt(20.0)));
}

TEST(RunTrainer, RecordsEveryFieldWithoutClipping) {
  FedRun run;
  run.step(1);
  const auto& step = run.steps().back();
  EXPECT_EQ(step.grad_norm_clipped, step.grad_norm_raw);
  EXPECT_EQ(step.clip_scale, 1);
  EXPECT_EQ(step.tensor_norms.size(), 5U);
  EXPECT_FALSE(step.clipped);
}

TEST(RunTrainer, RecordsTheEvidenceOfClipping) {
  FedRun run(NonfinitePolicy::kStop, {ClipMode::kGlobalNorm, 1});
  run.step(1);
  EXPECT_EQ(run.steps().back().cosine, 1.0F);
  EXPECT_EQ(run.steps().back().limit, 1.0);
  EXPECT_NEAR(run.steps().back().effective_learning_rate, 0.5 / std::sqrt(20.0), 1e-7);
  FedRun value(NonfinitePolicy::kStop, {ClipMode::kValue, 1});
  value.step(0.1F, 20.0F);
  // By hand: [0.1 x 19, 20] against [0.1 x 19, 1].
  EXPECT_NEAR(*value.steps().back().cosine,
              (0.19 + 20) / std::sqrt(0.19 + 400) / std::sqrt(0.19 + 1), 1e-6);
  FedRun none;
  none.step(0);
  EXPECT_FALSE(none.steps().back().cosine);
  EXPECT_FALSE(none.steps().back().limit);
  EXPECT_EQ(none.steps().back().effective_learning_rate, 0.5);
}

TEST(RunTrainer, RecordsOmegaWhereTheEngineGivesIt) {
  FedRun run;
  run.step_with_omega(0.25);
  run.step(1);
  EXPECT_EQ(run.steps()[0].omega, 0.25);
  EXPECT_FALSE(run.steps()[1].omega);
}

// By hand: 20 weights of 1 and gradients of 1 at the rate 0.5. The ratios are 0.5 and, at weights
// of 0.5, 1.
TEST(RunTrainer, RecordsTheNormsOfTheUpdateAndOfTheWeightsBeforeIt) {
  FedRun run;
  run.step(1);
  run.step(1);
  EXPECT_DOUBLE_EQ(*run.steps()[0].weight_norm, std::sqrt(20.0));
  EXPECT_DOUBLE_EQ(*run.steps()[0].update_norm, 0.5 * std::sqrt(20.0));
  EXPECT_DOUBLE_EQ(*run.steps()[1].weight_norm, 0.5 * std::sqrt(20.0));
  EXPECT_DOUBLE_EQ(*run.steps()[1].update_norm, 0.5 * std::sqrt(20.0));
  const auto ratio = run.record().totals.update_ratio;
  ASSERT_TRUE(ratio);
  EXPECT_DOUBLE_EQ(ratio->median, 0.75);
  EXPECT_DOUBLE_EQ(ratio->max, 1);
}

TEST(RunTrainer, AStepWithoutAnUpdateHasNoNormOfOne) {
  FedRun run(NonfinitePolicy::kSkip);
  run.step(1, kNotANumber);
  EXPECT_FALSE(run.steps()[0].update_norm);
  EXPECT_DOUBLE_EQ(*run.steps()[0].weight_norm, std::sqrt(20.0));
  EXPECT_FALSE(run.record().totals.update_ratio);
  run.step(1);
  EXPECT_DOUBLE_EQ(*run.steps()[1].weight_norm, std::sqrt(20.0));
}

TEST(RunTrainer, AnUpdateThatIsDroppedBecauseItOverflowsHasItsNorm) {
  FedRun run(NonfinitePolicy::kSkip, {}, 1e38);
  run.step(0, 100.0F);
  EXPECT_TRUE(std::isinf(*run.steps()[0].update_norm));
  EXPECT_DOUBLE_EQ(*run.steps()[0].weight_norm, std::sqrt(20.0));
  EXPECT_FALSE(run.record().totals.update_ratio);
}

// Adam's state and the weights stay as they were, and the next update is that of a run that never
// saw the step.
TEST(RunTrainer, ModeSkipDoesNotTakeAStepAboveItsThreshold) {
  OptimizerSettings adam;
  adam.optimizer = Optimizer::kAdam;
  FedRun run(NonfinitePolicy::kStop, {ClipMode::kSkip, 10}, 0.5, 1, adam);
  FedRun without(NonfinitePolicy::kStop, {ClipMode::kSkip, 10}, 0.5, 1, adam);
  run.step(1);
  without.step(1);
  EXPECT_TRUE(run.step(100));
  EXPECT_EQ(run.weights(), without.weights());
  EXPECT_EQ(run.weights_before(), without.weights());
  const auto& step = run.steps().back();
  EXPECT_TRUE(step.clipped);
  EXPECT_EQ(step.grad_norm_clipped, 0);
  EXPECT_EQ(step.clip_scale, 0);
  EXPECT_EQ(step.clipped_fraction, 1);
  EXPECT_EQ(step.limit, 10.0);
  EXPECT_FALSE(step.cosine);
  EXPECT_FALSE(step.update_norm);
  EXPECT_FALSE(step.skipped);
  run.step(2);
  without.step(2);
  EXPECT_EQ(run.weights(), without.weights());
  EXPECT_EQ(run.record().totals.clipped_steps, 1U);
  EXPECT_EQ(run.record().totals.skipped_steps, 0U);
}

TEST(RunTrainer, ARunWhoseStepsAreAllSkippedByClippingIsNotStalled) {
  FedRun run(NonfinitePolicy::kSkip, {ClipMode::kSkip, 1});
  for (int i = 0; i < 30; ++i) run.step(1);
  EXPECT_EQ(run.record().totals.clipped_steps, 30U);
  EXPECT_FALSE(is_stalled(run.record()));
  FedRun bad(NonfinitePolicy::kSkip, {ClipMode::kSkip, 1});
  for (int i = 0; i < 30; ++i) bad.step(1, kInfinity);
  EXPECT_TRUE(is_stalled(bad.record()));
}

// The rate is a power of two, so that both are the same numbers to the last bit.
TEST(RunTrainer, ModeUpdateNormIsGlobalNormOverTheRateForPlainSgd) {
  FedRun update(NonfinitePolicy::kStop, {ClipMode::kUpdateNorm, 1});
  FedRun gradient(NonfinitePolicy::kStop, {ClipMode::kGlobalNorm, 2});
  for (const float value : {1.0F, 0.1F, 30.0F}) {
    update.step(value);
    gradient.step(value);
    EXPECT_EQ(update.weights(), gradient.weights());
    const auto& one = update.steps().back();
    const auto& other = gradient.steps().back();
    EXPECT_EQ(one.clipped, other.clipped);
    EXPECT_EQ(one.clip_scale, other.clip_scale);
    EXPECT_EQ(one.effective_learning_rate, other.effective_learning_rate);
    EXPECT_EQ(one.update_norm, other.update_norm);
    EXPECT_EQ(one.grad_norm_clipped, one.grad_norm_raw);
  }
}

// The first step of Adam has the length 0.5 in each of the 20 elements, whatever the gradient is.
TEST(RunTrainer, ModeUpdateNormLimitsTheUpdateOfAnyOptimizer) {
  OptimizerSettings adam;
  adam.optimizer = Optimizer::kAdam;
  FedRun run(NonfinitePolicy::kStop, {ClipMode::kUpdateNorm, 0.1}, 0.5, 1, adam);
  run.step(1e-3F);
  const auto& step = run.steps().back();
  EXPECT_TRUE(step.clipped);
  EXPECT_NEAR(*step.update_norm, 0.1, 1e-7);
  EXPECT_NEAR(step.clip_scale, 0.1 / (0.5 * std::sqrt(20.0)), 1e-6);
  EXPECT_EQ(step.limit, 0.1);
  EXPECT_NEAR(run.weights()[0], 1 - 0.1 / std::sqrt(20.0), 1e-7);
}

TEST(RunTrainer, ModeUpdateNormDoesNotHideAnUpdateThatIsNotFinite) {
  FedRun run(NonfinitePolicy::kStop, {ClipMode::kUpdateNorm, 1}, 1e38);
  EXPECT_FALSE(run.step(0, 100.0F));
  EXPECT_EQ(run.events().front().phase, Phase::kUpdate);
}

// By hand: a run of 1,000 steps whose first four warm up to the rate 0.5.
TEST(RunTrainer, RecordsTheRateOfAScheduledStep) {
  OptimizerSettings settings;
  settings.learning_rate_warmup = 4;
  FedRun run(NonfinitePolicy::kStop, {ClipMode::kGlobalNorm, 1}, 0.5, 1, settings);
  run.step(1);
  const auto& step = run.steps().back();
  EXPECT_EQ(step.scheduled_learning_rate, 0.125);
  EXPECT_EQ(step.effective_learning_rate, 0.125 * step.clip_scale);
  EXPECT_NEAR(*step.update_norm, 0.125, 1e-7);
  FedRun constant;
  constant.step(1);
  EXPECT_FALSE(constant.steps().back().scheduled_learning_rate);
}

TEST(RunTrainer, AveragesTheCosineOverTheClippedSteps) {
  FedRun run(NonfinitePolicy::kStop, {ClipMode::kValue, 1});
  run.step(0.1F);
  EXPECT_FALSE(run.record().totals.mean_cosine);
  run.step(0.1F, 20.0F);
  EXPECT_EQ(*run.record().totals.mean_cosine, static_cast<double>(*run.steps().back().cosine));
}

TEST(RunTrainer, RecordsTheDerivativesThatTheEngineClipped) {
  FedRun run(NonfinitePolicy::kStop, {ClipMode::kBackprop, 0.1});
  run.step_with_clipped_derivatives(0.25);
  const auto& step = run.steps().back();
  EXPECT_TRUE(step.clipped);
  EXPECT_EQ(step.clipped_fraction, 0.25);
  EXPECT_EQ(step.clip_scale, 1);
  EXPECT_EQ(step.limit, 0.1);
  EXPECT_FALSE(step.cosine);  // the gradient without clipping was not computed
}

TEST(RunTrainer, ARandomStepReplacesANonfiniteGradientAndTheRunContinues) {
  FedRun run(NonfinitePolicy::kStop, {ClipMode::kRandomStep, 1});
  EXPECT_TRUE(run.step(0.01F, kNotANumber));
  EXPECT_TRUE(run.step(0.01F));
  EXPECT_TRUE(run.step(0.01F, kInfinity));
  const auto record = run.record();
  EXPECT_EQ(record.outcome, Outcome::kCompleted);
  ASSERT_EQ(record.events.size(), 2U);
  EXPECT_EQ(record.events[0].action, Action::kContinued);
  EXPECT_EQ(record.totals.nonfinite_steps, 2U);
  EXPECT_EQ(record.totals.skipped_steps, 0U);
  EXPECT_NEAR(run.steps()[0].grad_norm_clipped, 1, 1e-6);
  EXPECT_TRUE(run.steps()[0].clipped);
}

TEST(RunTrainer, ARandomStepDoesNotRepairALossOrWeights) {
  FedRun run(NonfinitePolicy::kStop, {ClipMode::kRandomStep, 1});
  EXPECT_TRUE(run.step(0.01F, kNotANumber));
  EXPECT_FALSE(run.step(0.01F, kNotANumber, 9, kNotANumber));
  EXPECT_EQ(run.record().reason, "nan in the loss at step 2");
  FedRun measuring(NonfinitePolicy::kStop,
                   {ClipMode::kRandomStep, std::numeric_limits<double>::infinity()});
  EXPECT_FALSE(measuring.step(0.01F, kNotANumber));
}

// The second step has a finite gradient and a NaN loss.
TEST(RunTrainer, ASkippedOrNonfiniteStepIsNotRemembered) {
  for (const auto policy : {NonfinitePolicy::kSkip, NonfinitePolicy::kContinue}) {
    FedRun run(policy, {ClipMode::kAutoclip, 50});
    FedRun without(policy, {ClipMode::kAutoclip, 50});
    run.step(1);
    run.step(1000, {}, 9, kNotANumber);
    EXPECT_EQ(run.steps().back().skipped, policy == NonfinitePolicy::kSkip);
    run.step(2);
    without.step(1);
    without.step(2);
    EXPECT_EQ(run.steps().back().limit, without.steps().back().limit);
  }
}

TEST(RunTrainer, AZeroGradientHasScaleOne) {
  FedRun run(NonfinitePolicy::kStop, {ClipMode::kScale, 1});
  run.step(0);
  EXPECT_EQ(run.steps().back().clip_scale, 1);
}

TEST(RunTrainer, ANanGradientStopsTheRunBeforeItReachesTheWeights) {
  FedRun run(NonfinitePolicy::kStop, {ClipMode::kValue, 1});
  run.step(0.01F);
  const auto before = run.weights();
  EXPECT_FALSE(run.step(0.01F, kNotANumber));
  EXPECT_EQ(run.weights(), before);
  const auto record = run.record();
  EXPECT_EQ(record.outcome, Outcome::kDiverged);
  ASSERT_EQ(record.events.size(), 1U);
  const auto& event = record.events.front();
  EXPECT_EQ(event.kind, EventKind::kNan);
  EXPECT_EQ(event.phase, Phase::kGradient);
  EXPECT_EQ(event.step, 2U);
  EXPECT_EQ(event.tensor, "lstm.weight_hh");  // elements 8 to 11 of the row
  EXPECT_EQ(event.index, 1U);
  EXPECT_EQ(event.nan, 1U);
  EXPECT_EQ(event.action, Action::kStopped);
  EXPECT_NEAR(*event.last_finite_norm, 0.01 * std::sqrt(20.0), 1e-8);
  EXPECT_EQ(run.steps().back().nonfinite, 1U);
  EXPECT_TRUE(std::isnan(run.steps().back().grad_norm_raw));
}

// Value clipping turns Inf into the threshold: the check comes first.
TEST(RunTrainer, ValueClippingDoesNotHideAnInfiniteGradient) {
  FedRun run(NonfinitePolicy::kStop, {ClipMode::kValue, 1});
  EXPECT_FALSE(run.step(0.01F, -kInfinity));
  EXPECT_EQ(run.events().front().kind, EventKind::kInf);
  EXPECT_EQ(run.events().front().negative_inf, 1U);
}

TEST(RunTrainer, ANonfiniteLossDoesNotEndTheInspection) {
  FedRun run;
  run.weights()[19] = kInfinity;
  EXPECT_FALSE(run.step(0.01F, kNotANumber, 9, kNotANumber));
  const auto events = run.events();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].phase, Phase::kLoss);
  EXPECT_FALSE(events[0].tensor);
  EXPECT_FALSE(events[0].index);
  EXPECT_EQ(events[1].phase, Phase::kGradient);
  EXPECT_EQ(events[2].phase, Phase::kWeights);
  EXPECT_EQ(events[2].tensor, "output.bias");
  EXPECT_EQ(events[2].index, 1U);
}

TEST(RunTrainer, AnUpdateThatOverflowsIsNotTaken) {
  FedRun run(NonfinitePolicy::kStop, {}, 1e38);
  const auto before = run.weights();
  EXPECT_FALSE(run.step(0, 100.0F));
  EXPECT_EQ(run.weights(), before);
  const auto events = run.events();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].phase, Phase::kUpdate);
  EXPECT_EQ(events[0].positive_inf, 1U);
  EXPECT_EQ(events[0].tensor, "lstm.weight_hh");
  EXPECT_EQ(events[1].phase, Phase::kWeights);
}

TEST(RunTrainer, WeightsThatOverflowAreAPhaseOfTheirOwn) {
  FedRun run(NonfinitePolicy::kStop, {}, 1.0);
  run.weights()[9] = -3e38F;
  EXPECT_FALSE(run.step(0.01F, 3e38F));
  const auto events = run.events();
  EXPECT_EQ(events.back().kind, EventKind::kInf);
  EXPECT_EQ(events.back().phase, Phase::kWeights);
  EXPECT_EQ(events.back().negative_inf, 1U);
}

// The first effect of a learning rate of 1e38: nothing is infinite yet, but an event names the
// place.
TEST(RunTrainer, AHugeUpdateIsAnEventBeforeAnythingIsInfinite) {
  FedRun run(NonfinitePolicy::kStop, {}, 1e38);
  EXPECT_TRUE(run.step(0.01F, 0.1F));
  const auto events = run.events();
  ASSERT_EQ(events.size(), 2U);
  for (const auto& event : events) {
    EXPECT_EQ(event.kind, EventKind::kNormOverflow);
    EXPECT_EQ(event.tensor, "lstm.weight_hh");
    EXPECT_EQ(event.index, 1U);
    EXPECT_EQ(event.action, Action::kContinued);
  }
  EXPECT_EQ(events[0].phase, Phase::kUpdate);
  EXPECT_NEAR(events[0].norm / 1e37, 1, 0.1);
  EXPECT_EQ(events[1].phase, Phase::kWeights);
}

TEST(RunTrainer, SkipDropsTheUpdateAndContinues) {
  FedRun run(NonfinitePolicy::kSkip);
  const auto before = run.weights();
  EXPECT_TRUE(run.step(0.01F, kNotANumber));
  EXPECT_EQ(run.weights(), before);
  EXPECT_TRUE(run.steps().back().skipped);
  EXPECT_TRUE(run.step(0.01F));
  EXPECT_NE(run.weights(), before);
  const auto record = run.record();
  EXPECT_EQ(record.outcome, Outcome::kCompleted);
  EXPECT_EQ(record.totals.skipped_steps, 1U);
  EXPECT_EQ(record.events.front().action, Action::kSkipped);
}

TEST(RunTrainer, ASkippedLastBatchLeavesTheRunCompleted) {
  FedRun run(NonfinitePolicy::kSkip);
  run.step(0.01F);
  EXPECT_TRUE(run.step_with_loss(kNotANumber));
  EXPECT_EQ(run.record().outcome, Outcome::kCompleted);
}

TEST(RunTrainer, ContinueWritesOneEventWhereAPhaseTurnsNonfinite) {
  FedRun run(NonfinitePolicy::kContinue);
  run.step(0.01F);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(run.step(0.01F, kNotANumber));
  const auto record = run.record();
  EXPECT_EQ(record.outcome, Outcome::kDiverged);
  EXPECT_EQ(record.totals.nonfinite_steps, 5U);
  ASSERT_EQ(record.events.size(), 3U);  // gradient, update, weights of step 2
  for (const auto& event : record.events) EXPECT_EQ(event.step, 2U);
}

TEST(RunTrainer, ContinueMayRecover) {
  FedRun run(NonfinitePolicy::kContinue, {ClipMode::kValue, 1});
  EXPECT_TRUE(run.step(0.01F, kInfinity));  // value clipping makes it 1
  EXPECT_TRUE(run.step(0.01F));
  EXPECT_TRUE(run.step(0.01F, kInfinity));
  EXPECT_EQ(run.record().outcome, Outcome::kCompleted);
  EXPECT_EQ(run.events().size(), 2U);
}

TEST(RunTrainer, ANormBeyondFloat32IsNotAnInfiniteGradient) {
  for (const float huge : {1e20F, 3e38F}) {
    FedRun run(NonfinitePolicy::kStop, {ClipMode::kGlobalNorm, 1});
    EXPECT_TRUE(run.step(huge));
    ASSERT_EQ(run.events().size(), 1U);
    const auto event = run.events().front();
    EXPECT_EQ(event.kind, EventKind::kNormOverflow);
    EXPECT_EQ(event.action, Action::kContinued);
    EXPECT_NEAR(event.norm / (static_cast<double>(huge) * std::sqrt(20.0)), 1, 1e-6);
    EXPECT_NEAR(run.steps().back().grad_norm_clipped, 1, 1e-6);
    EXPECT_EQ(run.record().totals.nonfinite_steps, 0U);
  }
}

TEST(RunTrainer, ASpikeNamesItsLargestElement) {
  FedRun run;
  for (int i = 0; i < 50; ++i) run.step(0.01F);
  run.step(0.01F, -5.0F, 17);
  ASSERT_EQ(run.events().size(), 1U);
  const auto event = run.events().front();
  EXPECT_EQ(event.kind, EventKind::kSpike);
  EXPECT_EQ(event.tensor, "output.weight");
  EXPECT_EQ(event.index, 1U);
  EXPECT_NEAR(*event.running_median, 0.01 * std::sqrt(20.0), 1e-8);
  EXPECT_EQ(run.record().totals.spikes, 1U);
}

// ---- The gradient through time, and norms by gate -----------------------------------------------

TEST(RunTrainer, ThroughTimeIsDueAtTheFirstStepEveryNthStepAndStepsWithAnEvent) {
  FedRun run(NonfinitePolicy::kSkip);
  run.measure_through_time_every(10);
  std::vector<std::uint64_t> due;
  for (std::uint64_t step = 1; step <= 25; ++step) {
    run.step(0.01F, step == 13 ? std::optional(kNotANumber) : std::nullopt);
    const auto& record = run.through_time_due();
    if (!record) continue;
    due.push_back(record->step);
    EXPECT_EQ(record->event, step == 13);
    EXPECT_EQ(record->epoch, 1U);
  }
  EXPECT_EQ(due, (std::vector<std::uint64_t>{1, 10, 13, 20}));
  run.measure_through_time_every(0);
  run.step(1, kNotANumber);
  EXPECT_FALSE(run.through_time_due());
}

// Every second step is bad, so each bad one is a new event.
TEST(RunTrainer, ThroughTimeIsDueAtUpToAHundredStepsWithAnEventAndWhereTheRunStops) {
  FedRun run(NonfinitePolicy::kContinue, {}, 0);
  run.measure_through_time_every(1'000'000);
  int due = 0;
  for (int step = 1; step <= 400; ++step) {
    run.step(0.01F, {}, 9, step % 2 == 0 ? kNotANumber : 2.0F);
    due += run.through_time_due() && step > 1 ? 1 : 0;
  }
  EXPECT_EQ(run.events().size(), 200U);
  EXPECT_EQ(due, 100);

  FedRun stopping(NonfinitePolicy::kStop, {ClipMode::kRandomStep, 1});  // repairs gradients
  stopping.measure_through_time_every(1'000'000);
  for (int step = 1; step <= 300; ++step)
    stopping.step(0.01F, step % 2 == 0 ? std::optional(kNotANumber) : std::nullopt);
  EXPECT_FALSE(stopping.through_time_due());
  EXPECT_FALSE(stopping.step(0.01F, {}, 9, kNotANumber));
  EXPECT_TRUE(stopping.through_time_due());
}

TEST(RunTrainer, ReturnsTheWeightsThatTheStepStartedFrom) {
  FedRun run(NonfinitePolicy::kSkip);
  for (int step = 1; step <= 3; ++step) {
    const auto before = run.weights();
    run.step(1, step == 2 ? std::optional(kNotANumber) : std::nullopt);
    EXPECT_EQ(run.weights_before(), before) << step;
    EXPECT_EQ(run.weights() == before, step == 2);
  }
}

// 16 parameters of the LSTM, 4 a gate, and 4 of the output layer.
TEST(RunTrainer, AveragesTheNormOfEachGateOverTheStepsOfFiniteNorm) {
  FedRun run(NonfinitePolicy::kSkip);
  run.step(1);
  run.step(3, kNotANumber);
  run.step(2);
  run.finish_epoch();
  run.step(3, kNotANumber);
  run.finish_epoch();
  const auto epochs = run.record().epochs;
  EXPECT_EQ(*epochs[0].gate_norms, (GateNumbers{{"i", 3}, {"f", 3}, {"g", 3}, {"o", 3}}));
  EXPECT_TRUE(epochs[1].gate_norms->empty());
  const Json json = to_json(run.record())["epochs"];
  EXPECT_EQ(json[0]["gate_norms"], Json::parse(R"({"i": 3, "f": 3, "g": 3, "o": 3})"));
  EXPECT_TRUE(json[1]["gate_norms"].is_null());
}

TEST(RunTrainer, RecordsTheSpectralRadiusOfEachGateAfterTheEpoch) {
  FedRun run;
  run.step(0);
  run.weights()[8] = -0.25F;  // lstm.weight_hh is [4, 1], after 8 elements
  run.weights()[9] = kNotANumber;
  run.finish_epoch();
  const Json radii = to_json(run.record())["epochs"][0]["spectral_radius"];
  EXPECT_EQ(radii, Json::parse(R"({"lstm.weight_hh": {"i": 0.25, "f": null, "g": 1, "o": 1}})"));
}

TEST(RunTrainer, ASpikeHasTheNormOfEachGate) {
  FedRun run;
  for (int i = 0; i < 50; ++i) run.step(0.01F);
  run.step(0.01F, -5.0F, 9);  // the forget gate's recurrent weight
  const auto gates = *run.events().front().gate_norms;
  EXPECT_EQ(gates[1].first, "f");
  EXPECT_NEAR(gates[1].second, 5, 1e-3);
  EXPECT_NEAR(gates[0].second, 0.02, 1e-6);
  run.step(0.01F, kNotANumber);
  EXPECT_FALSE(run.events().back().gate_norms);
}

OptimizerSettings adam() {
  OptimizerSettings settings;
  settings.optimizer = Optimizer::kAdam;
  return settings;
}

// Adam's first step is r g / (|g| + 1e-8), whatever the size of g.
TEST(RunTrainer, TakesTheStepsOfItsOptimizer) {
  FedRun run(NonfinitePolicy::kStop, {}, 0.25, 1, adam());
  run.step(0.001F, -1000.0F);
  EXPECT_NEAR(run.weights()[0], 0.75, 1e-5);
  EXPECT_NEAR(run.weights()[9], 1.25, 1e-5);
}

TEST(RunTrainer, ASkippedStepDoesNotChangeTheOptimizersState) {
  FedRun run(NonfinitePolicy::kSkip, {}, 0.25, 1, adam());
  FedRun without(NonfinitePolicy::kSkip, {}, 0.25, 1, adam());
  run.step(1);
  run.step(1, kNotANumber);
  run.step(-3);
  without.step(1);
  without.step(-3);
  EXPECT_EQ(run.weights(), without.weights());
}

TEST(RunTrainer, AnAdaptiveUpdateThatIsNotFiniteIsAnEvent) {
  FedRun run(NonfinitePolicy::kStop, {}, 3e37, 1, adam());
  run.weights()[9] = -3.3e38F;
  EXPECT_FALSE(run.step(1));
  EXPECT_EQ(run.events().back().phase, Phase::kWeights);
  EXPECT_EQ(run.events().back().negative_inf, 1U);
}

TEST(RunTrainer, AnEventHasTheStepsBeforeItEvenIfTheyAreNotLogged) {
  FedRun run(NonfinitePolicy::kSkip, {}, 0.5, 1000);
  for (int i = 1; i <= 30; ++i) run.step(static_cast<float>(i));
  run.step(1, kNotANumber, 9, kNotANumber);
  ASSERT_EQ(run.events().size(), 2U);  // loss and gradient
  const auto before = run.events().front().before;
  ASSERT_EQ(before.steps.size(), 20U);
  EXPECT_EQ(before.steps.front().step, 11U);
  EXPECT_NEAR(before.steps.back().grad_norm_raw, 30 * std::sqrt(20.0), 1e-4);
  EXPECT_EQ(run.events().back().before.shared, 20U);
}

TEST(RunRecord, KeepsTheStepsBeforeItsEventsInJson) {
  FedRun run(NonfinitePolicy::kSkip, {ClipMode::kValue, 1});
  for (int i = 1; i <= 3; ++i) run.step(static_cast<float>(i) / 3);
  run.step(1, kInfinity);
  const Json json = to_json(run.record());
  EXPECT_EQ(json["events"][0]["before"]["steps"].size(), 3U);
  EXPECT_EQ(to_json(run_record_from_json(json)), json);
}

TEST(RunRecord, KeepsTheNormsByGateInJson) {
  FedRun run(NonfinitePolicy::kSkip);
  for (int i = 0; i < 50; ++i) run.step(0.01F);
  run.step(1);
  run.weights()[9] = kNotANumber;
  run.finish_epoch();
  run.step(1, kNotANumber);
  run.finish_epoch();
  const Json json = to_json(run.record());
  EXPECT_EQ(to_json(run_record_from_json(json)), json);
}

TEST(RunRecord, ReadsEpochsOfEarlierVersions) {
  FedRun run;
  run.step(1);
  run.finish_epoch();
  Json json = to_json(run.record());
  json["epochs"][0].erase("gate_norms");
  json["epochs"][0].erase("spectral_radius");
  EXPECT_EQ(to_json(run_record_from_json(json)), json);
}

TEST(RunRecord, ReadsEventsOfEarlierVersions) {
  FedRun run;
  run.step(1, kNotANumber);
  Json json = to_json(run.record());
  json["events"][0].erase("before");
  EXPECT_TRUE(run_record_from_json(json).events.front().before.steps.empty());
}

TEST(RunTrainer, LogEveryThinsAllStepsButThoseWithEvents) {
  FedRun run(NonfinitePolicy::kSkip, {}, 0.5, 10);
  for (int i = 1; i <= 25; ++i)
    run.step(0.01F, i == 13 ? std::optional(kNotANumber) : std::nullopt);
  std::vector<std::uint64_t> logged;
  for (const auto& step : run.steps()) logged.push_back(step.step);
  EXPECT_EQ(logged, (std::vector<std::uint64_t>{1, 10, 13, 20}));
  EXPECT_EQ(run.record().totals.steps, 25U);
}

TEST(RunTrainer, QuantilesAreOverTheFiniteNorms) {
  FedRun run(NonfinitePolicy::kSkip);
  for (const float value : {1.0F, 2.0F, 3.0F}) run.step(value);
  run.step(1, kNotANumber);
  const auto norms = run.record().totals.grad_norm_raw;
  ASSERT_TRUE(norms);
  EXPECT_DOUBLE_EQ(norms->median, 2 * std::sqrt(20.0));
  EXPECT_DOUBLE_EQ(norms->max, 3 * std::sqrt(20.0));
}

TEST(RunTrainer, ANonfiniteLossAtTheEndIsDiverged) {
  FedRun run(NonfinitePolicy::kContinue);
  run.step_with_loss(kInfinity);
  EXPECT_EQ(run.record().outcome, Outcome::kDiverged);
}

}  // namespace
}  // namespace clipsweep
