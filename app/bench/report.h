// The results as tables for the terminal and as JSON.
#pragma once

#include "bench/results.h"
#include "clipsweep/io/json.h"

namespace clipsweep {

std::string bench_text(const BenchResult& result);
Json bench_json(const BenchResult& result);

}  // namespace clipsweep
