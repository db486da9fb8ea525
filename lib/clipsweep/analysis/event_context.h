// The steps of a run at which something happened, with what was logged around them: what
// event_story.h tells of. Only the first and the last of many.
#pragma once

#include <cstdint>
#include <vector>

#include "clipsweep/io/files.h"
#include "clipsweep/records/run_record.h"

namespace clipsweep {

// How many steps before and after an incident are looked at.
inline constexpr std::uint64_t kStepsAround = 20;

struct Incident {
  std::vector<Event> events;  // of one step, in their order
  std::vector<StepRecord> before;
  std::optional<StepRecord> step;  // its own
  std::vector<StepRecord> after;
};

// At most 2 `most` incidents of a run, the first and the last ones, in their order. The steps
// around them are those that the events carry and those that the log has; without a log, the former
// alone. Throws DataError on a bad line of the log.
std::vector<Incident> incidents_of(const RunRecord& record, const fs::path& log, std::size_t most);

}  // namespace clipsweep
