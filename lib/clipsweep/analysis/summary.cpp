#include "clipsweep/analysis/summary.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "clipsweep/base/statistics.h"

namespace clipsweep {
namespace {

std::optional<double> mean_accuracy(const ArmSummary& arm) {
  return arm.metrics[kJudgedMetric].mean;
}

// ---- Arms and their baselines ----

// The settings of the arm that an arm is compared with. They differ in the clipping only or, for an
// arm without clipping, in the perturbed start or the regularization.
RunSpec baseline_of(RunSpec spec) {
  if (spec.clip.mode == ClipMode::kNone && !spec.perturbed) spec.regularization = {};
  spec.clip = {};
  spec.perturbed = false;
  return spec;
}

std::vector<std::pair<const Arm*, const Arm*>> with_baselines(const std::vector<Arm>& arms) {
  std::map<std::string, const Arm*> by_name;
  for (const auto& arm : arms) by_name.emplace(arm_name(*arm.first), &arm);
  std::vector<std::pair<const Arm*, const Arm*>> pairs;
  for (const auto& arm : arms) {
    const std::string name = arm_name(baseline_of(*arm.first));
    const auto baseline = by_name.find(name);
    if (name != arm_name(*arm.first) && baseline != by_name.end())
      pairs.emplace_back(&arm, baseline->second);
  }
  return pairs;
}

// Corrects the p-values that exist for multiple comparisons.
std::vector<std::optional<double>> adjusted(const std::vector<std::optional<double>>& p_values) {
  std::vector<double> known;
  for (const auto& p_value : p_values)
    if (p_value) known.push_back(*p_value);
  const auto holm = holm_adjusted(known);
  auto next = holm.begin();
  std::vector<std::optional<double>> result;
  for (const auto& p_value : p_values)
    result.push_back(p_value ? std::optional(*next++) : std::nullopt);
  return result;
}

std::vector<Comparison> compare_all(const std::vector<Arm>& arms, const MetricBasis& basis) {
  std::vector<Comparison> comparisons;
  std::vector<std::optional<double>> p_values;
  for (const auto& [arm, baseline] : with_baselines(arms)) {
    comparisons.push_back(compare(*arm, *baseline, basis));
    // A perturbed start is not a candidate.
    p_values.push_back(arm->first->perturbed ? std::nullopt
                                             : comparisons.back().metrics[kJudgedMetric].p_value);
  }
  const auto p_adjusted = adjusted(p_values);
  for (std::size_t i = 0; i < comparisons.size(); ++i) comparisons[i].p_adjusted = p_adjusted[i];
  return comparisons;
}

// ---- What is usable and best ----

// The arm with the highest mean final accuracy among those that qualify; the first of equals.
template <typename Qualifies>
const ArmSummary* best_of(const std::vector<ArmSummary>& arms, const Qualifies& qualifies) {
  const ArmSummary* best = nullptr;
  for (const auto& arm : arms)
    if (!arm.perturbed && mean_accuracy(arm) && qualifies(arm) &&
        (!best || *mean_accuracy(arm) > *mean_accuracy(*best)))
      best = &arm;
  return best;
}

void mark_usable(const CellSetup& setup, std::vector<ArmSummary>& arms) {
  const auto is_of_setup = [&](const ArmSummary& arm) { return arm.setup == setup; };
  const ArmSummary* best = best_of(arms, is_of_setup);
  if (!best) return;
  const double min_accuracy = *mean_accuracy(*best) - kUsableMargin;
  for (auto& arm : arms)
    if (is_of_setup(arm))
      arm.usable = arm.diverged == 0 && mean_accuracy(arm) && *mean_accuracy(arm) >= min_accuracy;
}

std::vector<ModeSummary> summarize_modes(const CellSetup& setup,
                                         const std::vector<ArmSummary>& arms) {
  std::vector<ModeSummary> modes;
  for (const auto& entry : clip_modes()) {
    const auto is_of_mode = [&](const ArmSummary& arm) {
      return arm.setup == setup && arm.clip.mode == entry.mode && !arm.perturbed;
    };
    if (std::none_of(arms.begin(), arms.end(), is_of_mode)) continue;
    ModeSummary mode{setup, entry.mode};
    if (const ArmSummary* best = best_of(arms, is_of_mode)) mode.best_arm = best->name;
    std::set<double> rates;
    for (const auto& arm : arms) {
      if (!is_of_mode(arm)) continue;
      if (arm.usable) rates.insert(arm.learning_rate);
      if (!arm.solved) continue;
      mode.solved += *arm.solved;
      mode.unsolved += arm.seeds.size() - *arm.solved;
    }
    mode.usable_learning_rates.assign(rates.begin(), rates.end());
    modes.push_back(std::move(mode));
  }
  return modes;
}

// Whether an arm clipped at least once; otherwise it is the same as its baseline.
std::optional<Verdict> verdict_of(const MetricDifference& difference,
                                  const std::optional<double>& p_adjusted) {
  if (!difference.verdict || !p_adjusted) return difference.verdict;
  return *p_adjusted < kSignificanceLevel ? difference.verdict : Verdict::kNoDifference;
}

std::optional<BestComparison> compare_best(const CellSetup& setup, const std::vector<Arm>& arms,
                                           const std::vector<ArmSummary>& summaries,
                                           const MetricBasis& basis) {
  const auto is_candidate = [&](const auto& arm) { return arm.setup == setup && arm.acted(); };
  const ArmSummary* best = best_of(summaries, is_candidate);
  const ArmSummary* baseline =
      best_of(summaries, [&](const auto& arm) { return arm.setup == setup && !arm.clips(); });
  if (!best || !baseline) return std::nullopt;
  const Arm& reference = arms[static_cast<std::size_t>(baseline - summaries.data())];
  BestComparison result{setup, best->name, baseline->name, {}, {}, {}, 0};
  std::vector<std::optional<double>> p_values;
  std::size_t best_index = 0;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    if (!is_candidate(summaries[i])) continue;
    const auto difference = compare_metric(arms[i], reference, kJudgedMetric, basis);
    if (&summaries[i] == best) {
      best_index = p_values.size();
      result.final_test_accuracy = difference;
    }
    p_values.push_back(difference.p_value);
  }
  result.candidates = p_values.size();
  result.p_adjusted = adjusted(p_values)[best_index];
  result.verdict = verdict_of(result.final_test_accuracy, result.p_adjusted);
  return result;
}

// ---- The rest ----

std::vector<NoiseFloor> noise_floors(const std::vector<Arm>& arms, const MetricBasis& basis) {
  std::vector<NoiseFloor> floors;
  for (const auto& [arm, baseline] : with_baselines(arms)) {
    if (!arm->first->perturbed) continue;
    const auto differences = paired_differences(*arm, *baseline, kJudgedMetric, basis);
    if (differences.empty()) continue;
    std::vector<double> sizes;
    for (const double difference : differences) sizes.push_back(std::abs(difference));
    NoiseFloor floor{arm_name(*baseline->first), arm_name(*arm->first), sizes.size(), 0, 0, {}};
    floor.median_absolute_difference = quantile(sizes, 0.5);
    floor.max_absolute_difference = quantile(sizes, 1);
    if (differences.size() > 1) floor.standard_deviation = standard_deviation(differences);
    floors.push_back(std::move(floor));
  }
  return floors;
}

std::vector<WhatIfTable> what_if_tables(const std::vector<Arm>& arms) {
  std::vector<WhatIfTable> tables;
  for (const auto& arm : arms) {
    if (arm.clips() || arm.first->perturbed) continue;
    WhatIfTable table{arm_name(*arm.first), {}};
    for (const auto& [seed, run] : arm.runs) table.counts += run->totals.what_if;
    if (table.counts.steps > 0) tables.push_back(std::move(table));
  }
  return tables;
}

void count_outcome(Outcome outcome, RunCounts& counts) {
  switch (outcome) {
    case Outcome::kCompleted:
      ++counts.completed;
      return;
    case Outcome::kDiverged:
      ++counts.diverged;
      return;
    case Outcome::kFailed:
      ++counts.failed;
      return;
    case Outcome::kInterrupted:
      ++counts.interrupted;
      return;
  }
}

RunCounts count_runs(const SweepRuns& runs) {
  RunCounts counts;
  counts.planned = runs.plan.size();
  counts.damaged = runs.damaged.size();
  std::uint64_t missing = 0;
  for (const auto& record : runs.records) {
    if (record)
      count_outcome(record->outcome, counts);
    else
      ++missing;
  }
  counts.unfinished = missing - counts.damaged;
  return counts;
}

}  // namespace

