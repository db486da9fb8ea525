// What a plan will cost on this machine, measured by taking real steps of real cohorts.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/json.h"
#include "clipsweep/training/sweep_runner.h"

namespace clipsweep {

// Makes the learning rates differ a little, lest an engine computes equal runs once: for how long
// they are equal in a sweep, no one knows.
void make_unequal(std::vector<RunSpec>& runs);

// The runs of one cell, with every worker busy, as in the sweep.
struct SpeedMeasurement {
  std::size_t workers = 0;
  std::size_t cohort = 0;             // runs in the cohorts that were measured
  double seconds_per_step = 0;        // of one such cohort
  double seconds_per_evaluation = 0;  // of one such cohort, over the whole test set
  double bytes_per_step = 0;          // of one run's log
  double bytes_through_time = 0;      // of a line of its other log, where it has one
  bool is_helped = false;             // workers with nothing left to train take runs of a cohort
};

using SpeedMeasurements = std::map<Cell, SpeedMeasurement>;

// Takes about a second for each cell of the plan. `sizes` as of make_cohorts.
SpeedMeasurements measure_speed(const SweepPlan& plan, const Task& task, std::size_t workers,
                                const EngineFactory& make_engine,
                                const std::map<Cell, CohortSizes>& sizes);

// By the cells' names.
Json to_json(const SpeedMeasurements& measurements);
SpeedMeasurements speed_measurements_from_json(const Json& json);

struct CostEstimate {
  double seconds = 0;
  double bytes = 0;
};

// Of the whole plan, at most: equal runs, and parts of one run that workers share, may make it
// less. There must be a measurement of each of its cells.
CostEstimate estimate_cost(const SweepPlan& plan, const SpeedMeasurements& measurements);

}  // namespace clipsweep
