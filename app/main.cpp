// clipsweep: parses and dispatches. It loads no LibTorch; commands that train become
// clipsweep-train.
#include <fmt/format.h>

#include "clipsweep/error.h"
#include "command_line.h"
#include "looking_commands.h"
#include "plan_command.h"
#include "program.h"
#include "training_process.h"
#include "version.h"

namespace clipsweep {
namespace {

int dispatch(int argc, char** argv) {
  const CommandLine line = parse_command_line(argc, argv);
  switch (line.command) {
    case Command::kHelp:
      fmt::print("{}", line.help);
      return kSuccess;
    case Command::kVersion:
      fmt::print("clipsweep {} ({})\n", kVersion, kGitRevision);
      return kSuccess;
    case Command::kPlan:
      return run_plan(line, argc, argv);
    case Command::kShow:
      return show({line.folder, line.run, line.events, line.json});
    case Command::kSummarize:
      return summarize({line.folder, line.json});
    case Command::kValidate:
      return validate({line.folder});
    case Command::kSweep:
    case Command::kTrace:
    case Command::kBench:
      config_of(line);  // a mistake in it is told at once, without waiting for LibTorch
      become_training_process(argc, argv);
    case Command::kMeasure:
      break;
  }
  become_training_process(argc, argv);
}

}  // namespace
}  // namespace clipsweep

int main(int argc, char** argv) {
  return clipsweep::run_program([&] { return clipsweep::dispatch(argc, argv); });
}
