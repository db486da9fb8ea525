// clipsweep-train: the commands that need LibTorch, started by clipsweep. It is a program of its
// own because loading LibTorch takes half a second, a cost only commands that need it should pay.
#include <fmt/format.h>
#include <unistd.h>

#include "clipsweep/base/error.h"
#include "clipsweep/base/simd.h"
#include "command_line.h"
#include "one_thread.h"
#include "output.h"
#include "overloaded.h"
#include "program.h"
#include "reference_training.h"
#include "version.h"

namespace clipsweep {
namespace {

// If the program was started by hand, without the environment that clipsweep sets: starts it again
// with that.
void restart_with_one_thread(char** argv) {
  if (has_one_thread_environment()) return;
  set_one_thread_environment();
  ::execv("/proc/self/exe", argv);
}

TrainingEngines make_engines(const ExperimentConfig& config) {
  const EngineChoices choices = choose_engines(config);
  return needs_reference(choices) ? all_training_engines(config, choices)
                                  : fused_training_engines(choices);
}

int dispatch(const CommandLine& line) {
  return std::visit(
      Overloaded{
          [&](const SweepCommand& sweep) { return run_sweep(sweep, line.arguments, make_engines); },
          [](const TraceCommand& trace) { return run_trace(trace, make_engines); },
          [](const CliffCommand& cliff) { return run_cliff(cliff, make_engines); },
          [](const MeasureCommand& measure) { return run_measure(measure, make_engines); },
          [](const BenchCommand& bench) { return run_bench(bench); },
          [](const VersionCommand&) -> int {
            print("clipsweep-train {} ({})\n", kVersion, kGitRevision);
            return kSuccess;
          },
          [](const auto&) -> int {
            throw ConfigError(
                "this program is the training half of clipsweep; call clipsweep instead");
          },
      },
      line.command);
}

}  // namespace
}  // namespace clipsweep

int main(int argc, char** argv) {
  using namespace clipsweep;
  restart_with_one_thread(argv);
  return run_program([&] {
    const CommandLine line = parse_command_line(argc, argv);
    use_simd_of_environment();
    return dispatch(line);
  });
}
