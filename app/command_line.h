// The command line as plain data: one struct per command. CLI11 splits the arguments; the table of
// settings reads the values, so that a flag and a key of the sweep file are checked by the same
// code.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "clipsweep/experiment/config_resolution.h"
#include "command_shape.h"

namespace clipsweep {

// Where the settings of a sweep come from.
struct SettingSources {
  std::string sweep_file;
  std::string preset;  // a name; in place of a sweep file
  std::vector<Assignment> flags;
};

// ---- Commands that train
// -------------------------------------------------------------------------

struct SweepCommand {
  SettingSources settings;
  std::string out;
  bool quiet = false;
  bool verbose = false;
};

struct TraceCommand {
  SettingSources settings;
  std::string run;  // as find_run accepts it; empty: seed 0 of a plan with one arm
  std::uint64_t steps = 10;
};

struct CliffCommand {
  std::string folder;
  std::string run;         // as find_run accepts it
  std::uint64_t step = 0;  // 0: that of the largest spike
  std::uint64_t points = 41;
  std::string span;  // a number; empty: the default
  std::string data;  // empty: as in sweep.json
};

struct BenchCommand {
  SettingSources settings;  // only --data
  bool quick = false;
  bool json = false;
};

// ---- Read-only commands
// --------------------------------------------------------------------------

struct PlanCommand {
  SettingSources settings;
  std::string out;  // empty: no folder is looked at
  bool verbose = false;
  bool json = false;
};

// Internal: measures the speed that `plan` estimates with, if that requires LibTorch.
struct MeasureCommand {
  PlanCommand plan;
};

struct ShowCommand {
  std::string folder;
  std::string run;  // as find_run accepts it; empty: all runs
  bool events = false;
  bool json = false;
};

struct SummarizeCommand {
  std::string folder;
  bool json = false;
};

struct MergeCommand {
  std::vector<std::string> folders;
  std::string out;
  bool quiet = false;
};

struct ReportCommand {
  std::string folder;                // empty: only list the figures
  std::vector<std::string> figures;  // names; empty: all, and the report
  std::string width;                 // empty: each figure's own
  std::string format;                // empty: SVG and PNG
  bool no_title = false;
  bool list_figures = false;
};

struct ValidateCommand {
  std::string folder;
  bool json = false;
};

struct ClipCommand {
  std::string file;  // empty or `-`: standard input
};

struct AdviseCommand {
  std::string file;        // empty or `-`: standard input
  std::string column;      // empty: found by its name
  std::string thresholds;  // a LIST; empty: chosen by the log
  bool json = false;
};

struct PresetCommand {
  std::string name;  // empty: list all presets
  bool json = false;
};

struct SchemaCommand {
  std::string kind;  // empty: list all kinds
};

struct HelpCommand {
  std::string about;  // a command; empty: all of them
};

struct VersionCommand {};

// Internal: what the shell offers for the last of these words, the program's name left out.
struct CompleteCommand {
  std::vector<std::string> words;
};

using Command =
    std::variant<HelpCommand, VersionCommand, CompleteCommand, SweepCommand, TraceCommand,
                 CliffCommand, BenchCommand, MeasureCommand, PlanCommand, ShowCommand,
                 SummarizeCommand, MergeCommand, ReportCommand, ValidateCommand, ClipCommand,
                 AdviseCommand, PresetCommand, SchemaCommand>;

struct CommandLine {
  std::vector<std::string> arguments;  // as given, without the program's name
  Command command;
};

// Takes the arguments of `main`. Throws ConfigError, one line, on anything that is not allowed.
CommandLine parse_command_line(int argc, const char* const* argv);

// In the order of the help; without the internal ones.
std::vector<std::string> command_names();

// What a command accepts. Throws ConfigError, one line, if there is no such command.
CommandShape command_shape(const std::string& command);

// Reads the preset or sweep file, if one is named, and applies the flags over it.
ExperimentConfig config_of(const SettingSources& settings);

}  // namespace clipsweep
