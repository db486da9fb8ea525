// A sweep file: from TOML to the settings of an experiment.
#include "clipsweep/experiment/sweep_file.h"

#include "clipsweep/experiment/config_resolution.h"
#include "clipsweep/experiment/setting_table.h"
#include "fuzz.h"

namespace clipsweep {

void fuzz_one(std::string_view input) {
  const ExperimentConfig config = resolve_config(parse_sweep_text(input, "sweep.toml"), {});
  to_line(settings_json(config));
}

}  // namespace clipsweep
