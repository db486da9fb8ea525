// The interval and the test of the mean of paired differences, one per seed.
// results/statistics.md explains the choice of methods and how well they cover. Every function is
// pure and returns the same bits on every run.
#pragma once

#include <optional>
#include <vector>

#include "clipsweep/statistics/interval.h"

namespace clipsweep {

// Uses the bootstrap-t (Efron & Tibshirani 1993, chapter 12.5) with 10,000 resamples from a fixed
// random stream. Its quantiles are limited to between 0.95 and 2 times Student's, because the
// bootstrap's own are unstable if there are few, unevenly spread values. If all values are equal,
// both ends are the mean. No p-value is below 2^(1-n), that of n equal signs; therefore the
// interval of five values always includes zero. Returns nothing for fewer than 5 values, or if
// their squares overflow. Throws std::logic_error unless all values are finite.
std::optional<MeanInference> infer_mean(const std::vector<double>& values);

}  // namespace clipsweep
