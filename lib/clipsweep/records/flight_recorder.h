// The last steps of a run, kept so that an event can carry what led up to it. Bounded, however many
// events there are: no step is handed out twice, and only the first events of a kind get any.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "clipsweep/model/parameters.h"
#include "clipsweep/records/run_record.h"

namespace clipsweep {

inline constexpr std::uint64_t kStepsBeforeEvent = 20;  // an event looks back on so many
inline constexpr std::uint64_t kEventsWithSteps = 10;   // of each kind

// The first step that an event at this step looks back on; the step itself if there is none.
inline std::uint64_t first_step_before(std::uint64_t step) {
  return step > kStepsBeforeEvent ? step - kStepsBeforeEvent : 1;
}

class FlightRecorder {
 public:
  void add_step(const StepRecord& record);

  // What an event of this kind at this step gets: the steps before it that no event got yet.
  EventHistory history_before(std::uint64_t step, EventKind kind);
  template <typename Archive>
  void archive(Archive& archive) {
    archive(steps_, last_given_, given_);
  }
  // Whether what was read by `archive` is of a run of this layout after this step.
  bool is_valid(const ParameterLayout& layout, std::uint64_t step) const;

 private:
  std::array<StepRecord, kStepsBeforeEvent> steps_;  // step s at s modulo their number
  std::uint64_t last_given_ = 0;                     // the last step that an event got
  std::array<std::uint64_t, 4> given_{};             // events that got steps, by EventKind
};

}  // namespace clipsweep
