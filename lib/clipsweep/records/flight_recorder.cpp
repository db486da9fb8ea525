#include "clipsweep/records/flight_recorder.h"

#include <algorithm>

#include "clipsweep/records/record_fit.h"

namespace clipsweep {

void FlightRecorder::add_step(const StepRecord& record) {
  steps_[record.step % kStepsBeforeEvent] = record;
}

bool FlightRecorder::is_valid(const ParameterLayout& layout, std::uint64_t step) const {
  for (std::uint64_t s = first_step_before(step + 1); s <= step; ++s) {
    const StepRecord& record = steps_[s % kStepsBeforeEvent];
    if (record.step != s || !fits(record, layout)) return false;
  }
  return last_given_ <= step && *std::max_element(given_.begin(), given_.end()) <= kEventsWithSteps;
}

EventHistory FlightRecorder::history_before(std::uint64_t step, EventKind kind) {
  const std::uint64_t first = first_step_before(step);
  // If an event has one of these steps, it or an earlier event also has all steps before that one.
  const std::uint64_t first_new = std::max(first, last_given_ + 1);
  EventHistory history;
  history.shared = first_new - first;
  if (first_new == step) return history;
  std::uint64_t& given = given_[static_cast<std::size_t>(kind)];
  if (given == kEventsWithSteps) {
    history.left_out = step - first_new;
    return history;
  }
  ++given;
  last_given_ = step - 1;
  for (std::uint64_t s = first_new; s < step; ++s)
    history.steps.push_back(steps_[s % kStepsBeforeEvent]);
  return history;
}

}  // namespace clipsweep
