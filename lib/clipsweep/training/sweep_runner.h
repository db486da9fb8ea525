// Cohorts on a pool of workers: what is left to train, how it is grouped, and what to do when the
// disk is full, a cohort fails, a stop is asked for or another process works in the same folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/engine/engine_choice.h"
#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/tasks/task.h"

namespace clipsweep {

// How many runs a cohort may have. More bring no speed, but memory and a coarser division of the
// work; with fewer an engine is slower.
struct CohortSizes {
  std::size_t smallest = 1;
  std::size_t largest = 64;
  // Whether kin (sweep_plan.h) stay together where that leaves a cohort for each worker: the engine
  // computes once what they have in common.
  bool keeps_prefix_groups = false;
};

CohortSizes cohort_sizes_for(EngineName engine);
std::map<Cell, CohortSizes> cohort_sizes_for(const EngineChoices& choices);

// What a progress line shows while the workers run.
struct SweepProgress {
  std::atomic<std::uint64_t> run_steps{0};
  std::atomic<std::uint64_t> dropped_run_steps{0};  // of runs that ended early
  std::atomic<std::uint64_t> ended{0};
  std::atomic<std::uint64_t> diverged{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::uint64_t> elsewhere{0};  // left to another process
};

// What the runner needs; the references must outlive the call.
struct SweepJob {
  const SweepPlan& plan;
  const Task& task;
  const fs::path& folder;
  std::size_t workers = 1;
  const EngineFactory& make_engine;
  std::atomic<bool>& stop;  // set from outside to end early; set by the runner when the disk fails
  SweepProgress& progress;
  // Both are called by the workers, the first after a run's log is complete; they may be empty.
  std::function<void(const RunRecord&)> on_run_end = {};
  std::function<void(const std::string& warning)> warn = {};
  std::map<Cell, CohortSizes> cohort_sizes = {};  // as of make_cohorts
  std::optional<Retry> retry = {};                // runs to begin again though they have ended
};

// What a folder has of a plan.
struct PlanStatus {
  // The runs that have not completed or diverged yet, in the order of the plan: those without
  // run.json, interrupted ones and failed ones; and those to be trained again.
  std::vector<const RunSpec*> unfinished;
  // By cell, how many of the others each engine and instruction set has computed: `fused, avx512`.
  std::map<Cell, std::map<std::string, std::size_t>> finished_by;
};
PlanStatus plan_status(const SweepPlan& plan, const SweepFolder& sweep,
                       std::optional<Retry> retry = std::nullopt);

// Runs of one cell, which share the layout of their parameters; in the order of the plan.
std::map<Cell, std::vector<const RunSpec*>> by_cell(const std::vector<const RunSpec*>& runs);

// Groups runs into cohorts of one cell each, to be taken one after the other by whichever worker is
// free: large ones first, then ever smaller ones, so that the workers finish together though runs
// may end early. A cell without sizes has the default. Runs of one seed stay together where they
// can, to share their batches; so do, before that, runs that differ in their clipping alone.
std::vector<std::vector<const RunSpec*>> make_cohorts(const std::vector<const RunSpec*>& runs,
                                                      std::size_t workers,
                                                      const std::map<Cell, CohortSizes>& sizes);

// Trains the runs and writes their logs; those that were begun go on from where they were saved, to
// the same bytes. Runs that another process is at are left to it. A cohort that fails while it
// trains marks its runs `failed` and the others go on. One that lacks memory, to be set up or to
// train, is tried in halves, and these likewise; a run that lacks it alone is marked `failed`.
// Throws StorageError if the disk fails, and whatever keeps a cohort from being set up, after the
// other workers have stopped.
void train_runs(const SweepJob& job, const std::vector<const RunSpec*>& runs);

}  // namespace clipsweep
