#include "clipsweep/landscape/cliff.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>

#include "clipsweep/base/error.h"
#include "clipsweep/tasks/sequence_tasks.h"
#include "support/special_values.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

// The loss is a bowl around weights of 1, sum of c_i (w_i - 1)^2 / 2 with curvatures c_i of 1 to 3,
// whatever the batch is: along any line it is a parabola.
class Bowl : public GradientEngine {
 public:
  std::string name() const override { return "bowl"; }
  std::string simd() const override { return "none"; }

  void compute_gradients(const Block& parameters, const Batch&, Span<const float>,
                         StepResult& result, const EngineContext& context) override {
    throw_if_cancelled(context.cancel);
    ++calls_;
    for (std::size_t r = 0; r < parameters.rows(); ++r) {
      double loss = 0;
      for (std::size_t i = 0; i < parameters.columns(); ++i) {
        const double curvature = flat ? 0 : 1 + static_cast<double>(i % 3);
        const double distance = static_cast<double>(parameters.row(r)[i]) - 1;
        loss += curvature * distance * distance / 2;
        result.gradients.row(r)[i] = static_cast<float>(curvature * distance);
      }
      result.losses[r] = calls_ < nan_from_call ? static_cast<float>(loss) : kNotANumber;
      if (calls_ >= nan_from_call) result.gradients.row(r)[0] = kNotANumber;
    }
  }
  EvaluationResult evaluate(const Block& parameters, const Batch&, const EngineContext&) override {
    return {std::vector<double>(parameters.rows()), std::vector<std::int64_t>(parameters.rows())};
  }
  std::vector<std::vector<float>> state_gradient_norms(const Block&, const Batch&,
                                                       const std::vector<int>&, Span<const float>,
                                                       const EngineContext&) override {
    return {};
  }

  bool flat = false;
  int nan_from_call = std::numeric_limits<int>::max();

 private:
  int calls_ = 0;
};

constexpr double kLearningRate = 0.125;

class CliffTest : public testing::Test {
 protected:
  Cliff measure(const ClipRule& clip, std::uint64_t step) {
    ExperimentConfig config;
    config.training.task = "adding";
    config.training.length = {10, 10};
    config.training.hidden = 2;
    config.clips = {clip};
    config.learning_rates = {kLearningRate};
    config.seeds = {0};
    const SweepPlan sweep = make_plan(config, "data");
    TrainingPlan plan = training_plan(sweep);
    plan.through_time_every = 0;
    const auto task = make_sequence_task(plan.training);
    layout_ = layout_of(model_for(plan.training, Cell::kLstm, *task));
    return measure_cliff({plan, layout_, *task, cancel_, run_steps_}, sweep.runs.front(), bowl_,
                         options(step));
  }

  static CliffOptions options(std::uint64_t step) { return {step, kPoints}; }

  std::string refusal(std::uint64_t step) {
    return message_of<ConfigError>([&] { measure({ClipMode::kNone}, step); });
  }

  static constexpr std::size_t kPoints = 5;
  Bowl bowl_;
  ParameterLayout layout_;
  std::atomic<bool> cancel_{false};
  std::atomic<std::uint64_t> run_steps_{0};
};

TEST_F(CliffTest, TheStepsLandAtTheLearningRateTimesTheNorm) {
  for (const std::uint64_t step : {1, 4}) {
    const Cliff cliff = measure({ClipMode::kGlobalNorm, 0.5}, step);
    const double norm = cliff.record.grad_norm_raw;
    ASSERT_GT(norm, 1);
    EXPECT_NEAR(cliff.unclipped.along, kLearningRate * norm, 1e-5);
    ASSERT_TRUE(cliff.clipped);
    EXPECT_NEAR(cliff.clipped->along, kLearningRate * 0.5, 1e-5);
    for (const CliffMark& mark : {cliff.unclipped, *cliff.clipped}) {
      EXPECT_NEAR(mark.across, 0, 1e-5);
      EXPECT_NEAR(mark.off_plane, 0, 1e-5);
    }
    EXPECT_LT(cliff.unclipped.loss, cliff.clipped->loss);
    EXPECT_LT(cliff.clipped->loss, cliff.record.loss);
  }
}

