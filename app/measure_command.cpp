// `clipsweep-train measure`: the speed of the reference engine on this machine as one line of JSON.
// `clipsweep plan` calls it, since it does not load LibTorch itself.
#include <fmt/format.h>

#include "clipsweep/error.h"
#include "clipsweep/make_task.h"
#include "clipsweep/speed_estimate.h"
#include "machine.h"
#include "reference_training.h"

namespace clipsweep {

int run_measure(const ExperimentConfig& config, const TrainingEngine& engine) {
  const SweepPlan plan = make_plan(config, checksum_of_task_data(config).sha256);
  const auto task = make_task(config);
  const auto measurement = measure_speed(plan, *task, worker_count(config), engine.make,
                                         cohort_sizes_for(engine.choice.name));
  fmt::print("{}\n", to_line(to_json(measurement)));
  return kSuccess;
}

}  // namespace clipsweep
