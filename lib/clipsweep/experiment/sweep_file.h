// Reads a sweep file in TOML as assignments with line numbers. setting_table.h defines the keys and
// the values that are allowed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/experiment/config_resolution.h"

namespace clipsweep {

// Throws ConfigError with file, line and column if the text is not a flat table of strings,
// numbers, true, false and lists of these.
std::vector<Assignment> read_sweep_file(const std::string& path);

// The same for a text; `name` stands for the file in messages.
std::vector<Assignment> parse_sweep_text(std::string_view text, const std::string& name);

}  // namespace clipsweep
