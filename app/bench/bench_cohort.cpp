#include "bench/bench_cohort.h"

#include "clipsweep/base/random.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/engine/reference/reference_engine.h"
#include "clipsweep/tasks/image_task.h"
#include "clipsweep/tasks/make_task.h"
#include "clipsweep/training/speed_estimate.h"

namespace clipsweep {
namespace {

constexpr int kStepsOfCopy = 20;  // besides the pause, which is `length`

ExperimentConfig config_of(const BenchShape& shape) {
  ExperimentConfig config;
  config.training.layers = shape.layers;
  config.training.hidden = shape.hidden;
  config.training.batch_size = shape.batch_size;
  config.cells = {{shape.cell}};
  config.seeds = {0};
  if (shape.class_each_step) {
    config.training.task = "copy";
    const int length = shape.time_steps - kStepsOfCopy;
    config.training.length = LengthRange{length, length};
  }
  return config;
}

// Runs of one seed, half of them clipped.
SweepPlan plan_of(std::size_t runs, const BenchShape& shape) {
  ExperimentConfig config = config_of(shape);
  config.clips = {{ClipMode::kNone}, {ClipMode::kValue, 0.5}};
  SweepPlan plan = make_plan(config, "");
  while (plan.runs.size() < runs) plan.runs.push_back(plan.runs[plan.runs.size() - 2]);
  plan.runs.resize(runs);
  perturb_learning_rates(plan.runs);
  return plan;
}

std::unique_ptr<GradientEngine> make_engine(Contender contender, const ParameterLayout& layout) {
  return contender == Contender::kFused ? make_fused_engine(layout)
                                        : make_reference_engine(layout, "cpu");
}

ImageData random_images(const BenchShape& shape) {
  ImageData images;
  images.train.count = 256;
  images.train.rows = shape.time_steps;
  images.train.columns = shape.inputs;
  RandomStream random(0, "bench");
  images.train.pixels.resize(
      static_cast<std::size_t>(images.train.count * shape.time_steps * shape.inputs));
  for (auto& pixel : images.train.pixels) pixel = static_cast<std::uint8_t>(random.below(256));
  const auto classes = static_cast<std::uint64_t>(shape.outputs);
  for (int i = 0; i < images.train.count; ++i)
    images.train.labels.push_back(static_cast<std::uint8_t>(random.below(classes)));
  return images;
}

}  // namespace

std::unique_ptr<Task> bench_task(const BenchShape& shape) {
  const ExperimentConfig config = config_of(shape);
  return shape.class_each_step ? make_task(config)
                               : make_image_task(random_images(shape), config.training);
}

ParameterLayout bench_layout(const BenchShape& shape, const Task& task) {
  return layout_of(model_for(config_of(shape).training, shape.cell, task));
}

BenchCohort::BenchCohort(const Task& task, const BenchShape& shape, std::size_t runs,
                         Contender contender)
    : plan_(plan_of(runs, shape)),
      training_plan_(training_plan(plan_)),
      layout_(bench_layout(shape, task)),
      engine_(make_engine(contender, layout_)),
      trainer_(
          {training_plan_, layout_, task, kNotCancelled, run_steps_},
          from_the_beginning(pointers_to(plan_.runs)), *engine_,
          [](const RunSpec&) -> RunSinks { return {[](const StepRecord&) {}}; },
          [](const RunRecord&) {}) {
  step();
}

}  // namespace clipsweep
