#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <new>
#include <system_error>

#include "clipsweep/base/table.h"
#include "clipsweep/base/text.h"
#include "messages.h"
#include "terminal.h"

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

ProgressLine::ProgressLine(SweepProgress& progress, std::uint64_t run_steps, std::uint64_t runs)
    : progress_(progress), run_steps_(run_steps), runs_(runs), is_terminal_(stderr_is_terminal()) {
  try {
    thread_ = std::thread([this] { print_until_done(); });
  } catch (const std::system_error&) {
    // The machine has no more threads: the sweep runs without the line.
  }
}

ProgressLine::~ProgressLine() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
  }
  done_condition_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ProgressLine::print_until_done() {
  const auto interval = is_terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(10);
  std::unique_lock<std::mutex> lock(mutex_);
  while (!done_condition_.wait_for(lock, interval, [this] { return done_; })) print_line();
  print_line();
  if (is_terminal_) say("\n");
}

void ProgressLine::print_line() const try { say_progress(line()); } catch (const std::bad_alloc&) {
  // The sweep handles a lack of memory; a line may be missing.
}

// A terminal shows as many parts as fit into its width.
std::string ProgressLine::line() const {
  const std::size_t columns = is_terminal_ ? stderr_columns() - 1 : std::string::npos;
  std::string line;
  for (const auto& part : parts()) {
    const std::string longer = line.empty() ? part : line + ", " + part;
    if (!line.empty() && display_width(longer) > columns) break;
    line = longer;
  }
  return line;
}

std::vector<std::string> ProgressLine::parts() const {
  const TextStyle style = stderr_style();
  const auto bad = [&](std::uint64_t count, const char* name) {
    return toned(fmt::format("{} {}", with_thousands(count), name), tone_of_bad(count), style);
  };
  const double elapsed = stopwatch_.seconds();
  const std::uint64_t done = progress_.run_steps;
  const std::uint64_t settled = std::min(run_steps_, done + progress_.dropped_run_steps);
  const std::uint64_t left = run_steps_ - settled;
  const double rate = static_cast<double>(done) / elapsed;

  std::vector<std::string> parts = {fmt::format("{} %", 100 * settled / run_steps_)};
  if (left == 0)
    parts.push_back(fmt::format("{} in all", duration_text(elapsed)));
  else if (done > 0)
    parts.push_back(fmt::format("{} left", duration_text(static_cast<double>(left) / rate)));
  if (runs_ > 0) {
    parts.push_back(fmt::format("{}/{} runs", progress_.ended.load(), runs_));
    parts.push_back(bad(progress_.diverged, "diverged"));
  }
  if (progress_.failed > 0) parts.push_back(bad(progress_.failed, "failed"));
  const auto means = progress_.means.latest();
  if (means && left > 0) {
    parts.push_back(fmt::format("loss {:.3g}", means->loss));
    parts.push_back(fmt::format("accuracy {:.0f} %", 100 * means->accuracy));
  }
  parts.push_back(fmt::format("{} run-steps/s", rate_text(rate)));
  return parts;
}

}  // namespace clipsweep
