#include "clipsweep/task.h"

namespace clipsweep {

Model model_for(const TrainingSettings& training, const Task& task) {
  Model model = task.model();
  model.hidden = training.hidden;
  return model;
}

}  // namespace clipsweep
