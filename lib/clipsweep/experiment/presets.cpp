#include "clipsweep/experiment/presets.h"

#include "clipsweep/base/text.h"

namespace clipsweep {

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& preset : presets()) names.emplace_back(preset.name);
  return names;
}

const Preset& find_preset(std::string_view name) {
  for (const auto& preset : presets())
    if (preset.name == name) return preset;
  throw_unknown("preset", name, preset_names());
}

}  // namespace clipsweep
