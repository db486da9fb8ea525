// `clipsweep bench`: run-steps per second of the engines compared with a loop over torch::nn::LSTM,
// of whole sweeps, and how close the fused engine comes to the peak of the processor.
#include <fmt/format.h>

#include "bench/cohort_costs.h"
#include "bench/engine_speed.h"
#include "bench/report.h"
#include "bench/whole_sweeps.h"
#include "clipsweep/base/error.h"
#include "clipsweep/engine/reference/torch_runtime.h"
#include "clipsweep/tasks/make_task.h"
#include "messages.h"
#include "reference_training.h"

namespace clipsweep {
namespace {

struct Repeats {
  int classic;
  int others;
  double max_step_seconds;  // of all runs of a cohort
  int cohorts;
  int sweeps;
  SweepSize sweep;
  std::size_t large_sweep_runs;
};
// Epochs of 500 steps, as in the classic example.
constexpr Repeats kThorough = {7, 3, 2.5, 31, 5, {32, 4, 500}, kLargestBenchCohort};
constexpr Repeats kQuick = {1, 1, 0.2, 3, 1, {32, 1, 50}, 64};

void announce(const std::string& what) { say_progress("bench: " + what); }

BenchResult run_benchmarks(const ExperimentConfig& config, bool quick) {
  const auto task = make_task(config);
  const Repeats& repeats = quick ? kQuick : kThorough;
  use_one_thread();
  const auto peaks = measure_peaks(repeats.others);
  BenchResult result;
  for (const BenchShape& shape : bench_shapes(quick)) {
    announce(fmt::format("{}, {} units, {} time steps", to_text(shape.cell), shape.hidden,
                         shape.time_steps));
    result.shapes.push_back(measure_shape(shape, peaks,
                                          shape.is_classic() ? repeats.classic : repeats.others,
                                          repeats.max_step_seconds));
  }
  announce("cohorts of different sizes");
  result.cohort_costs = measure_cohort_costs(repeats.cohorts);
  announce("whole sweeps");
  result.sweeps = measure_sweeps(*task, repeats.sweep, repeats.sweeps);
  announce("one whole run");
  result.whole_run = measure_whole_run(config.data_folder, repeats.others);
  announce("the memory of a large sweep");
  result.large_sweep_memory =
      measure_large_sweep_memory(config.data_folder, repeats.large_sweep_runs);
  result.large_sweep_runs = repeats.large_sweep_runs;
  if (stderr_is_terminal()) say("\r\x1b[K");
  return result;
}

}  // namespace

int run_bench(const BenchCommand& command) {
  const BenchResult result = run_benchmarks(config_of(command.settings), command.quick);
  fmt::print("{}", command.json ? to_page(bench_json(result)) + "\n" : bench_text(result));
  return kSuccess;
}

}  // namespace clipsweep
