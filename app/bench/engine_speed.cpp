#include "bench/engine_speed.h"

#include <functional>

#include "bench/bench_cohort.h"
#include "clipsweep/base/simd.h"
#include "clipsweep/base/wall_clock.h"
#include "clipsweep/engine/fused/peak_flops.h"
#include "clipsweep/engine/reference/torch_baseline.h"
#include "clipsweep/engine/reference/torch_runtime.h"
#include "clipsweep/training/cohort_samples.h"

namespace clipsweep {
namespace {

constexpr double kMinSeconds = 0.05;  // of steps per measurement
constexpr double kMaxMemory = 2e9;    // bytes

Throughput row_for(Contender contender, const std::string& simd, std::size_t runs) {
  Throughput row;
  row.contender = contender;
  row.simd = simd;
  row.runs = runs;
  return row;
}

std::vector<Throughput> rows_for(const BenchShape& shape) {
  constexpr std::size_t kCohorts[] = {1, 4, 16, 64, 256};
  std::vector<Throughput> rows = {row_for(Contender::kTorchLoop, torch_simd(), 1)};
  for (const std::size_t runs : kCohorts)
    rows.push_back(row_for(Contender::kReference, torch_simd(), runs));
  for (const std::size_t runs : kCohorts)
    rows.push_back(row_for(Contender::kFused, simd_name(), runs));
  if (!shape.is_classic()) return rows;
  rows.push_back(row_for(Contender::kFused, simd_name(), kLargestBenchCohort));
  for (const auto& simd : simd_names())
    if (simd != simd_name()) rows.push_back(row_for(Contender::kFused, simd, 64));
  return rows;
}

// Estimated from the time at the core's peak: the reference engine takes about five times as long,
// and keeps about twenty numbers per run, unit, sample and time step for the backward pass.
bool is_affordable(const Throughput& row, const BenchShape& shape, double max_step_seconds) {
  const double runs = static_cast<double>(row.runs);
  const double seconds_at_peak = runs * shape.floating_point_operations() / row.peak_flops;
  if (row.contender != Contender::kReference) return seconds_at_peak * 1.5 < max_step_seconds;
  const double memory = runs * 20 * 4 * shape.hidden * shape.batch_size * shape.time_steps;
  return seconds_at_peak * 5 < max_step_seconds && memory < kMaxMemory;
}

double calls_per_second(const std::function<void()>& step) {
  const Stopwatch stopwatch;
  int calls = 0;
  do {
    step();
    ++calls;
  } while (stopwatch.seconds() < kMinSeconds);
  return calls / stopwatch.seconds();
}

double torch_steps_per_second(const Task& task, const BenchShape& shape) {
  const Model model = bench_layout(shape, task).model;
  CohortSamples samples(task, model, shape.batch_size, {0}, 0, kNotCancelled);
  samples.draw(1);
  TorchBaseline baseline(samples.batch(), model);
  baseline.step();  // the first step pays for what later steps find ready
  return calls_per_second([&] { baseline.step(); });
}

double run_steps_per_second(const Throughput& row, const Task& task, const BenchShape& shape) {
  if (row.contender == Contender::kTorchLoop) return torch_steps_per_second(task, shape);
  if (row.contender == Contender::kFused) use_simd(row.simd);
  BenchCohort cohort(task, shape, row.runs, row.contender);
  return static_cast<double>(row.runs) * calls_per_second([&] { cohort.step(); });
}

}  // namespace

std::vector<BenchShape> bench_shapes(bool quick) {
  std::vector<BenchShape> shapes;
  if (quick)
    shapes = {{10, 28}};
  else
    for (const int time_steps : {28, 200})
      for (const int hidden : {10, 32, 64, 128, 256}) shapes.push_back({hidden, time_steps});
  const std::vector<int> sizes = quick ? std::vector<int>{10} : std::vector<int>{10, 128, 256};
  for (const int hidden : sizes) shapes.push_back({hidden, 28, Cell::kGru});
  for (const int hidden : sizes) shapes.push_back({hidden, 28, Cell::kLstm, 28, 10, 32, 2});
  // `copy` has 10 inputs and 9 classes.
  shapes.push_back({32, 50, Cell::kLstm, 10, 9, 32, 1, true});
  // Temporal order after Pascanu et al. (2013), at the mean of 50 to 200 time steps.
  shapes.push_back({50, 125, Cell::kRnnTanh, 6, 4, 20});
  return shapes;
}

std::map<std::string, double> measure_peaks(int repetitions) {
  const std::string simd = simd_name();
  std::map<std::string, double> peaks;
  for (const auto& name : simd_names()) {
    use_simd(name);
    Repetitions peak;
    for (int i = 0; i < repetitions; ++i) peak.values.push_back(peak_flops());
    peaks[name] = peak.median();
  }
  use_simd(simd);
  return peaks;
}

ShapeResult measure_shape(const BenchShape& shape, const std::map<std::string, double>& peaks,
                          int repetitions, double max_step_seconds) {
  const std::string simd = simd_name();
  const auto task = bench_task(shape);
  ShapeResult result{shape, rows_for(shape)};
  for (auto& row : result.rows) {
    row.peak_flops = peaks.at(row.contender == Contender::kFused ? row.simd : simd);
    if (!is_affordable(row, shape, max_step_seconds))
      row.left_out_because = "a step would take too long or too much memory";
  }
  for (int repetition = 0; repetition < repetitions; ++repetition)
    for (auto& row : result.rows)
      if (row.is_measured())
        row.run_steps_per_second.values.push_back(run_steps_per_second(row, *task, shape));
  use_simd(simd);
  return result;
}

}  // namespace clipsweep
