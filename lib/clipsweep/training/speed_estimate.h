// Estimates the time and disk space of a plan on this machine from a few steps of real cohorts.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/json.h"
#include "clipsweep/training/sweep_runner.h"

namespace clipsweep {

// Perturbs the learning rates so that the engine cannot deduplicate identical runs, which would
// make the estimate too optimistic.
void perturb_learning_rates(std::vector<RunSpec>& runs);

// The speed of runs of one kind with all workers busy, as in the sweep.
struct SpeedMeasurement {
  std::size_t workers = 0;
  std::size_t cohort = 0;             // runs in each measured cohort
  double seconds_per_step = 0;        // of one such cohort
  double seconds_per_evaluation = 0;  // of one such cohort, over the whole test set
  double bytes_per_step = 0;          // of a line of steps.jsonl
  double bytes_through_time = 0;      // of a line of through_time.jsonl; 0 if there is none
  bool is_helped = false;             // idle workers take runs of other workers' cohorts
  std::uint64_t steps = 0;            // how many were measured, the first of their runs
  double largest_norm = 0;            // of their gradients before clipping, if finite
  double largest_element = 0;         // of these gradients
  double bytes_per_run = 0;           // of a run, without these lines and without its epochs
  double bytes_per_epoch = 0;         // in run.json
  double packed_share = 1;            // of the size of logs that is left after --compress
};

using SpeedMeasurements = std::map<CohortKind, SpeedMeasurement>;

// `lstm`, `lstm length-20_hidden-50`
std::string to_text(const CohortKind& kind);

// Measures for about a second per kind of runs in the plan, but at most kMaxMeasuredKinds of them;
// those of other kinds are taken from the kind whose cost is most similar. `sizes` are those for
// make_cohorts.
inline constexpr std::size_t kMaxMeasuredKinds = 6;
SpeedMeasurements measure_speed(const SweepPlan& plan, const SetupTasks& tasks, std::size_t workers,
                                const EngineFactory& make_engine,
                                const std::map<Cell, CohortSizes>& sizes);

// The keys are the kinds, as text.
Json to_json(const SpeedMeasurements& measurements);
SpeedMeasurements speed_measurements_from_json(const Json& json);

struct CostEstimate {
  double seconds = 0;
  double bytes = 0;           // of the whole result folder
  double bytes_per_line = 0;  // of steps.jsonl, of all kinds together
};

// The time is an upper bound for the whole plan: while runs are equal, and where workers share
// parts of one run, it costs less. Events come on top of the bytes: their number is not known
// before. `measurements` must have each kind of the plan.
CostEstimate estimate_cost(const SweepPlan& plan, const SpeedMeasurements& measurements);

}  // namespace clipsweep
