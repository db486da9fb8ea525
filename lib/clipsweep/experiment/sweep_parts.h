// Divides the runs of a plan among the processes that train it.
#pragma once

#include <vector>

#include "clipsweep/experiment/shard.h"
#include "clipsweep/experiment/sweep_plan.h"

namespace clipsweep {

// The runs of one part, in the order of the plan; none if there are more parts than runs. It
// depends on nothing but the set of runs and the shard. The parts of a count are disjoint and
// together all runs. They take equally long if a step of each cell takes as long as it has gates.
// Runs that start identically (shared_prefix_key) are in one part where this moves the end of a
// part by at most a twentieth of it: they are computed only once until clipping acts.
std::vector<const RunSpec*> runs_of_shard(const std::vector<RunSpec>& runs, const Shard& shard);

// All parts of a count, in order.
std::vector<std::vector<const RunSpec*>> all_parts(const std::vector<RunSpec>& runs,
                                                   std::uint64_t count);

}  // namespace clipsweep
