// Combines the values of the sweep file and of the flags into the settings of an experiment.
#pragma once

#include <string>
#include <vector>

#include "clipsweep/experiment/experiment_config.h"

namespace clipsweep {

// A value that the user gave to a setting.
struct Assignment {
  std::string name;    // as the user wrote it, without dashes
  std::string text;    // the value as text
  std::string origin;  // `flag --lr`, `sweep.toml:3`
  std::string where;   // the start of an error message: `--lr nan`, `sweep.toml:3:6: lr = nan`
};

// Flags override the file. Throws ConfigError that begins with the place of the mistake.
ExperimentConfig resolve_config(const std::vector<Assignment>& from_file,
                                const std::vector<Assignment>& from_flags);

// The settings that all runs share, as `settings` of a run.json or a sweep.json names them; what is
// missing has its default. Throws DataError that names the key.
ExperimentConfig config_from_settings(const Json& settings);

}  // namespace clipsweep
