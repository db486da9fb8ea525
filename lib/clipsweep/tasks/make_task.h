// The task that the settings name, with its data.
#pragma once

#include <memory>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/io/data_checksum.h"
#include "clipsweep/tasks/task.h"

namespace clipsweep {

// Reads the data, if the task has any. Throws ConfigError if a batch is larger than the training
// set, DataError on bad data.
std::unique_ptr<Task> make_task(const ExperimentConfig& config);

// Identifies the data of a task: images by their files, sequences by their values, a generated task
// by its name.
DataChecksum checksum_of_task_data(const ExperimentConfig& config);

// Both, reading the files once.
struct TaskWithData {
  std::unique_ptr<Task> task;
  DataChecksum data;
};
TaskWithData make_task_with_data(const ExperimentConfig& config);

}  // namespace clipsweep
