// Images as sequences: row by row, or pixel by pixel in file order or a shuffled order.
#pragma once

#include <memory>

#include "clipsweep/tasks/image_data.h"
#include "clipsweep/tasks/task.h"

namespace clipsweep {

std::unique_ptr<Task> make_image_task(ImageData data, const TrainingSettings& training);

}  // namespace clipsweep
