#include "clipsweep/tasks/make_task.h"

#include <fmt/format.h>

#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/experiment/task_table.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/tasks/image_folder.h"
#include "clipsweep/tasks/image_task.h"
#include "clipsweep/tasks/sequence_tasks.h"
#include "clipsweep/tasks/text_files.h"
#include "clipsweep/tasks/text_task.h"

namespace clipsweep {
namespace {

DataChecksum checksum_of_generator(const std::string& task) {
  return {sha256_of("generated: " + task), {}};
}

TaskWithData make_text(const ExperimentConfig& config) {
  TextFiles files = read_text_files(config.data_folder);
  SymbolText text = text_of(files.bytes, config.training.symbols, config.data_folder);
  return {make_text_task(std::move(text), config.training, config.data_folder),
          std::move(files.checksum)};
}

std::unique_ptr<Task> make_generated(const TrainingSettings& training) {
  if (!task_entry(training.task).is_text) return make_sequence_task(training);
  return make_text_task(generated_text(training.task), training, "--task " + training.task);
}

TaskWithData make_images(const ExperimentConfig& config) {
  auto [images, checksum] = read_image_folder(config.data_folder);
  if (config.training.batch_size > images.train.count)
    throw ConfigError(fmt::format(
        "{}: {} samples per step are more than the {} of the training set",
        where_given(config, "batch_size"), config.training.batch_size, images.train.count));
  return {make_image_task(std::move(images), config.training), std::move(checksum)};
}

}  // namespace

DataChecksum checksum_of_task_data(const ExperimentConfig& config) {
  const TaskEntry& task = task_entry(config.training.task);
  if (task.is_generated()) return checksum_of_generator(config.training.task);
  if (task.reads_text) return read_text_files(config.data_folder).checksum;
  return checksum_of_data(config.data_folder);
}

TaskWithData make_task_with_data(const ExperimentConfig& config) {
  const TaskEntry& task = task_entry(config.training.task);
  if (task.is_generated())
    return {make_generated(config.training), checksum_of_generator(config.training.task)};
  return task.reads_text ? make_text(config) : make_images(config);
}

std::unique_ptr<Task> make_task(const ExperimentConfig& config) {
  return make_task_with_data(config).task;
}

}  // namespace clipsweep
