// The machine that this process runs on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "clipsweep/experiment/experiment_config.h"

namespace clipsweep {

// The number of cores that this process may use: in a container or under taskset fewer than the
// machine has.
std::size_t usable_cores();

// `AMD EPYC 9355 32-Core Processor`
std::string cpu_model();

// The peak resident memory of this process so far, in bytes; 0 if unknown.
std::uint64_t peak_memory();

// The setting, where 0 means one per core.
std::size_t worker_count(const ExperimentConfig& config);

}  // namespace clipsweep
