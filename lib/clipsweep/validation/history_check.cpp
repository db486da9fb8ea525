#include "clipsweep/validation/history_check.h"

#include <fmt/format.h>

#include <set>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/records/flight_recorder.h"
#include "clipsweep/validation/step_check.h"

namespace clipsweep {
namespace {

class HistoryChecker {
 public:
  HistoryChecker(const RunRecord& record, FileProblems& problems)
      : record_(record), problems_(problems) {}

  void check(std::size_t i, const Json& steps) {
    check_each(i, steps);
    check_reach(i);
    for (const auto& step : record_.events[i].before.steps) found_.insert(step.step);
  }

 private:
  void check_each(std::size_t i, const Json& steps) {
    for (std::size_t s = 0; s < steps.size(); ++s) {
      try {
        read_strict_step(steps[s], record_.tensor_names);
      } catch (const DataError& error) {
        problems_.add(fmt::format("events[{}].before.steps[{}]: {}", i, s, error.what()));
      }
    }
  }

  // The steps that the event covers are the shared ones, then those left out, then its own.
  void check_reach(std::size_t i) {
    const Event& event = record_.events[i];
    const EventHistory& history = event.before;
    const std::uint64_t first = first_step_before(event.step);
    const std::uint64_t reach = event.step - first;
    const auto own = static_cast<std::uint64_t>(history.steps.size());
    if (history.shared + history.left_out + own != reach) {
      problems_.add(fmt::format(
          "events[{}].before has {} shared, {} left out and {} of its own, "
          "but the event at step {} covers {}",
          i, history.shared, history.left_out, counted(own, "step"), event.step, reach));
      return;
    }
    for (std::uint64_t s = 0; s < history.shared; ++s)
      if (found_.count(first + s) == 0)
        problems_.add(fmt::format("events[{}].before shares step {}, which no earlier event has", i,
                                  first + s));
    for (std::uint64_t s = 0; s < own; ++s)
      if (history.steps[s].step != event.step - own + s)
        problems_.add(fmt::format("events[{}].before.steps[{}] is step {}, not {}", i, s,
                                  history.steps[s].step, event.step - own + s));
  }

  const RunRecord& record_;
  FileProblems& problems_;
  std::set<std::uint64_t> found_;  // in the histories so far
};

}  // namespace

void check_histories(const Json& run, const RunRecord& record, FileProblems& problems) {
  HistoryChecker checker(record, problems);
  for (std::size_t i = 0; i < record.events.size(); ++i)
    checker.check(i, run["events"][i]["before"]["steps"]);
}

}  // namespace clipsweep
