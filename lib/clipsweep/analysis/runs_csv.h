// runs.csv: one row per run, for spreadsheets and data frames.
#pragma once

#include <string>
#include <string_view>

#include "clipsweep/analysis/summary.h"

namespace clipsweep {

// The content of the file; a run without a record is `unfinished` or `damaged`.
std::string runs_csv(const SweepRuns& runs);

// The same as the version that wrote `content` would write it: earlier ones had fewer columns.
std::string runs_csv_like(std::string_view content, const SweepRuns& runs);

}  // namespace clipsweep
