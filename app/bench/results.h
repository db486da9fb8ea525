// What `clipsweep bench` has measured, as plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "clipsweep/base/statistics.h"
#include "clipsweep/model/model.h"

namespace clipsweep {

inline constexpr std::size_t kSmallestPairedCohort = 16;
inline constexpr std::size_t kLargestBenchCohort = 1024;

// Several measurements of one quantity.
struct Repetitions {
  std::vector<double> values;

  double median() const { return quantile(values, 0.5); }
};

// The size of a model, of its sequences and of its batches. A class at each step is the task
// `copy`, a class after the last one random images.
struct BenchShape {
  int hidden = 10;
  int time_steps = 28;
  Cell cell = Cell::kLstm;
  int inputs = 28;
  int outputs = 10;
  int batch_size = 32;
  int layers = 1;
  bool class_each_step = false;

  bool is_classic() const {
    return cell == Cell::kLstm && hidden == 10 && time_steps == 28 && layers == 1 &&
           !class_each_step;
  }
  // In the matrix products of one run-step, forward and backward.
  double floating_point_operations() const;
};

enum class Contender { kTorchLoop, kReference, kFused };

// `torch::nn::LSTM` (or the module of another cell), `reference engine`, `fused engine`
const char* contender_name(Contender contender, Cell cell);

// Run-steps per second of one way to train, on one core: gradient, clip, update.
struct Throughput {
  Contender contender = Contender::kTorchLoop;
  std::string simd;
  std::size_t runs = 1;  // R
  Repetitions run_steps_per_second{};
  double peak_flops = 0;         // of one core with this instruction set
  std::string left_out_because;  // empty if it was measured

  bool is_measured() const { return left_out_because.empty(); }
};

struct ShapeResult {
  BenchShape shape;
  std::vector<Throughput> rows;  // the loop over torch::nn first
};

// What a run-step of the classic example costs in a cohort of R runs, as a multiple of its cost in
// a cohort of kSmallestPairedCohort, measured in turns.
struct CohortCost {
  std::size_t runs = 1;  // R
  Repetitions multiple{};
};

// A whole sweep of the classic example, with logs of every step and evaluations.
struct SweepThroughput {
  std::size_t workers = 1;
  std::size_t runs = 0;
  Repetitions run_steps_per_second{};
  // What is neither gradients nor evaluations (logs, norms, clipping, updates, batches), as a share
  // of the workers' time.
  Repetitions overhead{};
};

// One run of the classic example in a process of its own.
struct WholeRun {
  Repetitions seconds;                // from process start to exit
  Repetitions libtorch_load_seconds;  // what loading LibTorch would add
  std::uint64_t peak_memory = 0;      // bytes
};

struct BenchResult {
  std::vector<ShapeResult> shapes;       // the classic example first, the long sequences last
  std::vector<CohortCost> cohort_costs;  // of cohorts larger than kSmallestPairedCohort
  std::vector<SweepThroughput> sweeps;   // one worker first
  WholeRun whole_run;
  std::uint64_t large_sweep_memory = 0;  // peak in bytes
  std::size_t large_sweep_runs = 0;
};

}  // namespace clipsweep
