// The speed and memory of whole sweeps, with logs and evaluations: in this process and as users
// start them.
#pragma once

#include <string>
#include <vector>

#include "bench/results.h"
#include "clipsweep/tasks/task.h"

namespace clipsweep {

// With one worker and with all cores. `runs`, a multiple of eight, take `steps` steps each.
std::vector<SweepThroughput> measure_sweeps(const Task& task, std::size_t runs, int steps,
                                            int repetitions);

WholeRun measure_whole_run(const std::string& data_folder, int repetitions);

// The peak memory, in bytes, of a sweep of this many runs.
std::uint64_t measure_large_sweep_memory(const std::string& data_folder, std::size_t runs);

}  // namespace clipsweep
