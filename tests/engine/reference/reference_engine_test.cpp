// The reference engine compared with torch::nn and autograd in double, and the independence of its
// runs.
#include "clipsweep/engine/reference/reference_engine.h"

#include <sys/resource.h>
#include <torch/nn/module.h>
#include <torch/nn/utils/clip_grad.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <new>

#include "clipsweep/clipping/clipping.h"
#include "clipsweep/engine/reference/batch_tensors.h"
#include "clipsweep/model/initial_weights.h"
#include "support/engine_samples.h"

namespace clipsweep {
namespace {

using at::Tensor;

// The mean loss of one run with the batch's first source, in double; parameters [1, P].
Tensor mean_loss(const Tensor& parameters, const ParameterLayout& layout, const Batch& batch) {
  const Tensor inputs = input_tensor(batch).transpose(1, 2).to(torch::kFloat64);
  Tensor targets = target_tensor(batch);
  if (layout.model.target == Target::kNumber) targets = targets.to(torch::kFloat64);
  const Tensor source = torch::zeros({1}, torch::kInt64);
  return sample_results(parameters, layout, inputs, targets, source).losses.mean();
}

Tensor double_leaf(Span<const float> row) { return in_double(row).unsqueeze(0).requires_grad_(); }

void expect_agreement_with_torch_in_double(const ParameterLayout& layout, const Batch& batch) {
  Block block(1, layout.size());
  set_row(block, 0, layout, 3);
  const auto expected = oracle(block.row(0), layout, batch, 0, torch::kFloat64);
  const Tensor parameters = double_leaf(block.row(0));
  const Tensor loss = mean_loss(parameters, layout, batch);
  loss.backward();
  EXPECT_LT(relative_error(loss, expected.loss), 1e-12);
  EXPECT_LT(relative_error(parameters.grad()[0], expected.gradient), 1e-11);
}

TEST(SampleResults, AgreeWithTorchInDouble) {
  for (const SampleShape& shape : sample_shapes())
    expect_agreement_with_torch_in_double(lstm_layout(shape.inputs, shape.hidden, 10),
                                          batch_of(random_images(shape, 200), shape.batch, {0}));
}

// Three runs with two sources.
void expect_agreement_with_torch_in_float(const ParameterLayout& layout, const Batch& batch) {
  Block parameters(3, layout.size());
  for (std::size_t r = 0; r < 3; ++r) set_row(parameters, r, layout, r);
  const StepResult result = result_of(*make_reference_engine(layout, "cpu"), parameters, batch);
  for (std::size_t r = 0; r < 3; ++r) {
    const auto expected =
        oracle(parameters.row(r), layout, batch, batch.source_of_run[r], torch::kFloat64);
    EXPECT_NEAR(result.losses[r], expected.loss.item<double>(), 2e-6);
    EXPECT_EQ(result.correct_counts[r], expected.correct);
    expect_same_gradient(result.gradients.row(r), expected.gradient);
  }
}

TEST(ReferenceEngine, AgreesWithTorchInFloatForSeveralRunsAndSeeds) {
  for (const SampleShape& shape : sample_shapes())
    expect_agreement_with_torch_in_float(
        lstm_layout(shape.inputs, shape.hidden, 10),
        batch_of(random_images(shape, 200), shape.batch, {0, 1, 0}));
}

// To the last bit, in cohorts of these sizes, at any place. `batch_for` makes a batch for the
// sources of its runs [R].
void expect_independent_runs(const ParameterLayout& layout,
                             const std::vector<std::size_t>& cohort_sizes,
                             const std::function<Batch(std::vector<int>)>& batch_for) {
  const auto engine = make_reference_engine(layout, "cpu");
  Block alone(1, layout.size());
  set_row(alone, 0, layout, 5);
  const auto batch_alone = batch_for({0});
  const StepResult expected = result_of(*engine, alone, batch_alone);
  const auto expected_evaluation = engine->evaluate(alone, batch_alone);
  for (const std::size_t runs : cohort_sizes) {
    for (const std::size_t place : {std::size_t{0}, runs / 2, runs - 1}) {
      Block parameters(runs, layout.size());
      for (std::size_t r = 0; r < runs; ++r) set_row(parameters, r, layout, 100 + r);
      set_row(parameters, place, layout, 5);
      std::vector<int> sources(runs, 1);
      sources[place] = 0;
      const StepResult result = result_of(*engine, parameters, batch_for(sources));
      EXPECT_EQ(result.losses[place], expected.losses[0]);
      EXPECT_EQ(result.correct_counts[place], expected.correct_counts[0]);
      EXPECT_TRUE(same_bits(result.gradients.row(place), expected.gradients.row(0)))
          << "batch " << batch_alone.size << ", hidden " << layout.model.hidden << ", run " << place
          << " of " << runs;
      const auto evaluation = engine->evaluate(parameters, batch_alone);
      EXPECT_EQ(evaluation.loss_sums[place], expected_evaluation.loss_sums[0]);
      EXPECT_EQ(evaluation.correct_counts[place], expected_evaluation.correct_counts[0]);
    }
  }
}

class EachModel : public ::testing::TestWithParam<Model> {
 protected:
  const ParameterLayout layout_ = layout_of(GetParam());
};

INSTANTIATE_TEST_SUITE_P(With, EachModel, ::testing::ValuesIn(every_model()),
                         [](const auto& instance) { return test_name(instance.param); });

TEST_P(EachModel, AgreesWithTorchInDouble) {
  expect_agreement_with_torch_in_double(layout_, random_batch(GetParam(), 5, 7, {0}));
}

TEST_P(EachModel, AgreesWithTorchInFloatForSeveralRunsAndSeeds) {
  expect_agreement_with_torch_in_float(layout_, random_batch(GetParam(), 20, 3, {0, 1, 0}));
}

TEST_P(EachModel, GradientAgreesWithCentralDifferences) {
  const auto batch = random_batch(GetParam(), 5, 4, {0});
  const Tensor parameters =
      double_leaf(initial_weights(InitialScheme{InitialKind::kTorch}, layout_, 1));
  mean_loss(parameters, layout_, batch).backward();
  const torch::NoGradGuard no_grad;
  const double step = 1e-6;
  for (std::int64_t i = 0; i < parameters.size(1); i += 7) {
    Tensor above = parameters.clone(), below = parameters.clone();
    above[0][i] += step;
    below[0][i] -= step;
    const Tensor rise = mean_loss(above, layout_, batch) - mean_loss(below, layout_, batch);
    EXPECT_NEAR(parameters.grad()[0][i].item<double>(), rise.item<double>() / (2 * step), 1e-8);
  }
}

// With a batch that fills whole vectors and one that does not.
TEST_P(EachModel, RunsAreIndependent) {
  for (const int size : {5, 64})
    expect_independent_runs(layout_, {2, 17}, [&](auto sources) {
      return random_batch(GetParam(), size, 6, std::move(sources));
    });
}

TEST_P(EachModel, ANanStaysInItsRunAndIsNotCorrect) {
  const auto engine = make_reference_engine(layout_, "cpu");
  const auto batch = random_batch(GetParam(), 5, 4, {0, 0});
  Block parameters(2, layout_.size());
  set_row(parameters, 0, layout_, 0);
  set_row(parameters, 1, layout_, 1);
  const StepResult before = result_of(*engine, parameters, batch);
  parameters.row(0)[0] = NAN;
  const StepResult after = result_of(*engine, parameters, batch);
  EXPECT_TRUE(std::isnan(after.losses[0]));
  EXPECT_EQ(after.correct_counts[0], 0);
  EXPECT_TRUE(find_nonfinite(after.gradients.row(0)));
  EXPECT_EQ(after.losses[1], before.losses[1]);
  EXPECT_TRUE(same_bits(after.gradients.row(1), before.gradients.row(1)));
}

TEST(ReferenceEngine, RunsAreIndependent) {
  for (const SampleShape& shape : sample_shapes()) {
    const auto images = random_images(shape, 200);
    expect_independent_runs(
        lstm_layout(shape.inputs, shape.hidden, 10), {2, 3, 17, 64},
        [&](auto sources) { return batch_of(images, shape.batch, std::move(sources)); });
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
  const StepResult result = result_of(*engine, parameters, batch_of(images, 32, sources));
  const StepResult permuted_result =
      result_of(*engine, permuted, batch_of(images, 32, permuted_sources));
  for (std::size_t r = 0; r < 5; ++r) {
    EXPECT_EQ(permuted_result.losses[r], result.losses[order[r]]);
    EXPECT_TRUE(same_bits(permuted_result.gradients.row(r), result.gradients.row(order[r])));
  }
}

// Limits this process to its current memory and some more, during its lifetime.
class MemoryLimit {
 public:
  explicit MemoryLimit(rlim_t more_bytes) {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    ::getrlimit(RLIMIT_AS, &before_);
    const rlim_t max_bytes = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + more_bytes;
    const rlimit limit{max_bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_AS, &limit);
  }
  ~MemoryLimit() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

// The gates of all time steps take 300 MB.
TEST(ReferenceEngine, ThrowsBadAllocWhenOutOfMemory) {
  const SampleShape shape{64, 28, 28, 256};
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  Block parameters(16, layout.size());
  for (std::size_t r = 0; r < 16; ++r) set_row(parameters, r, layout, r);
  const auto batch =
      batch_of(random_images(shape, 2 * shape.batch), shape.batch, std::vector<int>(16, 0));
  StepResult result(16, layout.size());
  const auto engine = make_reference_engine(layout, "cpu");
  const auto limits = no_limits(parameters);
  {
    const MemoryLimit limit(rlim_t{1} << 24);
    EXPECT_THROW(engine->compute_gradients(parameters, batch, limits, result), std::bad_alloc);
    EXPECT_THROW(engine->evaluate(parameters, batch), std::bad_alloc);
    EXPECT_THROW(engine->state_gradient_norms(parameters, batch, batch.source_of_run, limits),
                 std::bad_alloc);
  }
  engine->compute_gradients(parameters, batch, limits, result);
  EXPECT_TRUE(std::isfinite(result.losses[15]));
}

TEST(ReferenceEngine, CorrectPredictionsAreCountedWithoutThePadding) {
  const SampleShape shape{7, 3, 4, 5};
  const auto layout = lstm_layout(shape.inputs, shape.hidden, 10);
  auto images = random_images(shape, 20);
  std::fill(images.labels.begin(), images.labels.end(), 2);
  const auto batch = batch_of(images, 7, {0});
  Block parameters(1, layout.size());  // zeros: the logits are the output's bias
  parameters.row(0)[layout.tensor("output.bias").offset + 2] = 1;
  const StepResult result = result_of(*make_reference_engine(layout, "cpu"), parameters, batch);
  EXPECT_EQ(result.correct_counts[0], 7);
  // -log(e / (e + 9))
  EXPECT_NEAR(result.losses[0], std::log(std::exp(1.0) + 9) - 1, 1e-6);
}

TEST(ReferenceEngine, RefusesABatchWithoutTheTarget) {
  const auto layout = layout_of({Cell::kGru, 1, 3, 5, 1, Target::kNumber, 0.04});
  auto batch = random_batch(layout.model, 5, 4, {0});
  batch.targets.clear();
  Block parameters(1, layout.size());
  EXPECT_THROW(make_reference_engine(layout, "cpu")->evaluate(parameters, batch), c10::Error);
}

// LibTorch's clipping functions as oracles on ordinary input; its norm clipping adds 1e-6.
TEST(Clipping, AgreesWithTorchOnOrdinaryGradients) {
  const auto layout = lstm_layout(28, 10, 10);
  for (const double threshold : {0.05, 0.5, 5.0}) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      const auto row = initial_weights(InitialScheme{InitialKind::kTorch}, layout, seed);
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
  const auto row = initial_weights(InitialScheme{InitialKind::kTorch}, layout, 3);
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
