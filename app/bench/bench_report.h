// What was measured, as tables for the terminal and as JSON.
#pragma once

#include "bench/bench_measurements.h"
#include "clipsweep/io/json.h"

namespace clipsweep {

std::string bench_text(const BenchResult& result);
Json bench_json(const BenchResult& result);

}  // namespace clipsweep
