#include "bench/bench_measurements.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <numeric>

#include "clipsweep/base/error.h"
#include "clipsweep/base/random.h"
#include "clipsweep/base/simd.h"
#include "clipsweep/base/wall_clock.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/engine/fused/peak_flops.h"
#include "clipsweep/engine/reference/reference_engine.h"
#include "clipsweep/engine/reference/torch_baseline.h"
#include "clipsweep/engine/reference/torch_runtime.h"
#include "clipsweep/training/cohort_trainer.h"
#include "clipsweep/training/speed_estimate.h"
#include "clipsweep/training/sweep_runner.h"
#include "machine.h"
#include "sibling_process.h"

namespace clipsweep {
namespace {

struct Repeats {
  int classic;
  int others;
  int cohorts;      // of cohorts in turns
  int sweeps;       // whole ones
  int sweep_steps;  // that each of their runs takes
};
constexpr Repeats kThorough = {7, 3, 31, 5, 500};  // an epoch, as in the classic example
constexpr Repeats kQuick = {1, 1, 3, 1, 200};
constexpr double kSecondsOfSteps = 0.05;  // that one measurement takes at least
// What would take longer in one step, or more memory, is left out.
constexpr double kLongestStep = 2.5;
constexpr double kMaxMemory = 2e9;

constexpr std::size_t kSweepRuns = 128;

// A folder for logs that goes when the measurement is over.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "clipsweep-bench-XXXXXX").string();
    if (!::mkdtemp(name.data()))
      throw StorageError(name + ": cannot make a temporary folder; set TMPDIR");
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

ImageData random_data(const BenchShape& shape) {
  ImageData data;
  data.train.count = 256;
  data.train.rows = shape.time_steps;
  data.train.columns = shape.inputs;
  RandomStream random(0, "bench");
  data.train.pixels.resize(
      static_cast<std::size_t>(data.train.count * shape.time_steps * shape.inputs));
  for (auto& pixel : data.train.pixels) pixel = static_cast<std::uint8_t>(random.below(256));
  const auto classes = static_cast<std::uint64_t>(shape.outputs);
  for (int i = 0; i < data.train.count; ++i)
    data.train.labels.push_back(static_cast<std::uint8_t>(random.below(classes)));
  return data;
}

// Runs of one seed, half of them clipped.
SweepPlan plan_of(std::size_t runs, const BenchShape& shape) {
  ExperimentConfig config;
  config.training.hidden = shape.hidden;
  config.training.batch_size = shape.batch_size;
  config.cells = {{shape.cell}};
  config.clips = {{ClipMode::kNone}, {ClipMode::kValue, 0.5}};
  SweepPlan plan = make_plan(config, "");
  while (plan.runs.size() < runs) plan.runs.push_back(plan.runs[plan.runs.size() - 2]);
  plan.runs.resize(runs);
  perturb_learning_rates(plan.runs);
  return plan;
}

std::unique_ptr<GradientEngine> engine_of(Contender contender, const ParameterLayout& layout) {
  return contender == Contender::kFused ? make_fused_engine(layout)
                                        : make_reference_engine(layout, "cpu");
}

// A cohort that trains without logs, on these pictures.
class BenchCohort {
 public:
  BenchCohort(const ImageData& data, const ParameterLayout& layout, const BenchShape& shape,
              std::size_t runs, Contender contender)
      : plan_(plan_of(runs, shape)),
        task_(make_image_task(data, plan_.training)),
        engine_(engine_of(contender, layout)),
        trainer_(
            {plan_, layout, *task_, kNotCancelled, run_steps_},
            from_the_beginning(pointers_to(plan_.runs)), *engine_,
            [](const RunSpec&) -> RunSinks { return {[](const StepRecord&) {}}; },
            [](const RunRecord&) {}) {
    step();  // the first step pays for what later ones find ready
  }

  void step() { trainer_.step(); }

 private:
  const SweepPlan plan_;
  const std::unique_ptr<Task> task_;
  const std::unique_ptr<GradientEngine> engine_;
  std::atomic<std::uint64_t> run_steps_{0};
  CohortTrainer trainer_;
};

// How often `step` can be called a second: calls it until enough time has passed.
double calls_per_second(const std::function<void()>& step) {
  const Stopwatch stopwatch;
  int calls = 0;
  do {
    step();
    ++calls;
  } while (stopwatch.seconds() < kSecondsOfSteps);
  return calls / stopwatch.seconds();
}

// One shape's contenders, kept ready between repetitions.
class ShapeBench {
 public:
  explicit ShapeBench(const BenchShape& shape)
      : shape_(shape),
        data_(random_data(shape)),
        layout_(layout_of({shape.cell, 1, shape.inputs, shape.hidden, shape.outputs})) {
    result_.shape = shape;
    const auto add = [&](Contender contender, const std::string& simd, std::size_t runs) {
      Throughput row;
      row.contender = contender;
      row.simd = simd;
      row.runs = runs;
      result_.rows.push_back(std::move(row));
    };
    add(Contender::kTorchLoop, torch_simd(), 1);
    for (const std::size_t runs : {1, 4, 16, 64, 256})
      add(Contender::kReference, torch_simd(), runs);
    for (const std::size_t runs : {1, 4, 16, 64, 256}) add(Contender::kFused, simd_name(), runs);
    if (!shape.is_classic()) return;
    add(Contender::kFused, simd_name(), kLargestBenchCohort);
    for (const auto& simd : simd_names())
      if (simd != simd_name()) add(Contender::kFused, simd, 64);
  }

