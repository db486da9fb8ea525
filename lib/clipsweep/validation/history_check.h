// The steps that the events of a run carry: each a good step, and together just those before the
// events. Whether they are those of the step log is checked there.
#pragma once

#include "clipsweep/io/json.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/validation/problems.h"

namespace clipsweep {

// `run` is run.json, fit for its schema, and `record` what was read of it.
void check_histories(const Json& run, const RunRecord& record, FileProblems& problems);

}  // namespace clipsweep
