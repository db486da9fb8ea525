// What a plan will cost on this machine, measured by taking real steps of real cohorts.
#pragma once

#include <cstddef>

#include "clipsweep/gradient_engine.h"
#include "clipsweep/json.h"
#include "clipsweep/sweep_plan.h"
#include "clipsweep/sweep_runner.h"

namespace clipsweep {

// With every worker busy, as in the sweep.
struct SpeedMeasurement {
  std::size_t workers = 0;
  std::size_t cohort = 0;             // runs in the cohorts that were measured
  double seconds_per_step = 0;        // of one such cohort
  double seconds_per_evaluation = 0;  // of one such cohort, over the whole test set
  double bytes_per_step = 0;          // of one run's log
};

// Takes about a second.
SpeedMeasurement measure_speed(const SweepPlan& plan, const Task& task, std::size_t workers,
                               const EngineFactory& make_engine, const CohortSizes& sizes);

Json to_json(const SpeedMeasurement& measurement);
SpeedMeasurement speed_measurement_from_json(const Json& json);

struct CostEstimate {
  double seconds = 0;
  double bytes = 0;
};

// Of the whole plan.
CostEstimate estimate_cost(const SweepPlan& plan, const SpeedMeasurement& measurement);

}  // namespace clipsweep
