// One through_time.jsonl: its header and the sequence of its steps.
#pragma once

#include "clipsweep/validation/expected_run.h"
#include "clipsweep/validation/problems.h"

namespace clipsweep {

// Reads the file of `problems` and adds to them. A missing file is a problem only if the run is
// finished and the sweep measures the gradient through time.
void check_through_time(const ExpectedRun& expected, FileProblems& problems);

}  // namespace clipsweep
