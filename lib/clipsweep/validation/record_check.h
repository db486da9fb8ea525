// One run.json against the plan, and against itself.
#pragma once

#include "clipsweep/io/json.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/validation/expected_run.h"
#include "clipsweep/validation/problems.h"

namespace clipsweep {

// The run, its settings and its ID, and what was done about each NaN and Inf. `sweep`: sweep.json.
void check_record_against_plan(const RunRecord& record, const ExpectedRun& expected,
                               const Json& sweep, FileProblems& problems);

// Outcome, epochs and events: their numbers, order and steps.
void check_record_against_itself(const RunRecord& record, const ExpectedRun& expected,
                                 FileProblems& problems);

// `sha256.record` of a run.json against its contents, unless something else is wrong with them.
// Runs of earlier versions have no such hash.
void check_record_hash(const Json& run, FileProblems& problems);

}  // namespace clipsweep
