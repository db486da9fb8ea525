// A sweep file in TOML as assignments with line numbers. What the keys mean and which values are
// allowed stands in setting_table.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/experiment/config_resolution.h"

namespace clipsweep {

// Throws ConfigError that names file, line and column on anything that is not a flat table of
// strings, numbers, true, false and lists of them.
std::vector<Assignment> read_sweep_file(const std::string& path);

// The same for a text that is called so.
std::vector<Assignment> parse_sweep_text(std::string_view text, const std::string& name);

}  // namespace clipsweep
