// The runs whose states are the corpus of `checkpoint`: small, and together they have everything
// that a state can hold.
#pragma once

#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {

// Two runs of an LSTM, which remember norms (autoclip, adagc), and one of a plain cell; the second
// overflows early and continues.
inline SweepPlan tiny_plan() {
  ExperimentConfig config;
  config.training.task = "adding";
  config.training.length = LengthRange{5, 5};
  config.training.hidden = 1;
  config.training.batch_size = 4;
  config.training.epochs = 3;
  config.training.steps_per_epoch = 12;
  config.training.optimizer.optimizer = Optimizer::kAdam;
  config.training.on_nonfinite = NonfinitePolicy::kContinue;
  config.cells = {{Cell::kLstm}, {Cell::kRnnTanh}};
  config.clips = {{ClipMode::kAutoclip, 10}, {ClipMode::kAdagc, 1.05}};
  config.learning_rates = {0.1, 1e38};
  config.seeds = {0};
  SweepPlan plan = make_plan(config, "");
  const std::vector<RunSpec> all = plan.runs;  // by cells, then clips, then learning rates
  plan.runs = {all.at(0), all.at(3), all.at(4)};
  return plan;
}

// The layout of the model that `model_for` makes for this task.
inline ParameterLayout tiny_layout(Cell cell) {
  Model model;
  model.cell = cell;
  model.inputs = 2;
  model.hidden = 1;
  model.outputs = 1;
  model.target = Target::kNumber;
  return layout_of(model);
}

}  // namespace clipsweep
