// `clipsweep preset`: the sweep files that ship with the program.
#include <fmt/format.h>

#include <sstream>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/presets.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/io/json.h"
#include "commands/inspection_commands.h"
#include "output.h"

namespace clipsweep {
namespace {

// The comment at the top of a preset, on one line.
std::string summary_of(const Preset& preset) {
  std::istringstream text(preset.text);
  std::string summary;
  for (std::string line; std::getline(text, line) && line.compare(0, 2, "# ") == 0;)
    summary += (summary.empty() ? "" : " ") + line.substr(2);
  return summary;
}

// Only the settings that the preset gives.
Json given_settings(const Preset& preset) {
  SettingSources sources;
  sources.preset = preset.name;
  const ExperimentConfig config = config_of(sources);
  Json settings = settings_json(config);
  for (const auto& [key, origin] : config.origins)
    if (origin == "default") settings.erase(key);
  return settings;
}

Json preset_json(const Preset& preset) {
  return {{"schema", "clipsweep/preset-1"},
          {"name", preset.name},
          {"summary", summary_of(preset)},
          {"settings", given_settings(preset)},
          {"text", preset.text}};
}

Json presets_json() {
  Json list = Json::array();
  for (const auto& preset : presets()) list.push_back(preset_json(preset));
  return list;
}

}  // namespace

int run_preset(const PresetCommand& command) {
  if (command.json) {
    const Json json =
        command.name.empty() ? presets_json() : preset_json(find_preset(command.name));
    print_json(json);
    return kSuccess;
  }
  if (!command.name.empty()) {
    print("{}", find_preset(command.name).text);
    return kSuccess;
  }
  for (const auto& preset : presets())
    print("{}\n{}", preset.name, wrapped(summary_of(preset), 80, 2));
  return kSuccess;
}

}  // namespace clipsweep