  ShapeResult measure(const std::map<std::string, double>& peaks, const Repeats& repeats) {
    const std::string simd = simd_name();
    for (auto& row : result_.rows) {
      const auto peak = peaks.find(row.contender == Contender::kFused ? row.simd : simd);
      row.peak_flops = peak->second;
      if (!fits(row)) row.left_out_because = "a step would take too long or too much memory";
    }
    const int repetitions = shape_.is_classic() ? repeats.classic : repeats.others;
    for (int repetition = 0; repetition < repetitions; ++repetition)
      for (auto& row : result_.rows)
        if (row.left_out_because.empty())
          row.run_steps_per_second.values.push_back(run_steps_per_second(row));
    use_simd(simd);
    return result_;
  }

 private:
  // By the floor: the reference engine takes about five times as long, and keeps for each run about
  // twenty numbers a unit, sample and time step for its way back.
  bool fits(const Throughput& row) const {
    const double runs = static_cast<double>(row.runs);
    const double floor = runs * shape_.floating_point_operations() / row.peak_flops;
    if (row.contender != Contender::kReference) return floor * 1.5 < kLongestStep;
    const double memory = runs * 20 * 4 * shape_.hidden * shape_.batch_size * shape_.time_steps;
    return floor * 5 < kLongestStep && memory < kMaxMemory;
  }

  double run_steps_per_second(const Throughput& row) const {
    if (row.contender == Contender::kTorchLoop) {
      Batch batch = make_batch(data_.train, 1, shape_.batch_size, {});
      std::vector<std::uint32_t> indices(static_cast<std::size_t>(shape_.batch_size));
      std::iota(indices.begin(), indices.end(), 0U);
      gather(data_.train, indices, 0, batch);
      TorchBaseline baseline(batch, layout_.model);
      baseline.step();  // the first step pays for what later ones find ready
      return calls_per_second([&] { baseline.step(); });
    }
    if (row.contender == Contender::kFused) use_simd(row.simd);
    BenchCohort cohort(data_, layout_, shape_, row.runs, row.contender);
    return static_cast<double>(row.runs) * calls_per_second([&] { cohort.step(); });
  }

