// Probes the weights of runs: the gradients of K batches, which are drawn for the probe alone, and
// the statistics of them. Training is not affected.
#pragma once

#include <cstdint>
#include <vector>

#include "clipsweep/base/span.h"
#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/probing/probe_record.h"
#include "clipsweep/tasks/task.h"

namespace clipsweep {

// What all probes of a sweep share.
struct ProbeContext {
  const TrainingPlan& plan;
  const ParameterLayout& layout;
  const Task& task;
};

struct ProbedRun {
  std::uint64_t seed = 0;
  Span<const float> weights;  // [P]
};

// Probes these runs after `step` steps. The batches depend on the seed and the step only; their
// sequences begin with zero states. The gradients are those before clipping: a limit inside
// backpropagation (mode `backprop`) is off. Needs at most kMaxProbeBytes for each thread. Throws
// Cancelled if the flag is set meanwhile.
std::vector<ProbeRecord> probe_weights(const std::vector<ProbedRun>& runs, std::uint64_t step,
                                       const ProbeContext& context, GradientEngine& engine,
                                       const EngineContext& engine_context);

// The samples of the K batches of that probe for one seed, each as SampleStream::drawn gives them.
Json probe_batches_json(std::uint64_t seed, std::uint64_t step, const ProbeContext& context);

}  // namespace clipsweep
