// `clipsweep-train measure`: the speed on this machine as one line of JSON. `clipsweep plan` calls
// it, since it does not load LibTorch itself.
#include <fmt/format.h>

#include "clipsweep/error.h"
#include "clipsweep/image_data.h"
#include "clipsweep/speed_estimate.h"
#include "engine_choice.h"
#include "machine.h"
#include "training_commands.h"

namespace clipsweep {

int run_measure(const CommandLine& line) {
  const ExperimentConfig config = config_of(line);
  const SweepPlan plan = make_plan(config, checksum_of_data(config.data_folder).sha256);
  const ImageData data = load_image_data(config.data_folder);
  const auto measurement = measure_speed(plan, data, worker_count(config), engine_factory(config));
  fmt::print("{}\n", to_line(to_json(measurement)));
  return kSuccess;
}

}  // namespace clipsweep
