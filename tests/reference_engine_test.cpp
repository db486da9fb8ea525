// The reference engine against torch::nn, autograd in double and its own promise that a run does
// not know its neighbours.
#include "clipsweep/reference_engine.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "clipsweep/clipping.h"
#include "clipsweep/initial_weights.h"
#include "engine_samples.h"

namespace clipsweep {
namespace {

using at::Tensor;

TEST(LstmCrossEntropy, AgreesWithTorchInDouble) {
  for (const SampleShape& shape : sample_shapes()) {
    const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
    const auto batch = batch_of(random_images(shape, 200), shape.batch, {0});
    Block block(1, layout.size());
    set_row(block, 0, layout, 3);
    const auto expected = oracle(block.row(0), layout, batch, 0, torch::kFloat64);
    const Tensor parameters =
        torch::from_blob(block.data(), {1, static_cast<std::int64_t>(layout.size())})
            .to(torch::kFloat64)
            .requires_grad_();
    const Tensor inputs = inputs_of(batch, 0).permute({2, 0, 1}).unsqueeze(0).to(torch::kFloat64);
    const Tensor labels = labels_of(batch, 0).unsqueeze(0);
    const auto samples =
        lstm_cross_entropy(parameters, layout, inputs, labels, torch::zeros({1}, torch::kInt64));
    const Tensor loss = samples.losses.mean();
    loss.backward();
    EXPECT_LT(relative_error(loss, expected.loss), 1e-12);
    EXPECT_LT(relative_error(parameters.grad()[0], expected.gradient), 1e-11);
  }
}

TEST(ReferenceEngine, AgreesWithTorchInFloatForSeveralRunsAndSeeds) {
  for (const SampleShape& shape : sample_shapes()) {
    const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
    const auto batch = batch_of(random_images(shape, 200), shape.batch, {0, 1, 0});
    Block parameters(3, layout.size());
    for (std::size_t r = 0; r < 3; ++r) set_row(parameters, r, layout, r);
    StepResult result(3, layout.size());
    make_reference_engine(layout, "cpu")
        ->compute_gradients(parameters, batch, no_limits(parameters), result);
    for (std::size_t r = 0; r < 3; ++r) {
      const auto expected =
          oracle(parameters.row(r), layout, batch, batch.source_of_run[r], torch::kFloat64);
      const Tensor gradient = torch::from_blob(result.gradients.row(r).data(),
                                               {static_cast<std::int64_t>(layout.size())});
      EXPECT_NEAR(result.losses[r], expected.loss.item<double>(), 2e-6);
      EXPECT_LT(relative_error(gradient.to(torch::kFloat64), expected.gradient), 1e-5);
    }
  }
}

TEST(ReferenceEngine, GradientIsThatOfFiniteDifferences) {
  const SampleShape shape{5, 4, 3, 4};
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  const auto batch = batch_of(random_images(shape, 10), shape.batch, {0});
  const Tensor inputs = inputs_of(batch, 0).permute({2, 0, 1}).unsqueeze(0).to(torch::kFloat64);
  const Tensor labels = labels_of(batch, 0).unsqueeze(0);
  const auto loss_at = [&](const Tensor& parameters) {
    return lstm_cross_entropy(parameters, layout, inputs, labels, torch::zeros({1}, torch::kInt64))
        .losses.mean();
  };
  const auto row = initial_weights(Initialization::kTorch, layout, 1);
  const Tensor parameters =
      torch::tensor(row).to(torch::kFloat64).unsqueeze(0).clone().requires_grad_();
  loss_at(parameters).backward();
  const torch::NoGradGuard no_grad;
  const double step = 1e-6;
  for (std::int64_t i = 0; i < parameters.size(1); i += 7) {
    Tensor above = parameters.clone(), below = parameters.clone();
    above[0][i] += step;
    below[0][i] -= step;
    const double slope = ((loss_at(above) - loss_at(below)) / (2 * step)).item<double>();
    EXPECT_NEAR(parameters.grad()[0][i].item<double>(), slope, 1e-8);
  }
}

// To the last bit, whatever the shape: in cohorts of any size, at any place.
TEST(ReferenceEngine, ARunDoesNotKnowItsNeighbours) {
  for (const SampleShape& shape : sample_shapes()) {
    const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
    const auto images = random_images(shape, 200);
    const auto engine = make_reference_engine(layout, "cpu");
    Block alone(1, layout.size());
    set_row(alone, 0, layout, 5);
    const auto batch_alone = batch_of(images, shape.batch, {0});
    StepResult expected(1, layout.size());
    engine->compute_gradients(alone, batch_alone, no_limits(alone), expected);
    const auto expected_evaluation = engine->evaluate(alone, batch_alone);
    for (const std::size_t runs : {2, 3, 17, 64}) {
      for (const std::size_t place : {std::size_t{0}, runs / 2, runs - 1}) {
        Block parameters(runs, layout.size());
        for (std::size_t r = 0; r < runs; ++r) set_row(parameters, r, layout, 100 + r);
        set_row(parameters, place, layout, 5);
        std::vector<int> sources(runs, 1);
        sources[place] = 0;
        StepResult result(runs, layout.size());
        engine->compute_gradients(parameters, batch_of(images, shape.batch, sources),
                                  no_limits(parameters), result);
        EXPECT_EQ(result.losses[place], expected.losses[0]);
        EXPECT_EQ(result.corrects[place], expected.corrects[0]);
        EXPECT_TRUE(same_bits(result.gradients.row(place), expected.gradients.row(0)))
            << "batch " << shape.batch << ", hidden " << shape.hidden << ", run " << place << " of "
            << runs;
        const auto evaluation = engine->evaluate(parameters, batch_alone);
        EXPECT_EQ(evaluation.loss_sums[place], expected_evaluation.loss_sums[0]);
      }
    }
  }
}

TEST(ReferenceEngine, PermutingTheRunsPermutesTheResults) {
  const SampleShape shape{32, 28, 28, 10};
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  const auto images = random_images(shape, 100);
  const auto engine = make_reference_engine(layout, "cpu");
  const std::vector<std::size_t> order = {3, 0, 4, 1, 2};
  Block parameters(5, layout.size()), permuted(5, layout.size());
  std::vector<int> sources, permuted_sources;
  for (std::size_t r = 0; r < 5; ++r) {
    set_row(parameters, r, layout, r);
    set_row(permuted, r, layout, order[r]);
    sources.push_back(static_cast<int>(r % 3));
    permuted_sources.push_back(static_cast<int>(order[r] % 3));
  }
  StepResult result(5, layout.size()), permuted_result(5, layout.size());
  engine->compute_gradients(parameters, batch_of(images, 32, sources), no_limits(parameters),
                            result);
  engine->compute_gradients(permuted, batch_of(images, 32, permuted_sources), no_limits(permuted),
                            permuted_result);
  for (std::size_t r = 0; r < 5; ++r) {
    EXPECT_EQ(permuted_result.losses[r], result.losses[order[r]]);
    EXPECT_TRUE(same_bits(permuted_result.gradients.row(r), result.gradients.row(order[r])));
  }
}

TEST(ReferenceEngine, ANanStaysInItsRunAndIsNeverRight) {
  const SampleShape shape{32, 4, 5, 6};
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  const auto batch = batch_of(random_images(shape, 64), 32, {0, 0});
  const auto engine = make_reference_engine(layout, "cpu");
  Block parameters(2, layout.size());
  set_row(parameters, 0, layout, 0);
  set_row(parameters, 1, layout, 1);
  StepResult before(2, layout.size()), after(2, layout.size());
  engine->compute_gradients(parameters, batch, no_limits(parameters), before);
  parameters.row(0)[0] = NAN;
  engine->compute_gradients(parameters, batch, no_limits(parameters), after);
  EXPECT_TRUE(std::isnan(after.losses[0]));
  EXPECT_EQ(after.corrects[0], 0);
  EXPECT_TRUE(find_nonfinite(after.gradients.row(0)));
  EXPECT_EQ(after.losses[1], before.losses[1]);
  EXPECT_TRUE(same_bits(after.gradients.row(1), before.gradients.row(1)));
}

TEST(ReferenceEngine, RightAnswersAreCountedWithoutThePadding) {
  const SampleShape shape{7, 3, 4, 5};
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  auto images = random_images(shape, 20);
  std::fill(images.labels.begin(), images.labels.end(), std::uint8_t{2});
  const auto batch = batch_of(images, 7, {0});
  Block parameters(1, layout.size());  // zeros: the logits are the output's bias
  parameters.row(0)[layout.tensor("output.bias").offset + 2] = 1;
  StepResult result(1, layout.size());
  make_reference_engine(layout, "cpu")
      ->compute_gradients(parameters, batch, no_limits(parameters), result);
  EXPECT_EQ(result.corrects[0], 7);
  // -log(e / (e + 9))
  EXPECT_NEAR(result.losses[0], std::log(std::exp(1.0) + 9) - 1, 1e-6);
}

// LibTorch's clipping functions as oracles on ordinary input; its norm clipping adds 1e-6.
TEST(Clipping, AgreesWithTorchOnOrdinaryGradients) {
  const auto layout = lstm_layout(28, 10, 10);
  for (const double threshold : {0.05, 0.5, 5.0}) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      const auto row = initial_weights(Initialization::kTorch, layout, seed);
      for (const ClipMode mode : {ClipMode::kValue, ClipMode::kGlobalNorm}) {
        auto clipped = row;
        GradientNorms norms;
        measure_norms(clipped, layout, norms);
        clip_gradient<float>({mode, threshold}, {layout, norms, {}, {}}, clipped);
        Tensor parameter = torch::zeros({static_cast<std::int64_t>(row.size())}, torch::kFloat64);
        parameter.mutable_grad() = torch::tensor(row).to(torch::kFloat64);
        if (mode == ClipMode::kValue)
          torch::nn::utils::clip_grad_value_(parameter, threshold);
        else
          torch::nn::utils::clip_grad_norm_(parameter, threshold);
        const Tensor ours = torch::tensor(clipped).to(torch::kFloat64);
        EXPECT_LT(relative_error(ours, parameter.grad()), 3e-6) << threshold;
      }
    }
  }
}

// PyTorch's coefficient limit / (norm + 1e-6), and its other norms.
TEST(Clipping, AgreesWithTorchOnEveryNormTypeWithItsEpsilon) {
  const auto layout = lstm_layout(28, 10, 10);
  const auto row = initial_weights(Initialization::kTorch, layout, 3);
  GradientNorms norms;
  measure_norms(row, layout, norms);
  for (const double norm_type : {1.0, 2.0, std::numeric_limits<double>::infinity()}) {
    auto clipped = row;
    ClipRule rule = {ClipMode::kGlobalNorm, 0.1};
    rule.options.norm_type = norm_type;
    rule.options.epsilon = 1e-6;
    EXPECT_TRUE(clip_gradient<float>(rule, {layout, norms, {}, {}}, clipped).clipped);
    Tensor parameter = torch::zeros({static_cast<std::int64_t>(row.size())}, torch::kFloat64);
    parameter.mutable_grad() = torch::tensor(row).to(torch::kFloat64);
    torch::nn::utils::clip_grad_norm_(parameter, 0.1, norm_type);
    EXPECT_LT(relative_error(torch::tensor(clipped).to(torch::kFloat64), parameter.grad()), 1e-7);
  }
}

}  // namespace
}  // namespace clipsweep
