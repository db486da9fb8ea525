// One through_time.jsonl: its header and the sequence of its steps.
#pragma once

#include "clipsweep/validation/problems.h"
#include "clipsweep/validation/step_log_check.h"

namespace clipsweep {

// Reads the file of `problems`, if it is there, and adds to them. That it is missing is a problem
// where the run is finished and was to have it. `log_every` of what is expected is not looked at.
void check_through_time(const ExpectedLog& expected, FileProblems& problems);

}  // namespace clipsweep
