#include "clipsweep/events/event_report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/sample_folder.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

const TensorShapes kShapes = {{"lstm.weight_ih", {40, 28}},
                              {"lstm.bias", {40}},
                              {"gru.weight_hh", {6, 2}},
                              {"rnn.bias", {5}},
                              {"output.weight", {10, 10}}};

// Steps of these norms, from step 1; the loss is a tenth of the norm.
std::vector<StepRecord> steps_of(const std::vector<double>& norms) {
  std::vector<StepRecord> steps;
  for (const double norm : norms) {
    StepRecord step;
    step.step = steps.size() + 1;
    step.grad_norm_raw = step.grad_norm_clipped = norm;
    step.loss = static_cast<float>(norm / 10);
    steps.push_back(step);
  }
  return steps;
}

Event event_in(const char* tensor, std::uint64_t index) {
  Event event;
  event.phase = Phase::kGradient;
  event.tensor = tensor;
  event.index = index;
  return event;
}

TEST(GrowthText, StartsAtTheLastStepAtTheUsualLevel) {
  EXPECT_EQ(growth_text(steps_of({1, 1.4, 0.9, 1.2, 2.6, 4.8, 9, 20, 60, 131})),
            "1.2 -> 9 -> 131 over 6 steps");
  EXPECT_EQ(growth_text(steps_of({1, 1.2, 1, 131})), "1 -> 131 over 1 step");
}

TEST(GrowthText, SaysThatNothingGrew) {
  EXPECT_EQ(growth_text(steps_of({1, 1.3, 0.8})), "steady, 0.8 to 1.3");
  EXPECT_EQ(growth_text(steps_of({1, 50, 0.8})), "between 0.8 and 50");
}

TEST(GrowthText, IgnoresNormsThatAreNotFinite) {
  EXPECT_EQ(growth_text(steps_of({1, 8, NAN})), "1 -> 8 over 1 step");
  EXPECT_EQ(growth_text(steps_of({1, INFINITY})), "");
  EXPECT_EQ(growth_text(steps_of({-1, -2, 5})), "");  // as a damaged run.json could have it
  EXPECT_EQ(growth_text(steps_of({0, 0, 5})), "0 -> 5 over 1 step");
}

// 40 rows of 28 for 10 units: rows 0 to 9 are the input gate's.
TEST(GateText, FollowsTheOrderOfTheRows) {
  EXPECT_EQ(gate_text(event_in("lstm.weight_ih", 0), kShapes), "input gate");
  EXPECT_EQ(gate_text(event_in("lstm.weight_ih", 279), kShapes), "input gate");
  EXPECT_EQ(gate_text(event_in("lstm.weight_ih", 280), kShapes), "forget gate");
  EXPECT_EQ(gate_text(event_in("lstm.bias", 20), kShapes), "cell candidate");
  EXPECT_EQ(gate_text(event_in("lstm.bias", 39), kShapes), "output gate");
  EXPECT_EQ(gate_text(event_in("gru.weight_hh", 4), kShapes), "update gate");
}

TEST(GateText, IsEmptyIfThereIsNoGate) {
  EXPECT_EQ(gate_text(event_in("rnn.bias", 0), kShapes), "");
  EXPECT_EQ(gate_text(event_in("output.weight", 0), kShapes), "");
  EXPECT_EQ(gate_text(event_in("lstm.weight_hh", 0), kShapes), "");  // shape not known
  EXPECT_EQ(gate_text(event_in("lstm.bias", 40), kShapes), "");      // no such element
  EXPECT_EQ(gate_text(Event{}, kShapes), "");
}

