// The progress line of a sweep on stderr: rewritten in place on a terminal, otherwise a new line
// every ten seconds.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "clipsweep/base/wall_clock.h"
#include "clipsweep/training/sweep_runner.h"

namespace clipsweep {

// `0:35`, `12:05`, `1:02:03`, `3 days`
std::string duration_text(double seconds);

class ProgressLine {
 public:
  // Prints from a thread of its own until it is destroyed.
  ProgressLine(const SweepProgress& progress, std::uint64_t runs, std::uint64_t steps_per_run);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

 private:
  void print_until_done();
  std::string line() const;

  const SweepProgress& progress_;
  const std::uint64_t runs_;
  const std::uint64_t run_steps_;
  const bool is_terminal_;
  const Stopwatch stopwatch_;
  std::mutex mutex_;
  std::condition_variable done_condition_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace clipsweep
