// The fused engine with idle threads that help: the same bits as without them.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "clipsweep/base/parallel.h"
#include "clipsweep/base/random.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "support/work_with_help.h"

namespace clipsweep {
namespace {

constexpr float kNoLimit = std::numeric_limits<float>::infinity();

Block random_parameters(const ParameterLayout& layout, std::size_t runs) {
  RandomStream random(0, "parameters");
  Block parameters(runs, layout.size());
  for (std::size_t r = 0; r < runs; ++r)
    for (float& value : parameters.row(r)) value = static_cast<float>(0.2 * random.uniform() - 0.1);
  return parameters;
}

// One source for all runs.
Batch random_batch(const ParameterLayout& layout, std::size_t runs, int size, int time_steps) {
  RandomStream random(0, "batch");
  Batch batch = make_batch(layout.model, 1, size, std::vector<int>(runs));
  set_time_steps(batch, time_steps);
  for (float& value : batch.inputs) value = static_cast<float>(random.uniform());
  for (auto& label : batch.labels)
    label =
        static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(layout.model.outputs)));
  pad_lanes(batch, 0);
  return batch;
}

// Everything that an engine computes.
struct Computed {
  Computed(GradientEngine& engine, const Block& parameters, const Batch& batch,
           const EngineContext& context = {})
      : step(parameters.rows(), parameters.columns()) {
    const std::vector<float> limits(parameters.rows(), kNoLimit);
    engine.compute_gradients(parameters, batch, limits, step, context);
    evaluation = engine.evaluate(parameters, batch, context);
    norms = engine.state_gradient_norms(parameters, batch, batch.source_of_run, limits, context);
  }

  StepResult step;
  EvaluationResult evaluation;
  std::vector<std::vector<float>> norms;
};

void expect_equal(const Computed& a, const Computed& b) {
  EXPECT_EQ(a.step.losses, b.step.losses);
  EXPECT_EQ(a.step.correct_counts, b.step.correct_counts);
  EXPECT_EQ(a.step.omegas, b.step.omegas);
  const Block& gradients = a.step.gradients;
  EXPECT_EQ(std::memcmp(gradients.data(), b.step.gradients.data(),
                        gradients.rows() * gradients.columns() * sizeof(float)),
            0);
  EXPECT_EQ(a.evaluation.loss_sums, b.evaluation.loss_sums);
  EXPECT_EQ(a.evaluation.correct_counts, b.evaluation.correct_counts);
  EXPECT_EQ(a.norms, b.norms);
}

// Computes each shape without help, then repeatedly while another thread helps.
struct Shape {
  Cell cell;
  int hidden;
  std::size_t runs;
  int batch_size;
  int time_steps;
  double omega = 0;
};

// Computes each shape alone, then `repetitions` times while another thread helps.
void expect_same_with_help(const std::vector<Shape>& shapes, int repetitions) {
  work_with_help([&](WorkSharing& sharing) {
    EngineContext context;
    context.sharing = &sharing;
    for (const Shape& shape : shapes) {
      Model model{shape.cell, 1, 6, shape.hidden, 10};
      model.omega = shape.omega;
      const auto layout = layout_of(model);
      const Block parameters = random_parameters(layout, shape.runs);
      const Batch batch = random_batch(layout, shape.runs, shape.batch_size, shape.time_steps);
      const Computed alone(*make_fused_engine(layout), parameters, batch);
      const auto engine = make_fused_engine(layout);
      for (int i = 0; i < repetitions; ++i)
        expect_equal(Computed(*engine, parameters, batch, context), alone);
    }
  });
}

TEST(HelpedEngine, ComputesTheSameForManyRuns) {
  expect_same_with_help({{Cell::kLstm, 9, 16, 20, 30}, {Cell::kRnnTanh, 9, 16, 20, 30}}, 20);
}

// With more groups of blocks than a batch has parts.
TEST(HelpedEngine, ComputesTheSameForASplitBatch) {
  expect_same_with_help({{Cell::kLstm, 32, 2, 400, 15}, {Cell::kRnnRelu, 64, 2, 400, 15}}, 3);
}

TEST(HelpedEngine, ComputesTheSameWithOmega) {
  expect_same_with_help({{Cell::kRnnTanh, 9, 16, 20, 30, 2}, {Cell::kRnnRelu, 64, 2, 400, 20, 2}},
                        5);
}

TEST(HelpedEngine, ComputesTheSameAfterAnotherCellWithShorterSequences) {
  expect_same_with_help(
      {{Cell::kLstm, 50, 8, 40, 5}, {Cell::kRnnTanh, 50, 8, 40, 30}, {Cell::kLstm, 50, 8, 40, 10}},
      5);
}

TEST(HelpedEngine, ComputesTheSameNextToAnotherEngineOfItsThread) {
  const auto lstm = layout_of({Cell::kLstm, 1, 6, 50, 10});
  const auto plain = layout_of({Cell::kRnnTanh, 1, 6, 50, 10});
  const Block parameters = random_parameters(plain, 1);
  const Batch batch = random_batch(plain, 1, 40, 60);
  const Computed alone(*make_fused_engine(plain), parameters, batch);
  const auto other = make_fused_engine(lstm);
  const Computed other_result(*other, random_parameters(lstm, 1), random_batch(lstm, 1, 40, 5));
  expect_equal(Computed(*make_fused_engine(plain), parameters, batch), alone);
}

}  // namespace
}  // namespace clipsweep
