#include "clipsweep/tasks/make_task.h"

#include <fmt/format.h>

#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/experiment/task_table.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/tasks/image_data.h"
#include "clipsweep/tasks/image_task.h"
#include "clipsweep/tasks/sequence_tasks.h"

namespace clipsweep {

DataChecksum checksum_of_task_data(const ExperimentConfig& config) {
  if (task_entry(config.training.task).is_generated())
    return {sha256_of("generated: " + config.training.task), {}};
  return checksum_of_data(config.data_folder);
}

std::unique_ptr<Task> make_task(const ExperimentConfig& config) {
  if (task_entry(config.training.task).is_generated()) return make_sequence_task(config.training);
  ImageData data = load_image_data(config.data_folder);
  if (config.training.batch_size > data.train.count)
    throw ConfigError(fmt::format(
        "{}: {} samples per step are more than the {} of the training set",
        where_given(config, "batch_size"), config.training.batch_size, data.train.count));
  return make_image_task(std::move(data), config.training);
}

}  // namespace clipsweep
