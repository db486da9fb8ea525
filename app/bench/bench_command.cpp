// `clipsweep bench`: run-steps per second of the engines beside a loop over torch::nn::LSTM, of
// whole sweeps, and how close the fused engine comes to what the processor can do at all.
#include <fmt/format.h>

#include "bench/bench_report.h"
#include "clipsweep/base/error.h"
#include "clipsweep/tasks/make_task.h"
#include "messages.h"
#include "reference_training.h"

namespace clipsweep {

int run_bench(const CommandLine& line) {
  const ExperimentConfig config = config_of(line);
  const auto task = make_task(config);
  const bool is_terminal = stderr_is_terminal();
  const auto say_progress = [&](const std::string& what) {
    say(fmt::format(is_terminal ? "\r{}\x1b[K" : "{}\n", "bench: " + what));
  };
  const BenchResult result = run_benchmarks(*task, config.data_folder, line.quick, say_progress);
  if (is_terminal) say("\r\x1b[K");
  fmt::print("{}", line.json ? to_page(bench_json(result)) + "\n" : bench_text(result));
  return kSuccess;
}

}  // namespace clipsweep
