#include "clipsweep/tasks/make_task.h"

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/data/sequence_files.h"
#include "clipsweep/data/text_files.h"
#include "clipsweep/experiment/axes.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/experiment/task_table.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/tasks/image_folder.h"
#include "clipsweep/tasks/image_task.h"
#include "clipsweep/tasks/sequence_data_task.h"
#include "clipsweep/tasks/sequence_tasks.h"
#include "clipsweep/tasks/text_task.h"

namespace clipsweep {
namespace {

DataChecksum checksum_of_generator(const std::string& task) {
  DataChecksum checksum{sha256_of("generated: " + task), {}};
  if (task_entry(task).is_text()) checksum.entropy_rate = entropy_rate_of(task);
  return checksum;
}

SequenceData read_sequences_of(const ExperimentConfig& config) {
  return read_sequences(config.data_folder,
                        config.training.allow_nonfinite ? Nonfinite::kAllow : Nonfinite::kRefuse);
}

// The data are identified as they are in the files, before they are split and scaled: settings say
// how that is done.
DataChecksum checksum_of_sequences(const SequenceData& data) {
  DataChecksum checksum{sha256_of_values(data), {}};
  if (!has_own_labels(data)) return checksum;
  checksum.classes = Json::array();
  for (const auto& name : data.class_names)
    checksum.classes.push_back(data.labels_are_numbers ? Json(std::stoll(name)) : Json(name));
  return checksum;
}

void check_batch_size(const ExperimentConfig& config, std::size_t training_samples) {
  if (static_cast<std::size_t>(config.training.batch_size) > training_samples)
    throw ConfigError(fmt::format(
        "{}: {} samples per step are more than the {} of the training set",
        where_given(config, "batch_size"), config.training.batch_size, training_samples));
}

// Holds out a test and a validation set if the settings say so. It is a mistake to have two test
// sets, or none.
void split(const ExperimentConfig& config, SequenceData& data) {
  const auto& share = config.training.test_share;
  if (share && !data.test.empty())
    throw ConfigError(fmt::format("{}: {} has a test set of its own; remove --test-share",
                                  where_given(config, "test_share"), data.where));
  if (!share && data.test.empty())
    throw ConfigError(
        fmt::format("{}: has no test set; add one (x_test and y_test, NAME_TEST.ts) "
                    "or hold out a share with --test-share 0.2",
                    data.where));
  if (share) split_off_test_set(data, *share, config.training.split_seed);
  if (const auto& validation = config.training.validation_share)
    split_off_validation_set(data, *validation, config.training.split_seed);
}

TaskWithData make_sequences(const ExperimentConfig& config) {
  SequenceData data = read_sequences_of(config);
  DataChecksum checksum = checksum_of_sequences(data);
  split(config, data);
  check_batch_size(config, data.train.count);
  scale_inputs(data, config.training.scale);
  return {make_sequence_data_task(std::move(data), config.training), std::move(checksum)};
}

TaskWithData make_text(const ExperimentConfig& config) {
  TextFiles files = read_text_files(config.data_folder);
  SymbolText text = text_of(files.bytes, config.training.symbols, config.data_folder);
  if (const auto& share = config.training.validation_share)
    split_off_validation_part(text, *share, config.data_folder);
  return {make_text_task(std::move(text), config.training, config.data_folder),
          std::move(files.checksum)};
}

std::unique_ptr<Task> make_generated(const TrainingSettings& training) {
  if (!task_entry(training.task).is_text()) return make_sequence_task(training);
  return make_text_task(generated_text(training.task), training, "--task " + training.task);
}

TaskWithData make_images(const ExperimentConfig& config) {
  auto [images, checksum] = read_image_folder(config.data_folder);
  if (const auto& share = config.training.validation_share)
    split_off_validation_set(images, *share, config.training.split_seed, config.data_folder);
  check_batch_size(config, static_cast<std::size_t>(images.train.count));
  return {make_image_task(std::move(images), config.training), std::move(checksum)};
}

// The settings that decide a task's samples, as text: all but those of the model and its updates.
std::string samples_key(ExperimentConfig config) {
  const TrainingSettings defaults;
  config.training.layers = defaults.layers;
  config.training.hidden = defaults.hidden;
  config.training.forget_bias = defaults.forget_bias;
  config.training.optimizer = defaults.optimizer;
  config.training.on_nonfinite = defaults.on_nonfinite;
  return settings_json(config, SettingGroup::kTraining).dump();
}

}  // namespace

DataChecksum checksum_of_task_data(const ExperimentConfig& config) {
  switch (task_entry(config.training.task).samples) {
    case Samples::kImages:
      return checksum_of_data(config.data_folder);
    case Samples::kSequences:
      return checksum_of_sequences(read_sequences_of(config));
    case Samples::kText:
      return read_text_files(config.data_folder).checksum;
    case Samples::kGenerated:
    case Samples::kGeneratedText:
      return checksum_of_generator(config.training.task);
  }
  throw std::logic_error("checksum_of_task_data: no such samples");
}

TaskWithData make_task_with_data(const ExperimentConfig& config) {
  switch (task_entry(config.training.task).samples) {
    case Samples::kImages:
      return make_images(config);
    case Samples::kSequences:
      return make_sequences(config);
    case Samples::kText:
      return make_text(config);
    case Samples::kGenerated:
    case Samples::kGeneratedText:
      return {make_generated(config.training), checksum_of_generator(config.training.task)};
  }
  throw std::logic_error("make_task_with_data: no such samples");
}

std::unique_ptr<Task> make_task(const ExperimentConfig& config) {
  return make_task_with_data(config).task;
}

DataChecksums checksums_of_data(const ExperimentConfig& config) {
  DataChecksums data;
  ExperimentConfig combined = config;
  for (const auto& [training, varied] : training_combinations(config)) {
    if (data.count(training.task) > 0) continue;
    combined.training = training;
    data.emplace(training.task, checksum_of_task_data(combined));
  }
  return data;
}

DataHashes hashes_of(const DataChecksums& data) {
  DataHashes hashes;
  for (const auto& [task, checksum] : data) hashes[task] = checksum.sha256;
  return hashes;
}

SweepTasks::SweepTasks(const ExperimentConfig& config) {
  std::map<std::string, std::shared_ptr<const Task>> by_samples;
  ExperimentConfig combined = config;
  combined.axes.clear();
  for (const auto& [training, varied] : training_combinations(config)) {
    combined.training = training;
    auto& task = by_samples[samples_key(combined)];
    if (!task) {
      try {
        TaskWithData made = make_task_with_data(combined);
        task = std::move(made.task);
        data_.emplace(training.task, std::move(made.data));
      } catch (const ConfigError& error) {
        if (varied.values().empty()) throw;
        throw ConfigError(fmt::format("{} (in the combination {})", error.what(), varied.text()));
      }
    }
    by_setup_[varied.slug()] = task;
  }
}

SetupTasks SweepTasks::tasks() const {
  std::map<std::string, const Task*> tasks;
  for (const auto& [setup, task] : by_setup_) tasks[setup] = task.get();
  return SetupTasks(std::move(tasks));
}

}  // namespace clipsweep
