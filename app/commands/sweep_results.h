// The end of `sweep` and `merge`: the results of a folder, written and printed.
#pragma once

#include <string>

#include "clipsweep/records/result_folder.h"

namespace clipsweep {

// Rewrites runs.csv and summary.json and prints the comparison, as long as a screen. `folder` is
// its name as the user gave it. Once all runs of the sweep are there, removes the checkpoints.
// Returns false, after a message, if a run.json cannot be read: the results lack its run.
bool write_and_print_results(const SweepFolder& sweep, const std::string& folder, bool has_all_runs,
                             bool quiet);

}  // namespace clipsweep
