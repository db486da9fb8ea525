// Whether a run-step costs more in a large cohort than in a small one.
#pragma once

#include <vector>

#include "bench/results.h"

namespace clipsweep {

// Of the classic example with the fused engine. The cohorts take turns of a few tenths of a second,
// so that a slow moment of the machine affects all alike.
std::vector<CohortCost> measure_cohort_costs(int repetitions);

}  // namespace clipsweep
