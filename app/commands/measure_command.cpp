// `clipsweep-train measure`: the speed of the engines on this machine as one line of JSON.
// `clipsweep plan` calls it if an engine needs LibTorch, which plan does not load itself.
#include <fmt/format.h>

#include "clipsweep/base/error.h"
#include "clipsweep/tasks/make_task.h"
#include "clipsweep/training/speed_estimate.h"
#include "machine.h"
#include "output.h"
#include "reference_training.h"

namespace clipsweep {

int run_measure(const MeasureCommand& command, const MakeEngines& make_engines) {
  const ExperimentConfig config = config_of(command.plan.settings);
  const TrainingEngines engines = make_engines(config);
  const SweepTasks tasks(config);
  const SweepPlan plan = make_plan(config, hashes_of(tasks.data()));
  const auto measurements = measure_speed(plan, tasks.tasks(), worker_count(config), engines.make,
                                          cohort_sizes_for(engines.choices));
  print_json_line(to_json(measurements));
  return kSuccess;
}

}  // namespace clipsweep
