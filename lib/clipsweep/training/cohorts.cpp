#include "clipsweep/training/cohorts.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace clipsweep {
namespace {

using RunPosition = std::vector<const RunSpec*>::const_iterator;

std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

bool shares_prefix_with_previous(RunPosition run) {
  return shared_prefix_key(**run) == shared_prefix_key(**(run - 1));
}

// Moves the end of a cohort to the end of a shared-prefix group: forwards if the cohort then has no
// more than `largest` runs, otherwise backwards.
RunPosition end_of_prefix_group(RunPosition begin, RunPosition end, RunPosition last,
                                std::size_t largest) {
  const auto fits = [&](RunPosition to) { return static_cast<std::size_t>(to - begin) <= largest; };
  RunPosition forwards = end;
  // Looks no further than needed: a group can have a million runs.
  while (fits(forwards) && forwards != last && shares_prefix_with_previous(forwards)) ++forwards;
  if (fits(forwards)) return forwards;
  RunPosition backwards = end;
  while (backwards != begin && shares_prefix_with_previous(backwards)) --backwards;
  return backwards == begin ? end : backwards;
}

std::vector<std::vector<const RunSpec*>> cohorts_of_kind(std::vector<const RunSpec*> runs,
                                                         std::size_t workers,
                                                         const CohortSizes& sizes) {
  std::stable_sort(runs.begin(), runs.end(), [](const auto* a, const auto* b) {
    return shared_prefix_key(*a) < shared_prefix_key(*b);
  });
  std::vector<std::vector<const RunSpec*>> cohorts;
  RunPosition next = runs.begin();
  const auto left = [&] { return static_cast<std::size_t>(runs.end() - next); };
  const auto take = [&](std::size_t count) {
    RunPosition end = next + static_cast<std::ptrdiff_t>(count);
    if (sizes.keeps_prefix_groups) end = end_of_prefix_group(next, end, runs.end(), sizes.largest);
    cohorts.emplace_back(next, end);
    next = end;
  };
  // Half of a worker's share of the remaining runs (guided self-scheduling; Polychronopoulos and
  // Kuck, 1987), and the last runs in equal parts.
  while (left() > workers * sizes.smallest)
    take(std::clamp(divide_up(left(), 2 * workers), sizes.smallest, sizes.largest));
  for (std::size_t parts = workers; left() > 0; parts = std::max<std::size_t>(parts - 1, 1))
    take(divide_up(left(), parts));
  return cohorts;
}

}  // namespace

CohortSizes cohort_sizes_for(EngineName engine) {
  // LibTorch's overhead is spread over at least 16 runs; the fused engine has none.
  return engine == EngineName::kReference ? CohortSizes{16, 64} : CohortSizes{1, 64, true};
}

std::map<Cell, CohortSizes> cohort_sizes_for(const EngineChoices& choices) {
  std::map<Cell, CohortSizes> sizes;
  for (const auto& [cell, choice] : choices) sizes[cell] = cohort_sizes_for(choice.name);
  return sizes;
}

bool operator<(const CohortKind& a, const CohortKind& b) {
  return std::tie(a.cell, a.varied) < std::tie(b.cell, b.varied);
}

CohortKind cohort_kind(const RunSpec& run) { return {run.setup.cell, run.setup.varied.slug()}; }

std::map<CohortKind, std::vector<const RunSpec*>> by_kind(const std::vector<const RunSpec*>& runs) {
  std::map<CohortKind, std::vector<const RunSpec*>> groups;
  for (const auto* run : runs) groups[cohort_kind(*run)].push_back(run);
  return groups;
}

std::vector<std::vector<const RunSpec*>> make_cohorts(const std::vector<const RunSpec*>& runs,
                                                      std::size_t workers,
                                                      const std::map<Cell, CohortSizes>& sizes) {
  std::vector<std::vector<const RunSpec*>> groups;
  for (auto& [kind, group] : by_kind(runs)) groups.push_back(std::move(group));
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
    return relative_cost(a.front()->setup) > relative_cost(b.front()->setup);
  });
  const auto all_cohorts = [&](bool may_keep_groups) {
    std::vector<std::vector<const RunSpec*>> cohorts;
    for (const auto& group : groups) {
      const auto known = sizes.find(group.front()->setup.cell);
      CohortSizes cell_sizes = known == sizes.end() ? CohortSizes{} : known->second;
      cell_sizes.keeps_prefix_groups = cell_sizes.keeps_prefix_groups && may_keep_groups;
      for (auto& cohort : cohorts_of_kind(group, workers, cell_sizes))
        cohorts.push_back(std::move(cohort));
    }
    return cohorts;
  };
  auto cohorts = all_cohorts(true);
  return cohorts.size() < workers ? all_cohorts(false) : cohorts;
}

}  // namespace clipsweep
