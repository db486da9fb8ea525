#include "machine.h"

#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

// The value after "KEY:" in a /proc file; empty if there is none.
std::string value_in(const char* file, std::string_view key) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);)
    if (std::string_view(line).substr(0, key.size()) == key)
      return std::string(trimmed(std::string_view(line).substr(line.find(':') + 1)));
  return "";
}

}  // namespace

std::size_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    return std::max<std::size_t>(1, static_cast<std::size_t>(CPU_COUNT(&set)));
  return std::max(1U, std::thread::hardware_concurrency());
}

std::string cpu_model() {
  const std::string model = value_in("/proc/cpuinfo", "model name");
  return model.empty() ? "unknown" : model;
}

std::uint64_t peak_memory() {
  // Not getrusage: its maximum includes the memory of the parent at the time of the fork.
  const std::string kibibytes = value_in("/proc/self/status", "VmHWM");
  return std::strtoull(kibibytes.c_str(), nullptr, 10) * 1024;
}

std::size_t worker_count(const ExperimentConfig& config) {
  return config.workers > 0 ? static_cast<std::size_t>(config.workers) : usable_cores();
}

}  // namespace clipsweep
