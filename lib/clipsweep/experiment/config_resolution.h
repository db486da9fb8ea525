// From what the sweep file and the flags give to the settings of an experiment.
#pragma once

#include <string>
#include <vector>

#include "clipsweep/experiment/experiment_config.h"

namespace clipsweep {

// One value given to one setting.
struct Assignment {
  std::string name;    // as the user wrote it, without dashes
  std::string text;    // the value as text
  std::string origin;  // `flag --lr`, `sweep.toml:3`
  std::string where;   // how an error message begins: `--lr nan`, `sweep.toml:3:6: lr = nan`
};

// The settings that a file and the flags give; a flag wins over the file. Throws ConfigError that
// begins with the place of the mistake.
ExperimentConfig resolve_config(const std::vector<Assignment>& from_file,
                                const std::vector<Assignment>& from_flags);

}  // namespace clipsweep
