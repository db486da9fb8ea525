// The plan of several result folders of the same sweep, or of sweeps that overlap: their settings
// and data must be the same, their runs may differ. Pure functions: nothing here reads a file.
#pragma once

#include <vector>

#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/json.h"
#include "clipsweep/records/result_folder.h"

namespace clipsweep {

// All runs of these plans, each once, in an order that does not depend on which plan comes first:
// that of the plans that have all runs, if they agree. Otherwise in the order of a grid
// (make_plan): along each axis, as the plans that have all its values name them, if they agree, and
// ascending if not. Throws DataError if two runs share an ID but not their settings.
std::vector<RunSpec> merged_runs(const std::vector<std::vector<RunSpec>>& plans);

// The sweep.json of the merged folder. It has the runs of all plans, every call of the program
// once, in the order of time, and the settings of the largest plan. The order of the folders does
// not matter. Throws ConfigError that names the first difference in settings that decide numbers or
// logs, or in the data.
Json merged_sweep_json(const std::vector<SweepFolder>& folders);

}  // namespace clipsweep
