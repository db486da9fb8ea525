#include "clipsweep/tasks/make_task.h"

#include <fmt/format.h>

#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/experiment/task_table.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/tasks/image_data.h"
#include "clipsweep/tasks/image_task.h"
#include "clipsweep/tasks/sequence_tasks.h"
#include "clipsweep/tasks/text_files.h"
#include "clipsweep/tasks/text_task.h"

namespace clipsweep {
namespace {

std::unique_ptr<Task> make_text_task_of(const ExperimentConfig& config) {
  const TrainingSettings& training = config.training;
  if (!task_entry(training.task).reads_text)
    return make_text_task(generated_text(training.task), training, "--task " + training.task);
  const TextFiles text = read_text_files(config.data_folder);
  return make_text_task(text_of(text.bytes, training.symbols, config.data_folder), training,
                        config.data_folder);
}

}  // namespace

DataChecksum checksum_of_task_data(const ExperimentConfig& config) {
  if (task_entry(config.training.task).is_generated())
    return {sha256_of("generated: " + config.training.task), {}};
  if (task_entry(config.training.task).reads_text)
    return read_text_files(config.data_folder).checksum;
  return checksum_of_data(config.data_folder);
}

std::unique_ptr<Task> make_task(const ExperimentConfig& config) {
  if (task_entry(config.training.task).is_text) return make_text_task_of(config);
  if (task_entry(config.training.task).is_generated()) return make_sequence_task(config.training);
  ImageData data = load_image_data(config.data_folder);
  if (config.training.batch_size > data.train.count)
    throw ConfigError(fmt::format(
        "{}: {} samples per step are more than the {} of the training set",
        where_given(config, "batch_size"), config.training.batch_size, data.train.count));
  return make_image_task(std::move(data), config.training);
}

}  // namespace clipsweep
