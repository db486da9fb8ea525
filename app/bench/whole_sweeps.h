// The speed and memory of whole sweeps, with logs and evaluations: in this process and as users
// start them.
#pragma once

#include <string>
#include <vector>

#include "bench/results.h"
#include "clipsweep/tasks/task.h"

namespace clipsweep {

struct SweepSize {
  std::size_t runs = 8;  // a multiple of eight
  int epochs = 1;
  int steps_per_epoch = 500;
};

// With one worker and with all cores.
std::vector<SweepThroughput> measure_sweeps(const Task& task, const SweepSize& size,
                                            int repetitions);

WholeRun measure_whole_run(const std::string& data_folder, int repetitions);

// The peak memory, in bytes, of a sweep of this many runs.
std::uint64_t measure_large_sweep_memory(const std::string& data_folder, std::size_t runs);

}  // namespace clipsweep
