// clipsweep: parses and dispatches. It loads no LibTorch: it trains with the fused engine; what
// needs LibTorch becomes clipsweep-train.
#include <fmt/format.h>

#include "clipsweep/base/error.h"
#include "clipsweep/base/simd.h"
#include "command_line.h"
#include "commands/inspection_commands.h"
#include "commands/plan_command.h"
#include "commands/training_commands.h"
#include "program.h"
#include "sibling_process.h"
#include "version.h"

namespace clipsweep {
namespace {

int train(const CommandLine& line, int argc, char** argv) {
  const ExperimentConfig config = config_of(line);
  const EngineChoices choices = choose_engines(config);
  if (needs_reference(choices)) become_training_process(argc, argv);
  const TrainingEngines engines = fused_training_engines(choices);
  return line.command == Command::kSweep ? run_sweep(line, config, engines, argc, argv)
                                         : run_trace(line, config, engines);
}

int dispatch(int argc, char** argv) {
  const CommandLine line = parse_command_line(argc, argv);
  use_simd_of_environment();
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
    case Command::kClip:
      return clip({line.file});
    case Command::kPreset:
      return show_preset({line.preset});
    case Command::kSweep:
    case Command::kTrace:
      return train(line, argc, argv);
    case Command::kBench:
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
