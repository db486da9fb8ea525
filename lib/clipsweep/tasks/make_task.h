// The task that the settings name, with its data.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/experiment/sweep_plan.h"
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

// What identifies the data of each task of a sweep, by the task's name.
using DataChecksums = std::map<std::string, DataChecksum>;
DataChecksums checksums_of_data(const ExperimentConfig& config);
// Their hashes, as make_plan needs them.
DataHashes hashes_of(const DataChecksums& data);

// The tasks of all setups. Setups whose samples are the same share one.
class SweepTasks {
 public:
  // Reads the data. Throws as make_task does, with the combination of settings that is not valid.
  explicit SweepTasks(const ExperimentConfig& config);

  const std::map<std::string, std::shared_ptr<const Task>>& by_setup() const { return by_setup_; }
  SetupTasks tasks() const;
  const DataChecksums& data() const { return data_; }

 private:
  std::map<std::string, std::shared_ptr<const Task>> by_setup_;  // by VariedSettings::slug
  DataChecksums data_;
};

}  // namespace clipsweep
