// The speed of the engines and of a loop over torch::nn, for models and sequences of several sizes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/results.h"

namespace clipsweep {

// The classic example first, the long sequences of temporal order last.
std::vector<BenchShape> bench_shapes(bool quick);

// Multiply-adds per second of one core at best, by instruction set.
std::map<std::string, double> measure_peaks(int repetitions);

// Each repetition measures every row once, so that a slow moment of the machine affects all rows
// alike. Rows of which a step would take more than `max_step_seconds`, or too much memory, are left
// out.
ShapeResult measure_shape(const BenchShape& shape, const std::map<std::string, double>& peaks,
                          int repetitions, double max_step_seconds);

}  // namespace clipsweep
