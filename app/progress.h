// The progress line of a sweep on stderr: rewritten in place on a terminal, otherwise a new line
// every ten seconds:
//
//   37 %, 0:35 left, 12/30 runs, 1 diverged, loss 0.873, accuracy 68 %, 57,345 run-steps/s
//
// Share and time left are those of the steps, so that they move within a run. Loss and accuracy are
// means over the batches of the latest steps of all runs in training.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "clipsweep/base/wall_clock.h"
#include "clipsweep/training/sweep_runner.h"

namespace clipsweep {

// `0:35`, `12:05`, `1:02:03`, `3 days`
std::string duration_text(double seconds);

class ProgressLine {
 public:
  // Prints from a thread of its own until it is destroyed. runs: 0 if the work ends none; then the
  // line does not count them.
  ProgressLine(SweepProgress& progress, std::uint64_t run_steps, std::uint64_t runs = 0);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

 private:
  void print_until_done();
  void print_line() const;
  std::string line() const;
  std::vector<std::string> parts() const;  // the most important first

  SweepProgress& progress_;
  const std::uint64_t run_steps_;
  const std::uint64_t runs_;
  const bool is_terminal_;
  const Stopwatch stopwatch_;
  std::mutex mutex_;
  std::condition_variable done_condition_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace clipsweep
