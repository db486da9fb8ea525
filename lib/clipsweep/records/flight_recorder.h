// The last steps of a run, kept so that each event can record the steps before it. Bounded for any
// number of events: no step is recorded twice, and only the first events of each kind get steps.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "clipsweep/model/parameters.h"
#include "clipsweep/records/event_record.h"

namespace clipsweep {

inline constexpr std::uint64_t kStepsBeforeEvent = 20;  // at most, per event
inline constexpr std::uint64_t kEventsWithSteps = 10;   // at most, of each kind

// The first of the steps that an event at this step covers; the step itself if there is none.
inline std::uint64_t first_step_before(std::uint64_t step) {
  return step > kStepsBeforeEvent ? step - kStepsBeforeEvent : 1;
}

class FlightRecorder {
 public:
  void add_step(const StepRecord& record);

  // Hands the steps before an event to it, except those that an earlier event has.
  EventHistory history_before(std::uint64_t step, EventKind kind);

  template <typename Archive>
  void archive(Archive& archive) {
    archive(steps_, last_given_, given_);
  }
  // Whether what `archive` read can be the state of a run with this layout after this step.
  bool is_valid(const ParameterLayout& layout, std::uint64_t step) const;

 private:
  std::array<StepRecord, kStepsBeforeEvent> steps_;        // step s at s % kStepsBeforeEvent
  std::uint64_t last_given_ = 0;                           // the last step that an event has
  std::array<std::uint64_t, kEventKinds.size()> given_{};  // events with steps, by EventKind
};

}  // namespace clipsweep
