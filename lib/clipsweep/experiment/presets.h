// Sweep files that ship with the program (lib/presets, embedded in it).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clipsweep {

struct Preset {
  const char* name;
  const char* text;  // TOML
};

const std::vector<Preset>& presets();
std::vector<std::string> preset_names();

// Throws ConfigError that suggests a preset and lists all.
const Preset& find_preset(std::string_view name);

}  // namespace clipsweep