TEST_F(CliffTest, TheSliceIsTheParabolaThroughTheLossWithTheSlopeOfTheNorm) {
  const Cliff cliff = measure({ClipMode::kNone}, 3);
  const double loss = cliff.record.loss;
  const double norm = cliff.record.grad_norm_raw;
  const double last = cliff.slice_along.back();
  EXPECT_NEAR(last, 1.5 * kLearningRate * norm, 1e-5);
  const double curvature = 2 * (cliff.slice_losses.back() - loss + norm * last) / (last * last);
  EXPECT_GT(curvature, 1);
  EXPECT_LT(curvature, 3);
  for (std::size_t i = 0; i < cliff.slice_along.size(); ++i) {
    const double t = cliff.slice_along[i];
    EXPECT_NEAR(cliff.slice_losses[i], loss - norm * t + curvature * t * t / 2, 1e-4 * loss);
  }
}

TEST_F(CliffTest, TheSurfaceContainsTheSliceInItsMiddleRow) {
  const Cliff cliff = measure({ClipMode::kNone}, 3);
  ASSERT_EQ(cliff.losses.size(), kPoints * kPoints);
  EXPECT_NEAR(cliff.across[kPoints / 2], 0, 1e-12);
  // The first and the last point of both lie at the same places.
  const float* const middle = cliff.losses.data() + kPoints * (kPoints / 2);
  EXPECT_EQ(middle[0], cliff.slice_losses.front());
  EXPECT_EQ(middle[kPoints - 1], cliff.slice_losses.back());
}

TEST_F(CliffTest, TheSecondDirectionIsTheUpdateBeforeOrRandomIfThereIsNone) {
  EXPECT_EQ(measure({ClipMode::kNone}, 1).direction, CliffDirection::kRandom);
  EXPECT_EQ(measure({ClipMode::kNone}, 2).direction, CliffDirection::kPreviousUpdate);
}

TEST_F(CliffTest, ARunThatEndedBeforeTheStepIsRefusedWithItsLastStep) {
  bowl_.nan_from_call = 3;
  EXPECT_EQ(refusal(5), "the run ended at step 3; name a step up to that one");
}

TEST_F(CliffTest, AStepWithoutADirectionIsRefused) {
  bowl_.nan_from_call = 3;
  EXPECT_EQ(refusal(3),
            "the gradient of step 3 is not finite, so it has no direction; name an earlier step");
  bowl_ = {};
  bowl_.flat = true;
  EXPECT_EQ(refusal(3),
            "the gradient of step 3 is zero, so it has no direction; name an earlier step");
}

TEST_F(CliffTest, CountsTheRunStepsThatItAnnounces) {
  measure({ClipMode::kNone}, 7);
  EXPECT_EQ(run_steps_, run_steps_of(options(7)));
  EXPECT_EQ(run_steps_, 7 + kPoints * kPoints + 201);
}

TEST_F(CliffTest, CanBeCancelled) {
  cancel_ = true;
  EXPECT_THROW(measure({ClipMode::kNone}, 2), Cancelled);
}

Event event(EventKind kind, std::uint64_t step, double norm) {
  Event event;
  event.kind = kind;
  event.step = step;
  event.norm = norm;
  return event;
}

TEST(StepOfLargestSpike, IsThatOfTheLargestFiniteNorm) {
  EXPECT_FALSE(step_of_largest_spike({}));
  EXPECT_FALSE(step_of_largest_spike({event(EventKind::kNan, 3, 5)}));
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ(
      step_of_largest_spike({event(EventKind::kSpike, 2, 10), event(EventKind::kSpike, 7, 30),
                             event(EventKind::kSpike, 8, infinite), event(EventKind::kNan, 9, 90)}),
      7U);
}

}  // namespace
}  // namespace clipsweep
