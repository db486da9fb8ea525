// `clipsweep report`: checks the folder, then becomes plot.py, which draws.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/records/result_folder.h"
#include "commands/inspection_commands.h"
#include "sibling_process.h"
#include "version.h"

namespace clipsweep {
namespace {

// Of an installed program, or of one in build/PRESET of a checkout.
fs::path plot_script() {
  const fs::path own = program_folder();
  const fs::path installed = (own / kScriptsFromProgram / "plot.py").lexically_normal();
  const fs::path in_checkout = (own / "../../scripts/plot.py").lexically_normal();
  std::error_code error;
  for (const auto& script : {installed, in_checkout})
    if (fs::exists(script, error)) return script;
  throw ConfigError(
      fmt::format("report: no plot.py at {} or {}; install clipsweep with cmake --install, or run "
                  "scripts/plot.py of a checkout",
                  installed.string(), in_checkout.string()));
}

// Without -B, Python would write its cache into an installed folder.
std::vector<std::string> plot_command(const ReportCommand& command) {
  std::vector<std::string> words = {"python3", "-B", plot_script().string()};
  for (const auto& figure : command.figures) words.push_back("--figure=" + figure);
  if (!command.width.empty()) words.push_back("--width=" + command.width);
  if (!command.format.empty()) words.push_back("--format=" + command.format);
  if (command.no_title) words.emplace_back("--no-title");
  if (command.list_figures) words.emplace_back("--list-figures");
  if (!command.folder.empty()) words.insert(words.end(), {"--", command.folder});
  return words;
}

}  // namespace

int run_report(const ReportCommand& command) {
  if (!command.folder.empty()) open_sweep_folder(command.folder);
  std::vector<std::string> words = plot_command(command);
  // The name that plot.py gives itself in its messages.
  ::setenv("CLIPSWEEP_PROGRAM", "clipsweep report", 1);
  ::execvp(words[0].c_str(), pointers_to(words).data());
  if (errno == ENOENT)
    throw ConfigError("report: no python3 on the path; install Python 3.11 or newer");
  throw std::runtime_error(fmt::format("python3: {}", std::strerror(errno)));
}

}  // namespace clipsweep
