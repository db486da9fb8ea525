// The command line: what the user asks for, as plain data. CLI11 splits it; values are read by the
// table of settings, so that a flag and a key of the sweep file are checked by the same code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/experiment/config_resolution.h"

namespace clipsweep {

enum class Command {
  kHelp,
  kVersion,
  kSweep,
  kPlan,
  kShow,
  kSummarize,
  kValidate,
  kClip,
  kPreset,
  kTrace,
  kBench,
  kMeasure,  // internal: the speed that `plan` estimates with
};

struct CommandLine {
  Command command = Command::kHelp;
  std::string help;  // the text to print, for kHelp

  // sweep, plan, trace
  std::string sweep_file;
  std::string preset;  // its name; of `preset` too
  std::vector<Assignment> flags;
  std::string out;

  // show, summarize, validate
  std::string folder;

  std::string file;  // clip

  std::string run;  // show, trace
  std::uint64_t steps = 10;
  bool events = false;
  bool json = false;
  bool quick = false;  // bench
  bool quiet = false;
  bool verbose = false;
};

// Throws ConfigError, one line, on anything that is not allowed.
CommandLine parse_command_line(int argc, const char* const* argv);

// The settings of the sweep file, if one is named, and the flags.
ExperimentConfig config_of(const CommandLine& line);

}  // namespace clipsweep