TEST(EventReport, HasThePlaceTheNormsTheClippingAndTheLosses) {
  RunRecord record;
  record.spec.clip = {ClipMode::kGlobalNorm, 1};
  record.totals.steps = 100;
  Event spike = event_in("lstm.weight_ih", 300);
  spike.kind = EventKind::kSpike;
  spike.step = 4;
  spike.norm = 60;
  spike.running_median = 1.5;
  auto steps = steps_of({1, 1.5, 9, 60, 70, 20});
  steps[3].clipped = true;
  steps[3].clipped_fraction = 1;
  steps[3].grad_norm_clipped = 1;
  steps[3].clip_scale = 1.0 / 60;
  const EventContext context = {
      {spike}, {steps[0], steps[1], steps[2]}, steps[3], {steps[4], steps[5]}};
  EXPECT_EQ(event_report(context, record, kShapes),
            "  The gradient norm spiked to 60, 40 times its running median. Largest element:\n"
            "  lstm.weight_ih[10, 20] (forget gate).\n"
            "  norm      1.5 -> 9 -> 60 over 2 steps\n"
            "  clipping  global-norm:1 changed all elements: norm 60 -> 1 (x 0.0167)\n"
            "  loss      0.90 before, 6.00 here, then up to 7.00 at step 5, 2.00 at step 6\n");
}

TEST(EventReport, OfARunThatStopped) {
  RunRecord record;
  record.totals.steps = 3;
  Event nan = event_in("lstm.bias", 10);
  nan.step = 3;
  nan.nan = 1670;
  nan.action = Action::kStopped;
  const auto steps = steps_of({1, 5, NAN});
  EXPECT_EQ(event_report({{nan}, {steps[0], steps[1]}, steps[2], {}}, record, kShapes),
            "  NaN in the gradient, first at lstm.bias[10] (forget gate): 1,670 NaN.\n"
            "  norm      1 -> 5 over 1 step before\n"
            "  clipping  none; the run stopped\n"
            "  loss      0.50 before, NaN here\n");
}

TEST(EventReport, SaysWhichStepsAreNotLogged) {
  RunRecord record;
  record.totals.steps = 100;
  Event loss;
  loss.kind = EventKind::kInf;
  loss.step = 3;
  loss.action = Action::kSkipped;
  EXPECT_EQ(event_report({{loss}, {}, std::nullopt, {}}, record, kShapes),
            "  Inf in the loss.\n"
            "  clipping  none; the update was skipped\n"
            "  loss      the next steps are not logged\n");
}

// ---- Contexts of events ----------------------------------------------------------------------

TEST(EventContexts, TakeTheStepsAroundFromEventsAndLog) {
  ExperimentConfig config = sample_config();
  config.log_every = 4;
  const SampleFolder folder(config);
  SampleRun run = diverged_run(folder.plan(), folder.spec(0), 6);
  folder.write(run);  // steps 1, 4 and 6
  run.record.events.front().step = 5;
  run.record.events.front().before.steps.pop_back();  // carries 1 to 4
  const auto contexts = event_contexts(run.record, folder.steps_log(0), 10);
  ASSERT_EQ(contexts.size(), 1U);
  EXPECT_EQ(contexts[0].before.size(), 4U);
  EXPECT_FALSE(contexts[0].step);
  ASSERT_EQ(contexts[0].after.size(), 1U);
  EXPECT_EQ(contexts[0].after[0].step, 6U);
  EXPECT_TRUE(event_contexts(run.record, {}, 10)[0].after.empty());
}

TEST(EventContexts, AreTheFirstAndTheLastOfMany) {
  RunRecord record;
  for (std::uint64_t i = 0; i < 60; ++i) {
    record.events.emplace_back();
    record.events.back().step = 1 + i / 2;  // two per step
  }
  const auto contexts = event_contexts(record, {}, 3);
  std::vector<std::uint64_t> steps;
  for (const auto& context : contexts) steps.push_back(context.events.front().step);
  EXPECT_EQ(steps, (std::vector<std::uint64_t>{1, 2, 3, 28, 29, 30}));
  EXPECT_EQ(contexts[0].events.size(), 2U);
}

}  // namespace
}  // namespace clipsweep
