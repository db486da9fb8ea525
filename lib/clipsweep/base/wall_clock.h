// The time of day and elapsed time. Files that must be reproducible contain neither.
#pragma once

#include <chrono>
#include <string>

namespace clipsweep {

// `2026-01-31T12:00:00Z`
std::string utc_now();

// Measures the time since its construction.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace clipsweep
