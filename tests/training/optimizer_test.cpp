#include "clipsweep/training/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "clipsweep/model/gradient_norms.h"

namespace clipsweep {
namespace {

using Row = std::vector<float>;

StepParameters sgd(double learning_rate, double momentum = 0) {
  StepParameters rule;
  rule.learning_rate = learning_rate;
  rule.settings.momentum = momentum;
  return rule;
}

StepParameters rule_of(Optimizer optimizer) {
  StepParameters rule;
  rule.settings.optimizer = optimizer;
  rule.learning_rate = 0.1;
  return rule;
}

ProposedStep step_of(const StepParameters& rule, const Row& weights, const Row& gradient,
                     const Row& velocity = {}) {
  ProposedStep step;
  propose_step(rule, weights, gradient, {0, velocity, {}}, step);
  return step;
}

TEST(ProposeStep, IsPlainGradientDescent) {
  const auto step = step_of(sgd(0.5), {1, 2}, {2, -4});
  EXPECT_EQ(step.update, (Row{1, -2}));
  EXPECT_EQ(step.weights, (Row{0, 4}));
}

// Worked by hand from v <- m v + (g + d w), w <- w - r v with m = 0.5, d = 0.25, r = 1.
TEST(ProposeStep, AddsDecayThenMomentum) {
  StepParameters rule = sgd(1, 0.5);
  rule.regularization.weight_decay = 0.25;
  const auto step = step_of(rule, {4}, {2}, {8});
  EXPECT_EQ(step.state.velocity, Row{0.5F * 8 + (2 + 0.25F * 4)});
  EXPECT_EQ(step.weights, Row{4 - 7});
}

// w <- w - r (g + l sign(w)) with l = 0.25, r = 1; the sign of 0 is 0.
TEST(ProposeStep, AddsTheSignsOfTheWeightsForL1) {
  StepParameters rule = sgd(1);
  rule.regularization.l1 = 0.25;
  EXPECT_EQ(step_of(rule, {4, -4, 0}, {1, 1, 1}).weights, (Row{4 - 1.25F, -4 - 0.75F, -1}));
}

// As in SGDW: w - r v - r d w with r = 0.5, d = 0.25; the velocity is without the decay.
TEST(ProposeStep, DecoupledDecayStaysOutOfTheVelocity) {
  StepParameters rule = sgd(0.5, 0.5);
  rule.regularization.decoupled_weight_decay = 0.25;
  const auto step = step_of(rule, {4}, {2}, {8});
  EXPECT_EQ(step.state.velocity, Row{6});
  EXPECT_EQ(step.update, Row{0.5F * 6 + 0.5F * 0.25F * 4});
  EXPECT_EQ(step.weights, Row{4 - 3.5F});
}

TEST(ProposeStep, ReadsNoWeightWhoseFactorIsZero) {
  const auto step = step_of(sgd(1), {std::numeric_limits<float>::infinity()}, {1});
  EXPECT_EQ(step.update, Row{1});
}

TEST(ProposeStep, KeepsOnlyTheStateThatItsOptimizerNeeds) {
  const auto sizes = [](const StepParameters& rule) {
    const auto state = initial_state(rule.settings, 5);
    return std::pair(state.velocity.size(), state.mean_square.size());
  };
  EXPECT_EQ(sizes(sgd(1)), std::pair(std::size_t{0}, std::size_t{0}));
  EXPECT_EQ(sizes(sgd(1, 0.9)), std::pair(std::size_t{5}, std::size_t{0}));
  EXPECT_EQ(sizes(rule_of(Optimizer::kAdam)), std::pair(std::size_t{5}, std::size_t{5}));
  EXPECT_EQ(sizes(rule_of(Optimizer::kRmsprop)), std::pair(std::size_t{0}, std::size_t{5}));
}

// From the weights [1, -2, 0.5, 0], three steps of these gradients.
OptimizerState after_three_steps(const StepParameters& rule, Row& weights) {
  weights = {1, -2, 0.5F, 0};
  OptimizerState state = initial_state(rule.settings, weights.size());
  ProposedStep step;
  for (const Row& gradient :
       {Row{0.1F, -0.2F, 3, 0}, Row{0.3F, 0.1F, -2, 1e-4F}, Row{-0.5F, 0.2F, 0.25F, 1e3F}}) {
    propose_step(rule, weights, gradient, state, step);
    weights = step.weights;
    std::swap(state, step.state);
  }
  EXPECT_EQ(state.steps, 3U);
  return state;
}

// Equal up to the last two or three bits of float32, taken from the larger of 0.5 and the number.
void expect_close(const Row& found, const Row& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 3e-7 * std::max(0.5, std::abs(double{expected[i]}))) << i;
}

// The numbers of these tests are those of torch.optim in PyTorch 1.13 (CPU, float32), from the same
// weights and gradients.

// SGD(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)
TEST(ProposeStep, TakesNesterovsMomentumAsPyTorchDoes) {
  StepParameters rule = sgd(0.1, 0.9);
  rule.settings.nesterov = true;
  rule.regularization.weight_decay = 0.01;
  Row weights;
  const auto state = after_three_steps(rule, weights);
  expect_close(weights, {0.9714861F, -1.9804195F, -0.038852222F, -190.00002F});
  expect_close(state.velocity, {-0.12297481F, 0.07461961F, 0.88406914F, 1000.00006F});
}

// Adam(lr=0.1)
TEST(ProposeStep, TakesAdamsStepAsPyTorchDoes) {
  Row weights;
  const auto state = after_three_steps(rule_of(Optimizer::kAdam), weights);
  expect_close(weights, {0.8243133F, -1.900636F, 0.36998078F, -0.13828453F});
  expect_close(state.velocity, {-0.014900003F, 0.012800001F, 0.08800001F, 100.00001F});
  expect_close(state.mean_square, {0.00034989003F, 8.991004e-05F, 0.013040509F, 1000.0F});
}

// Adam(lr=0.1, betas=(0.5, 0.75), eps=1e-3, weight_decay=0.01)
TEST(ProposeStep, TakesAdamsSettings) {
  StepParameters rule = rule_of(Optimizer::kAdam);
  rule.settings.adam_beta1 = 0.5;
  rule.settings.adam_beta2 = 0.75;
  rule.settings.adam_epsilon = 1e-3;
  rule.regularization.weight_decay = 0.01;
  Row weights;
  after_three_steps(rule, weights);
  expect_close(weights, {0.8494814F, -1.9446493F, 0.41307327F, -0.09309462F});
}

// AdamW(lr=0.1, weight_decay=0.01)
TEST(ProposeStep, IsAdamWForAdamWithDecoupledDecay) {
  StepParameters rule = rule_of(Optimizer::kAdam);
  rule.regularization.decoupled_weight_decay = 0.01;
  Row weights;
  after_three_steps(rule, weights);
  expect_close(weights, {0.821608F, -1.8948686F, 0.36869666F, -0.13821013F});
}

// RMSprop(lr=0.1)
TEST(ProposeStep, TakesRmspropsStepAsPyTorchDoes) {
  Row weights;
  const auto state = after_three_steps(rule_of(Optimizer::kRmsprop), weights);
  expect_close(weights, {-0.10267264F, -2.1190233F, -0.013128713F, -1.999001F});
  expect_close(state.mean_square, {0.00348901F, 0.0008910401F, 0.128434F, 10000.0F});
}

// RMSprop(lr=0.1, alpha=0.9, eps=1e-3, momentum=0.5, weight_decay=0.01)
TEST(ProposeStep, TakesRmspropsSettings) {
  StepParameters rule = rule_of(Optimizer::kRmsprop);
  rule.settings.rmsprop_alpha = 0.9;
  rule.settings.rmsprop_epsilon = 1e-3;
  rule.settings.momentum = 0.5;
  rule.regularization.weight_decay = 0.01;
  Row weights;
  const auto state = after_three_steps(rule, weights);
  expect_close(weights, {0.2848573F, -1.8315568F, 0.19514823F, -0.33076698F});
  expect_close(state.velocity, {-0.42447114F, 1.8380203F, 0.12347427F, 3.210735F});
}

// Sizes that do not fill a register: each element is computed as if it were the only one.
TEST(ProposeStep, ComputesTheLastElementsLikeAllOthers) {
  for (const auto optimizer : {Optimizer::kSgd, Optimizer::kAdam, Optimizer::kRmsprop}) {
    StepParameters rule = rule_of(optimizer);
    rule.settings.momentum = optimizer == Optimizer::kAdam ? 0 : 0.9;
    const auto state = initial_state(rule.settings, 37);
    ProposedStep step;
    propose_step(rule, Row(37, 0.7F), Row(37, 0.3F), state, step);
    EXPECT_EQ(step.weights, Row(37, step.weights[0])) << to_text(optimizer);
  }
}

// To the last bit: logs of norms are the same wherever they are computed.
TEST(ProposeStep, HasTheNormsOfItsUpdateAndWeights) {
  for (const std::size_t size : {1, 7, 8, 9, 16, 27, 37}) {
    Row weights(size);
    Row gradient(size);
    for (std::size_t i = 0; i < size; ++i) {
      weights[i] = 1 / (static_cast<float>(i) - 3.3F);
      gradient[i] = std::sin(static_cast<float>(i));
    }
    const auto step = step_of(sgd(0.7), weights, gradient);
    EXPECT_EQ(step.norms.update, euclidean_norm(step.update)) << size;
    EXPECT_EQ(step.norms.weights, euclidean_norm(step.weights)) << size;
  }
}

TEST(ProposeStep, HasNormsThatAreNotFiniteIfItsNumbersAreNot) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const std::size_t place : {0, 8}) {
    Row gradient(9, 1.0F);
    gradient[place] = infinity;
    EXPECT_EQ(step_of(sgd(1), Row(9, 0.0F), gradient).norms.update, infinity) << place;
    EXPECT_TRUE(std::isnan(step_of(sgd(1), Row(9, infinity), gradient).norms.weights)) << place;
  }
}