  const BenchShape shape_;
  const ImageData data_;
  const ParameterLayout layout_;
  ShapeResult result_;
};

std::vector<BenchShape> bench_shapes(bool quick) {
  std::vector<BenchShape> shapes;
  if (quick)
    shapes = {{10, 28}};
  else
    for (const int time_steps : {28, 200})
      for (const int hidden : {10, 32, 64, 128, 256}) shapes.push_back({hidden, time_steps});
  // Temporal order after Pascanu et al. (2013), at the mean of 50 to 200 time steps.
  shapes.push_back({50, 125, Cell::kRnnTanh, 6, 4, 20});
  return shapes;
}

// In turns, each a few tenths of a second: a slow moment of the machine hits all cohorts alike.
std::vector<CohortCost> compare_cohorts(int repetitions) {
  const BenchShape classic;
  const ImageData data = random_data(classic);
  const ParameterLayout layout = lstm_layout(classic.inputs, classic.hidden, classic.outputs);
  std::vector<CohortCost> costs;
  std::vector<std::unique_ptr<BenchCohort>> cohorts;
  for (const std::size_t runs :
       {kSmallestPairedCohort, std::size_t{64}, std::size_t{256}, kLargestBenchCohort}) {
    costs.push_back({runs});
    cohorts.push_back(
        std::make_unique<BenchCohort>(data, layout, classic, runs, Contender::kFused));
  }
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    double smallest_seconds = 0;
    for (std::size_t i = 0; i < cohorts.size(); ++i) {
      const Stopwatch stopwatch;
      for (std::size_t n = 0; n < kLargestBenchCohort / costs[i].runs; ++n) cohorts[i]->step();
      if (i == 0) smallest_seconds = stopwatch.seconds();
      costs[i].multiple.values.push_back(stopwatch.seconds() / smallest_seconds);
    }
  }
  costs.erase(costs.begin());
  return costs;
}

// Eight arms of sixteen seeds, an epoch each.
double sweep_run_steps_per_second(const Task& task, std::size_t workers, int steps) {
  ExperimentConfig config;
  config.training.epochs = 1;
  config.training.steps_per_epoch = steps;
  config.clips = {{ClipMode::kNone},
                  {ClipMode::kValue, 0.5},
                  {ClipMode::kGlobalNorm, 1},
                  {ClipMode::kTensorNorm, 1}};
  config.learning_rates = {0.01, 0.1};
  config.seeds.resize(kSweepRuns / 8);
  std::iota(config.seeds.begin(), config.seeds.end(), 0U);
  SweepPlan plan = make_plan(config, "");
  perturb_learning_rates(plan.runs);
  const ScratchFolder scratch;
  make_folder(scratch.path() / "runs");
  std::atomic<bool> stop{false};
  SweepProgress progress;
  const EngineFactory make_engine = make_fused_engine;
  const Stopwatch stopwatch;
  train_runs({plan, task, scratch.path(), workers, make_engine, stop, progress},
             pointers_to(plan.runs));
  return static_cast<double>(progress.run_steps) / stopwatch.seconds();
}

// What a sweep in a process of its own took.
struct SweepProcess {
  double wall_seconds = 0;
  std::uint64_t peak_memory = 0;
};

SweepProcess sweep_process(const std::string& data_folder, std::vector<std::string> options) {
  const ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  options.insert(options.begin(), "sweep");
  options.insert(options.end(),
                 {"--quiet", "--engine", "fused", "--data", data_folder, "--out", out.string()});
  const EndedProcess ended = run_sibling("clipsweep", options);
  if (ended.exit_code != 0) throw std::runtime_error("a sweep of the benchmark failed");
  return {ended.wall_seconds, count_member(open_sweep_folder(out).sweep, "wall_peak_memory")};
}

}  // namespace

double BenchShape::floating_point_operations() const {
  const double gates = static_cast<double>(gates_of(cell)) * hidden;
  // Forward and its weights' gradient see inputs and states, the way back through time states.
  const double products = 2 * gates * (inputs + hidden) + gates * hidden;
  return 2 * products * batch_size * time_steps;
}

BenchResult run_benchmarks(const Task& task, const std::string& data_folder, bool quick,
                           const std::function<void(const std::string&)>& say_progress) {
  const Repeats& repeats = quick ? kQuick : kThorough;
  use_one_thread();
  const std::string simd = simd_name();
  std::map<std::string, double> peaks;
  for (const auto& name : simd_names()) {
    use_simd(name);
    Repetitions peak;
    for (int i = 0; i < repeats.others; ++i) peak.values.push_back(peak_flops());
    peaks[name] = peak.median();
  }
  use_simd(simd);
  BenchResult result;
  for (const BenchShape& shape : bench_shapes(quick)) {
    say_progress(fmt::format("{}, {} units, {} time steps", to_text(shape.cell), shape.hidden,
                             shape.time_steps));
    result.shapes.push_back(ShapeBench(shape).measure(peaks, repeats));
  }
  say_progress("cohorts of different sizes");
  result.cohort_costs = compare_cohorts(repeats.cohorts);
  say_progress("whole sweeps");
  result.sweeps.push_back({1, kSweepRuns});
  if (usable_cores() > 1) result.sweeps.push_back({usable_cores(), kSweepRuns});
  for (int repetition = 0; repetition < repeats.sweeps; ++repetition)
    for (auto& sweep : result.sweeps)
      sweep.run_steps_per_second.values.push_back(
          sweep_run_steps_per_second(task, sweep.workers, repeats.sweep_steps));
  say_progress("one whole run");
  for (int repetition = 0; repetition < repeats.others; ++repetition) {
    const SweepProcess run = sweep_process(data_folder, {"--clip", "none", "--seeds", "1"});
    result.whole_run_seconds.values.push_back(run.wall_seconds);
    result.whole_run_memory = std::max(result.whole_run_memory, run.peak_memory);
    const double without = run_sibling("clipsweep", {"--version"}).wall_seconds;
    const double with = run_sibling("clipsweep-train", {"--version"}).wall_seconds;
    result.libtorch_load_seconds.values.push_back(with - without);
  }
  say_progress("the memory of a large sweep");
  result.large_sweep_memory =
      sweep_process(data_folder, {"--clip", "none", "--seeds", std::to_string(kLargestBenchCohort),
                                  "--epochs", "1", "--steps-per-epoch", "20"})
          .peak_memory;
  return result;
}

}  // namespace clipsweep
