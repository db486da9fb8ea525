// runs.csv: one row per run, for spreadsheets and data frames.
#pragma once

#include <string>

#include "clipsweep/analysis/summary.h"

namespace clipsweep {

// The content of the file; a run without a record is `unfinished` or `damaged`.
std::string runs_csv(const SweepRuns& runs);

}  // namespace clipsweep