// The rates of all steps of a run of three epochs of four steps each.
std::vector<double> rates_of(const OptimizerSettings& settings, double learning_rate) {
  std::vector<double> rates;
  for (std::uint64_t step = 1; step <= 12; ++step)
    rates.push_back(learning_rate_at(step, learning_rate, settings, {4, 12}));
  return rates;
}

void expect_rates(const OptimizerSettings& settings, const std::vector<double>& expected) {
  const auto rates = rates_of(settings, 0.8);
  ASSERT_EQ(rates.size(), expected.size());
  for (std::size_t i = 0; i < rates.size(); ++i)
    EXPECT_NEAR(rates[i], expected[i], 1e-12) << "step " << i + 1;
}

TEST(LearningRate, IsConstantByDefault) {
  EXPECT_FALSE(is_scheduled({}));
  EXPECT_EQ(rates_of({}, 0.8), std::vector<double>(12, 0.8));
}

// StepLR of PyTorch: 0.8 in the first epoch, a quarter of it in the next one.
TEST(LearningRate, FallsByStepsOfEpochs) {
  OptimizerSettings settings;
  settings.learning_rate_decay = 0.25;
  EXPECT_TRUE(is_scheduled(settings));
  EXPECT_EQ(schedule_of(settings), LearningRateSchedule::kStep);
  EXPECT_EQ(rates_of(settings, 0.8),
            (std::vector<double>{0.8, 0.8, 0.8, 0.8, 0.2, 0.2, 0.2, 0.2, 0.05, 0.05, 0.05, 0.05}));
  settings.learning_rate_decay_every = 2;
  EXPECT_EQ(rates_of(settings, 0.8),
            (std::vector<double>{0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.2, 0.2, 0.2, 0.2}));
}

