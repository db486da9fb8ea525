// `clipsweep preset`: the sweep files that ship with the program.
#include <fmt/format.h>

#include <sstream>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/presets.h"
#include "commands/inspection_commands.h"

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

}  // namespace

int run_preset(const PresetCommand& command) {
  if (!command.name.empty()) {
    fmt::print("{}", find_preset(command.name).text);
    return kSuccess;
  }
  for (const auto& preset : presets())
    fmt::print("{}\n{}", preset.name, wrapped(summary_of(preset), 80, 2));
  return kSuccess;
}

}  // namespace clipsweep
