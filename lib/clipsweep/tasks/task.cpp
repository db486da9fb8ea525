#include "clipsweep/tasks/task.h"

namespace clipsweep {

Model model_for(const TrainingSettings& training, Cell cell, const Task& task) {
  Model model = task.model();
  model.cell = cell;
  model.layers = training.layers;
  model.hidden = training.hidden;
  return model;
}

}  // namespace clipsweep
