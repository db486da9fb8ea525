#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "clipsweep/base/text.h"
#include "messages.h"

namespace clipsweep {

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
  constexpr std::uint64_t kDay = 24 * 3600;
  if (whole >= 2 * kDay) return counted(whole / kDay, "day");
  const auto hours = whole / 3600;
  const auto minutes = whole / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
  return fmt::format("{}:{:02}", minutes, whole % 60);
}

ProgressLine::ProgressLine(const SweepProgress& progress, std::uint64_t runs,
                           std::uint64_t steps_per_run)
    : progress_(progress),
      runs_(runs),
      run_steps_(runs * steps_per_run),
      is_terminal_(stderr_is_terminal()),
      thread_([this] { print_until_done(); }) {}

ProgressLine::~ProgressLine() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
  }
  done_condition_.notify_one();
  thread_.join();
}

void ProgressLine::print_until_done() {
  const auto interval = is_terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(10);
  std::unique_lock<std::mutex> lock(mutex_);
  while (!done_condition_.wait_for(lock, interval, [this] { return done_; })) say_progress(line());
  say_progress(line());
  if (is_terminal_) say("\n");
}

std::string ProgressLine::line() const {
  const double elapsed = stopwatch_.seconds();
  const std::uint64_t done = progress_.run_steps;
  const std::uint64_t settled = done + progress_.dropped_run_steps;
  const double rate = static_cast<double>(done) / elapsed;
  const std::uint64_t failed = progress_.failed;
  std::string text = fmt::format("{}/{} runs, {} diverged", progress_.ended.load(), runs_,
                                 progress_.diverged.load());
  if (failed > 0) text += fmt::format(", {} failed", failed);
  text += fmt::format(", {} run-steps/s", rate_text(rate));
  const std::uint64_t left = run_steps_ > settled ? run_steps_ - settled : 0;
  if (left == 0) return text + fmt::format(", {} in all", duration_text(elapsed));
  if (done == 0) return text;
  return text + fmt::format(", {} left", duration_text(static_cast<double>(left) / rate));
}

}  // namespace clipsweep
