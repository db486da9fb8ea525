#include "bench/whole_sweeps.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <stdexcept>

#include "bench/timed_engine.h"
#include "clipsweep/base/wall_clock.h"
#include "clipsweep/io/temporary_folder.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/training/speed_estimate.h"
#include "clipsweep/training/sweep_runner.h"
#include "machine.h"
#include "sibling_process.h"

namespace clipsweep {
namespace {

constexpr std::size_t kArms = 8;

// Eight arms.
SweepPlan sweep_plan(const SweepSize& size) {
  ExperimentConfig config;
  config.training.epochs = size.epochs;
  config.training.steps_per_epoch = size.steps_per_epoch;
  config.clips = {{ClipMode::kNone},
                  {ClipMode::kValue, 0.5},
                  {ClipMode::kGlobalNorm, 1},
                  {ClipMode::kTensorNorm, 1}};
  config.learning_rates = {0.01, 0.1};
  config.seeds.resize(size.runs / kArms);
  std::iota(config.seeds.begin(), config.seeds.end(), 0U);
  SweepPlan plan = make_plan(config, "");
  perturb_learning_rates(plan.runs);
  return plan;
}

void measure_sweep(const Task& task, const SweepPlan& plan, SweepThroughput& sweep) {
  const TemporaryFolder folder;
  make_folder(folder.path() / "runs");
  std::atomic<bool> stop{false};
  SweepProgress progress;
  EngineTime engine_time{0};
  const EngineFactory make_engine = timed_fused_engines(engine_time);
  const Stopwatch stopwatch;
  train_runs({plan, task, folder.path(), sweep.workers, make_engine, stop, progress},
             pointers_to(plan.runs));
  const double seconds = stopwatch.seconds();
  sweep.run_steps_per_second.values.push_back(static_cast<double>(progress.run_steps) / seconds);
  sweep.overhead.values.push_back(1 - seconds_of(engine_time) /
                                          (seconds * static_cast<double>(sweep.workers)));
}

// A sweep in a process of its own.
struct SweepProcess {
  double wall_seconds = 0;
  std::uint64_t peak_memory = 0;  // bytes
};

SweepProcess run_sweep_process(const std::string& data_folder, std::vector<std::string> options) {
  const TemporaryFolder folder;
  const fs::path out = folder.path() / "out";
  options.insert(options.begin(), "sweep");
  options.insert(options.end(),
                 {"--quiet", "--engine", "fused", "--data", data_folder, "--out", out.string()});
  const EndedProcess ended = run_sibling("clipsweep", options);
  if (ended.exit_code != 0) throw std::runtime_error("a sweep of the benchmark failed");
  return {ended.wall_seconds, count_member(open_sweep_folder(out).sweep, "wall_peak_memory")};
}

}  // namespace

std::vector<SweepThroughput> measure_sweeps(const Task& task, const SweepSize& size,
                                            int repetitions) {
  const SweepPlan plan = sweep_plan(size);
  std::vector<SweepThroughput> sweeps = {{1, plan.runs.size()}};
  if (usable_cores() > 1) sweeps.push_back({usable_cores(), plan.runs.size()});
  for (int repetition = 0; repetition < repetitions; ++repetition)
    for (auto& sweep : sweeps) measure_sweep(task, plan, sweep);
  return sweeps;
}

WholeRun measure_whole_run(const std::string& data_folder, int repetitions) {
  WholeRun whole_run;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    const SweepProcess run = run_sweep_process(data_folder, {"--clip", "none", "--seeds", "1"});
    whole_run.seconds.values.push_back(run.wall_seconds);
    whole_run.peak_memory = std::max(whole_run.peak_memory, run.peak_memory);
    const double without = run_sibling("clipsweep", {"--version"}).wall_seconds;
    const double with = run_sibling("clipsweep-train", {"--version"}).wall_seconds;
    whole_run.libtorch_load_seconds.values.push_back(with - without);
  }
  return whole_run;
}

std::uint64_t measure_large_sweep_memory(const std::string& data_folder, std::size_t runs) {
  return run_sweep_process(data_folder, {"--clip", "none", "--seeds", std::to_string(runs),
                                         "--epochs", "1", "--steps-per-epoch", "20"})
      .peak_memory;
}

}  // namespace clipsweep
