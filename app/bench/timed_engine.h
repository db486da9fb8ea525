// The fused engine, timed: how much of a whole sweep is computation, and how much is overhead.
#pragma once

#include <atomic>
#include <cstdint>

#include "clipsweep/engine/gradient_engine.h"

namespace clipsweep {

// Nanoseconds, of all engines that share it.
using EngineTime = std::atomic<std::int64_t>;

// Makes fused engines that add to `time` how long their gradients, gradients through time and
// evaluations take. `time` must outlive them.
EngineFactory timed_fused_engines(EngineTime& time);

inline double seconds_of(const EngineTime& time) { return 1e-9 * static_cast<double>(time); }

}  // namespace clipsweep
