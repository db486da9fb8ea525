// The steps in the histories of a run's events: whether each is a valid step, and whether together
// they are exactly the steps before the events. step_agreement.h compares them with the log.
#pragma once

#include "clipsweep/io/json.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/validation/problems.h"

namespace clipsweep {

// `run`: run.json, valid by its schema; `record`: what was read from it.
void check_histories(const Json& run, const RunRecord& record, FileProblems& problems);

}  // namespace clipsweep