// The numbers of the next tests come from PyTorch 1.13: CosineAnnealingLR(T_max=12),
// LinearLR(1, 0, total_iters=12), LambdaLR(min(1, (k + 1) / 5)), and SequentialLR of
// LinearLR(1/4, 1, total_iters=3) and CosineAnnealingLR(T_max=8) or LinearLR(1, 0, total_iters=8)
// with the milestone 4.
TEST(LearningRate, FallsAlongHalfACosine) {
  OptimizerSettings settings;
  settings.learning_rate_schedule = LearningRateSchedule::kCosine;
  expect_rates(settings, {0.8, 0.786370330515627, 0.746410161513776, 0.682842712474619, 0.6,
                          0.503527618041008, 0.4, 0.296472381958992, 0.2, 0.117157287525381,
                          0.053589838486225, 0.013629669484373});
}

TEST(LearningRate, FallsAlongALine) {
  OptimizerSettings settings;
  settings.learning_rate_schedule = LearningRateSchedule::kLinear;
  expect_rates(settings, {0.8, 0.733333333333333, 0.666666666666667, 0.6, 0.533333333333333,
                          0.466666666666667, 0.4, 0.333333333333333, 0.266666666666667, 0.2,
                          0.133333333333333, 0.066666666666667});
}

TEST(LearningRate, RisesLinearlyDuringTheWarmup) {
  OptimizerSettings settings;
  settings.learning_rate_warmup = 5;
  EXPECT_TRUE(is_scheduled(settings));
  expect_rates(settings, {0.16, 0.32, 0.48, 0.64, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8});
  settings.learning_rate_warmup = 12;
  EXPECT_EQ(rates_of(settings, 0.8).back(), 0.8);
}

TEST(LearningRate, FallsFromTheEndOfTheWarmup) {
  OptimizerSettings settings;
  settings.learning_rate_warmup = 4;
  settings.learning_rate_schedule = LearningRateSchedule::kCosine;
  expect_rates(settings,
               {0.2, 0.4, 0.6, 0.8, 0.8, 0.769551813004515, 0.682842712474619, 0.553073372946036,
                0.4, 0.246926627053964, 0.117157287525381, 0.030448186995485});
  settings.learning_rate_schedule = LearningRateSchedule::kLinear;
  expect_rates(settings, {0.2, 0.4, 0.6, 0.8, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1});
}

// By hand: the warm-up multiplies the steps of the decay.
TEST(LearningRate, AStepScheduleIsMultipliedByTheWarmup) {
  OptimizerSettings settings;
  settings.learning_rate_warmup = 8;
  settings.learning_rate_decay = 0.5;
  expect_rates(settings, {0.1, 0.2, 0.3, 0.4, 0.25, 0.3, 0.35, 0.4, 0.2, 0.2, 0.2, 0.2});
}

}  // namespace
}  // namespace clipsweep
