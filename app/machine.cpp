#include "machine.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "clipsweep/text.h"

namespace clipsweep {

std::size_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    return std::max<std::size_t>(1, static_cast<std::size_t>(CPU_COUNT(&set)));
  return std::max(1U, std::thread::hardware_concurrency());
}

std::string cpu_model() {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    if (line.compare(0, 10, "model name") == 0)
      return std::string(trimmed(std::string_view(line).substr(line.find(':') + 1)));
  }
  return "unknown";
}

std::size_t worker_count(const ExperimentConfig& config) {
  return config.workers > 0 ? static_cast<std::size_t>(config.workers) : usable_cores();
}

}  // namespace clipsweep
