// runs.csv: one row per run, for spreadsheets and data frames.
#pragma once

#include <string>
#include <string_view>

#include "clipsweep/analysis/summary.h"

namespace clipsweep {

// The content of the file; a run without a record is `unfinished` or `damaged`.
std::string runs_csv(const SweepRuns& runs);

// The same with only those columns that `content`, written by an earlier version, has.
std::string runs_csv_like(std::string_view content, const SweepRuns& runs);

}  // namespace clipsweep
