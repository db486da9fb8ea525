// clipsweep-train: the commands that need LibTorch, started by clipsweep. Apart from it because
// loading LibTorch takes half a second, which nobody should wait for who does not need it.
#include <fmt/format.h>
#include <unistd.h>

#include "clipsweep/base/error.h"
#include "clipsweep/base/simd.h"
#include "command_line.h"
#include "one_thread.h"
#include "program.h"
#include "reference_training.h"
#include "version.h"

namespace clipsweep {
namespace {

// Started by hand, without what clipsweep sets: once more, with it.
void restart_with_one_thread(char** argv) {
  if (has_one_thread_environment()) return;
  set_one_thread_environment();
  ::execv("/proc/self/exe", argv);
}

TrainingEngines engines_for(const ExperimentConfig& config) {
  const EngineChoices choices = choose_engines(config);
  return needs_reference(choices) ? all_training_engines(config, choices)
                                  : fused_training_engines(choices);
}

int train(const CommandLine& line, int argc, const char* const* argv) {
  const ExperimentConfig config = config_of(line);
  const TrainingEngines engines = engines_for(config);
  if (line.command == Command::kMeasure) return run_measure(config, engines);
  return line.command == Command::kSweep ? run_sweep(line, config, engines, argc, argv)
                                         : run_trace(line, config, engines);
}

int dispatch(int argc, const char* const* argv) {
  const CommandLine line = parse_command_line(argc, argv);
  use_simd_of_environment();
  switch (line.command) {
    case Command::kSweep:
    case Command::kTrace:
    case Command::kMeasure:
      return train(line, argc, argv);
    case Command::kBench:
      return run_bench(line);
    case Command::kVersion:
      fmt::print("clipsweep-train {} ({})\n", kVersion, kGitRevision);
      return kSuccess;
    default:
      throw ConfigError("this program is the training half of clipsweep; call clipsweep instead");
  }
}

}  // namespace
}  // namespace clipsweep

int main(int argc, char** argv) {
  clipsweep::restart_with_one_thread(argv);
  return clipsweep::run_program([&] { return clipsweep::dispatch(argc, argv); });
}
