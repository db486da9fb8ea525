// The machine that this process runs on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "clipsweep/experiment/experiment_config.h"

namespace clipsweep {

// The processors that this process may use: fewer than the machine has inside a container or
// under taskset.
std::size_t usable_cores();

// `AMD EPYC 9355 32-Core Processor`
std::string cpu_model();

// The most memory, in bytes, that this process has had resident so far; 0 where that is not told.
std::uint64_t peak_memory();

// As the setting says; 0 is one per core.
std::size_t worker_count(const ExperimentConfig& config);

}  // namespace clipsweep
