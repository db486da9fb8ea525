#include "clipsweep/tasks/task.h"

#include <stdexcept>

namespace clipsweep {

const Batch& Task::validation_batch(std::size_t, Batch&) const {
  throw std::logic_error("Task::validation_batch: the task has no validation set");
}

EvaluationSet test_set_of(const Task& task) {
  return {task.test_batches(), task.test_samples(),
          [&task](std::size_t number, Batch& scratch) -> const Batch& {
            return task.test_batch(number, scratch);
          }};
}

EvaluationSet validation_set_of(const Task& task) {
  return {task.validation_batches(), task.validation_samples(),
          [&task](std::size_t number, Batch& scratch) -> const Batch& {
            return task.validation_batch(number, scratch);
          }};
}

Model model_for(const TrainingSettings& training, Cell cell, const Task& task) {
  Model model = task.model();
  model.cell = cell;
  model.layers = training.layers;
  model.hidden = training.hidden;
  model.omega = training.omega;
  return model;
}

}  // namespace clipsweep
