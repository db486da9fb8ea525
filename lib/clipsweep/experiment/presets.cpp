#include "clipsweep/experiment/presets.h"

#include <fmt/format.h>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {

const Preset& find_preset(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& preset : presets()) {
    if (preset.name == name) return preset;
    names.emplace_back(preset.name);
  }
  throw ConfigError(fmt::format("no preset \"{}\"{}; there are {}", printable(name),
                                did_you_mean(name, names), join(names)));
}

}  // namespace clipsweep