Summary summarize(const SweepRuns& runs) {
  if (runs.plan.size() != runs.records.size())
    throw std::logic_error("summarize: needs one record for each run of the plan");
  const std::vector<Arm> arms = arms_of(runs.plan, runs.records);
  Summary summary;
  summary.runs = count_runs(runs);
  summary.damaged = runs.damaged;
  summary.basis = runs.basis;
  summary.setups = cell_setups(runs.plan);
  for (const auto& arm : arms) summary.arms.push_back(summarize_arm(arm, runs.basis));
  summary.comparisons = compare_all(arms, runs.basis);
  for (const auto& setup : summary.setups) {
    mark_usable(setup, summary.arms);
    const auto modes = summarize_modes(setup, summary.arms);
    summary.modes.insert(summary.modes.end(), modes.begin(), modes.end());
    if (auto best = compare_best(setup, arms, summary.arms, runs.basis))
      summary.best.push_back(std::move(*best));
  }
  summary.noise_floor = noise_floors(arms, runs.basis);
  summary.what_if = what_if_tables(arms);
  return summary;
}

Summary part_of(const Summary& summary, const CellSetup& setup) {
  Summary part = summary;
  const auto keep = [](auto& list, const auto& belongs) {
    const auto is_foreign = [&](const auto& item) { return !belongs(item); };
    list.erase(std::remove_if(list.begin(), list.end(), is_foreign), list.end());
  };
  const auto has_setup = [&](const auto& item) { return item.setup == setup; };
  part.setups = {setup};
  keep(part.arms, has_setup);
  keep(part.modes, has_setup);
  keep(part.best, has_setup);
  keep(part.comparisons,
       [&](const Comparison& comparison) { return summary.arm(comparison.arm).setup == setup; });
  keep(part.noise_floor,
       [&](const NoiseFloor& floor) { return summary.arm(floor.arm).setup == setup; });
  keep(part.what_if,
       [&](const WhatIfTable& table) { return summary.arm(table.baseline).setup == setup; });
  return part;
}

const ArmSummary& Summary::arm(const std::string& name) const {
  for (const auto& arm : arms)
    if (arm.name == name) return arm;
  throw std::logic_error("Summary::arm: no arm " + name);
}

const Comparison* Summary::comparison_of(const std::string& arm) const {
  for (const auto& comparison : comparisons)
    if (comparison.arm == arm) return &comparison;
  return nullptr;
}

}  // namespace clipsweep
