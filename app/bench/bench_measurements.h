// What `clipsweep bench` measures. Every repetition measures each thing of a table once, so that a
// slow moment of the machine hits all alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/base/statistics.h"
#include "clipsweep/model/model.h"
#include "clipsweep/tasks/image_task.h"

namespace clipsweep {

inline constexpr std::size_t kSmallestPairedCohort = 16;
inline constexpr std::size_t kLargestBenchCohort = 1024;

// Several measurements of one quantity.
struct Repetitions {
  std::vector<double> values;

  double median() const { return quantile(values, 0.5); }
};

// The size of a model, of its sequences and of its batches.
struct BenchShape {
  int hidden = 10;
  int time_steps = 28;
  Cell cell = Cell::kLstm;
  int inputs = 28;
  int outputs = 10;
  int batch_size = 32;

  bool is_classic() const { return cell == Cell::kLstm && hidden == 10 && time_steps == 28; }
  // Of the matrix products of one run-step, forward and backward.
  double floating_point_operations() const;
};

enum class Contender { kTorchLoop, kReference, kFused };

// Run-steps per second of one way to train, on one core: gradient, clip, update.
struct Throughput {
  Contender contender = Contender::kTorchLoop;
  std::string simd;
  std::size_t runs = 1;  // R
  Repetitions run_steps_per_second{};
  double peak_flops = 0;         // of one core with this instruction set
  std::string left_out_because;  // where it was not measured
};

struct ShapeResult {
  BenchShape shape;
  std::vector<Throughput> rows;  // the loop over torch::nn first
};

// What a run-step of the classic example costs in a cohort of R runs, as a multiple of what it
// costs in one of kSmallestPairedCohort, measured in turns.
struct CohortCost {
  std::size_t runs = 1;  // R
  Repetitions multiple{};
};

// A whole sweep of the classic example, with logs of every step and evaluations.
struct SweepThroughput {
  std::size_t workers = 1;
  std::size_t runs = 0;
  Repetitions run_steps_per_second{};
};

struct BenchResult {
  std::vector<ShapeResult> shapes;       // the classic one first, that of long sequences last
  std::vector<CohortCost> cohort_costs;  // larger ones than kSmallestPairedCohort
  std::vector<SweepThroughput> sweeps;
  Repetitions whole_run_seconds;      // one run of 5,000 steps, from process start to exit
  Repetitions libtorch_load_seconds;  // what loading LibTorch would add to it
  std::uint64_t whole_run_memory = 0;
  std::uint64_t large_sweep_memory = 0;  // of kLargestBenchCohort runs
};

// Takes some minutes; `quick`, well under one: two shapes, each measured once. `say_progress` is
// told what comes next. Throws StorageError if the logs that it writes to a temporary folder find
// no room.
BenchResult run_benchmarks(const Task& task, const std::string& data_folder, bool quick,
                           const std::function<void(const std::string&)>& say_progress);

}  // namespace clipsweep
