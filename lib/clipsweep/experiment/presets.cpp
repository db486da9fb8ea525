#include "clipsweep/experiment/presets.h"

#include "clipsweep/base/text.h"

namespace clipsweep {

const Preset& find_preset(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& preset : presets()) {
    if (preset.name == name) return preset;
    names.emplace_back(preset.name);
  }
  throw_unknown("preset", name, names);
}

}  // namespace clipsweep
