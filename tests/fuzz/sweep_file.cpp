// A sweep file: from TOML to the settings of an experiment.
#include "clipsweep/experiment/sweep_file.h"

#include "clipsweep/experiment/config_resolution.h"
#include "clipsweep/experiment/setting_table.h"
#include "fuzz.h"
#include "targets.h"

namespace clipsweep {
namespace {

std::size_t values_in_lists(const ExperimentConfig& config) {
  return config.thresholds.size() + config.output_thresholds.size() + config.clips.size() +
         config.learning_rates.size() + config.weight_decays.size() +
         config.decoupled_weight_decays.size() + config.l1_penalties.size() + config.seeds.size();
}

}  // namespace

void fuzz_sweep_file(std::string_view input) {
  const ExperimentConfig config = resolve_config(parse_sweep_text(input, "sweep.toml"), {});
  // `logspace(1e-3,1,1000000)` is allowed. Here, with instrumentation, writing a million values
  // takes 13 seconds, in the program less than one.
  if (values_in_lists(config) <= 10'000) to_line(settings_json(config));
}

}  // namespace clipsweep
