// `clipsweep-train measure`: the speed of the engines on this machine as one line of JSON.
// `clipsweep plan` calls it where it takes LibTorch, which it does not load itself.
#include <fmt/format.h>

#include "clipsweep/base/error.h"
#include "clipsweep/tasks/make_task.h"
#include "clipsweep/training/speed_estimate.h"
#include "machine.h"
#include "reference_training.h"

namespace clipsweep {

int run_measure(const ExperimentConfig& config, const TrainingEngines& engines) {
  const SweepPlan plan = make_plan(config, checksum_of_task_data(config).sha256);
  const auto task = make_task(config);
  const auto measurements = measure_speed(plan, *task, worker_count(config), engines.make,
                                          cohort_sizes_for(engines.choices));
  fmt::print("{}\n", to_line(to_json(measurements)));
  return kSuccess;
}

}  // namespace clipsweep
