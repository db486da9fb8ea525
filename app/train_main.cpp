// clipsweep-train: the commands that compute gradients, started by clipsweep. Apart from it because
// loading LibTorch takes half a second, which those who only look should not wait for.
#include <unistd.h>

#include "clipsweep/error.h"
#include "command_line.h"
#include "one_thread.h"
#include "program.h"
#include "training_commands.h"

namespace clipsweep {
namespace {

// Started by hand, without what clipsweep sets: once more, with it.
void restart_with_one_thread(char** argv) {
  if (has_one_thread_environment()) return;
  set_one_thread_environment();
  ::execv("/proc/self/exe", argv);
}

int dispatch(int argc, const char* const* argv) {
  const CommandLine line = parse_command_line(argc, argv);
  switch (line.command) {
    case Command::kSweep:
      return run_sweep(line, argc, argv);
    case Command::kTrace:
      return run_trace(line);
    case Command::kBench:
      return run_bench(line);
    case Command::kMeasure:
      return run_measure(line);
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
