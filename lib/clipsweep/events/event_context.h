// The steps of a run at which events happened, with the steps logged around them: the input of
// event_report.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "clipsweep/io/files.h"
#include "clipsweep/records/run_record.h"

namespace clipsweep {

// The number of steps before and after an event that belong to its context.
inline constexpr std::uint64_t kStepsAround = 20;

// The events of one step, and what is known of the steps around it.
struct EventContext {
  std::vector<Event> events;  // in their order
  std::vector<StepRecord> before;
  std::optional<StepRecord> step;  // the step itself
  std::vector<StepRecord> after;
};

// Returns the first and the last `max_per_end` steps with events of a run, in their order. The
// steps around them come from the events' own histories and from the log; an empty path means no
// log. Throws DataError on an invalid line of the log.
std::vector<EventContext> event_contexts(const RunRecord& record, const fs::path& log,
                                         std::size_t max_per_end);

}  // namespace clipsweep
