// The numbers that compare measurements: pure functions of the results.
#pragma once

#include "bench/results.h"

namespace clipsweep {

// How many times as fast as the loop over torch::nn.
double speedup(const ShapeResult& shape, const Throughput& row);

// The speed of the matrix products as a share of the core's peak.
double share_of_peak(const BenchShape& shape, const Throughput& row);

// How many times as fast as the loop over torch::nn::LSTM, per core. That loop neither logs nor
// evaluates.
double sweep_speedup(const BenchResult& result);

// The median of the ratios within each repetition.
double paired_ratio(const Repetitions& a, const Repetitions& b);

// How far the costs of a run-step in all cohorts lie apart, as a share of the lowest.
double cohort_spread(const std::vector<CohortCost>& costs);

// The fused engine's row with this instruction set and cohort.
const Throughput& fused_row(const ShapeResult& shape, const std::string& simd, std::size_t runs);

// The minimum, over shapes and cohorts, of the speed of the fused engine relative to the faster of
// the others.
struct SmallestLead {
  double ratio = 0;
  BenchShape shape;
  std::size_t runs = 0;  // R
};
SmallestLead smallest_lead(const BenchResult& result, const std::string& simd);

}  // namespace clipsweep
