// How runs are grouped into cohorts. Pure functions: nothing here trains.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "clipsweep/engine/engine_choice.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/model/model.h"

namespace clipsweep {

// How many runs a cohort may have. Larger cohorts are not faster; they need more memory and divide
// the work more coarsely. In smaller ones an engine is slower.
struct CohortSizes {
  std::size_t smallest = 1;
  std::size_t largest = 64;
  // Whether a shared-prefix group (sweep_plan.h) stays together where that leaves a cohort for each
  // worker: the engine computes only once what its runs have in common.
  bool keeps_prefix_groups = false;
};

CohortSizes cohort_sizes_for(EngineName engine);
std::map<Cell, CohortSizes> cohort_sizes_for(const EngineChoices& choices);

// What the runs of a cohort have in common: their cell and the training settings that vary, by
// VariedSettings::slug. They share the layout of their parameters and the sizes of their batches.
struct CohortKind {
  CohortKind(Cell cell_of_runs, std::string varied_settings = {})
      : cell(cell_of_runs), varied(std::move(varied_settings)) {}

  Cell cell;
  std::string varied;
};
bool operator<(const CohortKind& a, const CohortKind& b);
CohortKind cohort_kind(const RunSpec& run);

// Runs of one kind, in the order of the plan.
std::map<CohortKind, std::vector<const RunSpec*>> by_kind(const std::vector<const RunSpec*>& runs);

// Groups runs into cohorts of one kind each, the most expensive kinds first. Free workers take them
// in this order: first large ones, then smaller and smaller ones, so that all workers finish at
// about the same time although runs may end early. A cell without sizes has the default.
// Shared-prefix groups stay together where they can; then runs of one seed, which share their
// batches.
std::vector<std::vector<const RunSpec*>> make_cohorts(const std::vector<const RunSpec*>& runs,
                                                      std::size_t workers,
                                                      const std::map<Cell, CohortSizes>& sizes);

}  // namespace clipsweep
