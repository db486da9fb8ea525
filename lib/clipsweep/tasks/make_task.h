// The task that the settings name, with its data.
#pragma once

#include <memory>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/tasks/image_data.h"
#include "clipsweep/tasks/task.h"

namespace clipsweep {

// Reads the data where the task has some. Throws ConfigError where a step takes more samples than
// there are, DataError on bad data.
std::unique_ptr<Task> make_task(const ExperimentConfig& config);

// What identifies the data of a task: its files, or for a generated one its name alone.
DataChecksum checksum_of_task_data(const ExperimentConfig& config);

}  // namespace clipsweep
