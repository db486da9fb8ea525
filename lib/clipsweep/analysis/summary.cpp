#include "clipsweep/analysis/summary.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "clipsweep/base/statistics.h"
#include "clipsweep/statistics/multiple_comparisons.h"

namespace clipsweep {
namespace {

// That arms are chosen by.
std::optional<double> mean_accuracy(const ArmSummary& arm) { return arm.choice_mean(); }

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

std::vector<Comparison> compare_all(const std::vector<Arm>& arms, const SweepRuns& runs) {
  std::vector<Comparison> comparisons;
  std::vector<std::optional<double>> p_values;
  for (const auto& [arm, baseline] : with_baselines(arms)) {
    comparisons.push_back(compare(*arm, *baseline, runs.basis_of(arm->first->setup)));
    // A perturbed start is not a candidate.
    p_values.push_back(arm->first->perturbed ? std::nullopt
                                             : comparisons.back().metrics[kJudgedMetric].p_value);
  }
  const auto p_adjusted = adjusted(p_values);
  for (std::size_t i = 0; i < comparisons.size(); ++i) comparisons[i].p_adjusted = p_adjusted[i];
  return comparisons;
}

// ---- What is usable and best ----

// Which of two arms is the better one by its mean late accuracy. An arm of diverged runs has that
// of chance, and is worse than any with a run that learnt.
bool is_better(const ArmSummary& arm, const ArmSummary& other) {
  return std::make_pair(!arm.all_diverged(), *mean_accuracy(arm)) >
         std::make_pair(!other.all_diverged(), *mean_accuracy(other));
}

// The best arm among those that qualify; the first of equals.
template <typename Qualifies>
const ArmSummary* best_of(const std::vector<ArmSummary>& arms, const Qualifies& qualifies) {
  const ArmSummary* best = nullptr;
  for (const auto& arm : arms)
    if (!arm.perturbed && mean_accuracy(arm) && qualifies(arm) && (!best || is_better(arm, *best)))
      best = &arm;
  return best;
}

// What a recommendation prefers: usable arms, then those with a run that did not diverge, then
// those whose runs solve the task and keep it, then those with a higher mean.
bool is_preferred(const ArmSummary& arm, const ArmSummary& other) {
  const auto rank = [](const ArmSummary& a) {
    const double runs = std::max(1.0, static_cast<double>(a.seeds.size()));
    return std::make_tuple(a.usable, !a.all_diverged(),
                           static_cast<double>(a.solved_at_end.value_or(0)) / runs,
                           *mean_accuracy(a));
  };
  return rank(arm) > rank(other);
}

// The preferred arm among those that qualify; the first of equals, null without any.
template <typename Qualifies>
const ArmSummary* choice_of(const std::vector<ArmSummary>& arms, const Qualifies& qualifies) {
  const ArmSummary* choice = nullptr;
  for (const auto& arm : arms)
    if (!arm.perturbed && mean_accuracy(arm) && qualifies(arm) &&
        (!choice || is_preferred(arm, *choice)))
      choice = &arm;
  return choice;
}

void mark_usable(const Setup& setup, std::vector<ArmSummary>& arms) {
  const auto is_of_setup = [&](const ArmSummary& arm) { return arm.setup == setup; };
  const ArmSummary* best = best_of(arms, is_of_setup);
  if (!best) return;
  const double min_accuracy = *mean_accuracy(*best) - kUsableMargin;
  for (auto& arm : arms)
    if (is_of_setup(arm))
      arm.usable = arm.diverged == 0 && arm.better_than_chance.value_or(false) &&
                   *mean_accuracy(arm) >= min_accuracy;
}

std::vector<ModeSummary> summarize_modes(const Setup& setup, const std::vector<ArmSummary>& arms) {
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

// Better or worse only where it remains so after the correction.
std::optional<Verdict> verdict_of(const MetricDifference& difference,
                                  const std::optional<double>& p_adjusted) {
  if (!difference.verdict || !p_adjusted) return difference.verdict;
  return *p_adjusted < kSignificanceLevel ? difference.verdict : Verdict::kNoDifference;
}

// A value of one arm at each of the seeds; nothing where it has none.
template <typename ValueOf>
std::vector<std::optional<double>> values_at(const Arm& arm, const std::set<std::uint64_t>& seeds,
                                             const ValueOf& value_of) {
  std::vector<std::optional<double>> values;
  for (const std::uint64_t seed : seeds) {
    const auto run = arm.runs.find(seed);
    values.push_back(run == arm.runs.end() ? std::nullopt : value_of(*run->second));
  }
  return values;
}

std::vector<std::optional<double>> differences_at(
    const std::vector<std::optional<double>>& values,
    const std::vector<std::optional<double>>& others) {
  std::vector<std::optional<double>> differences;
  for (std::size_t i = 0; i < values.size(); ++i)
    differences.push_back(values[i] && others[i] ? std::optional(*values[i] - *others[i])
                                                 : std::nullopt);
  return differences;
}

// The arms of one cell that the best is chosen from.
struct Contest {
  std::vector<std::size_t> candidates;  // arms that clip
  std::vector<std::size_t> baselines;   // arms without clipping
  std::size_t best = 0;
  std::size_t baseline = 0;
};

std::optional<Contest> contest_of(const Setup& setup, const std::vector<ArmSummary>& summaries) {
  const auto is_candidate = [&](const auto& arm) { return arm.setup == setup && arm.acted(); };
  const auto is_baseline = [&](const auto& arm) { return arm.setup == setup && !arm.clips(); };
  const ArmSummary* best = choice_of(summaries, is_candidate);
  const ArmSummary* baseline = choice_of(summaries, is_baseline);
  if (!best || !baseline) return std::nullopt;
  Contest contest{{},
                  {},
                  static_cast<std::size_t>(best - summaries.data()),
                  static_cast<std::size_t>(baseline - summaries.data())};
  for (std::size_t i = 0; i < summaries.size(); ++i) {
    if (is_candidate(summaries[i])) contest.candidates.push_back(i);
    if (is_baseline(summaries[i]) && !summaries[i].perturbed) contest.baselines.push_back(i);
  }
  return contest;
}

// The late accuracies of a contest's arms, by seed, and their differences from the baseline.
struct ContestValues {
  SplitValues candidates;
  SplitValues baselines;
  ArmValues differences;
};

ContestValues values_of(const Contest& contest, const std::vector<Arm>& arms,
                        const MetricBasis& basis) {
  std::set<std::uint64_t> seeds;
  for (const auto& [seed, run] : arms[contest.baseline].runs) seeds.insert(seed);
  const auto judged = [&](const RunRecord& run) { return metric_value(run, kJudgedMetric, basis); };
  const auto choice = [&](const RunRecord& run) { return choice_value(run, basis); };
  const auto reference = values_at(arms[contest.baseline], seeds, judged);
  ContestValues values;
  for (const std::size_t i : contest.candidates) {
    values.candidates.judged.push_back(values_at(arms[i], seeds, judged));
    values.candidates.choice.push_back(values_at(arms[i], seeds, choice));
    values.differences.push_back(differences_at(values.candidates.judged.back(), reference));
  }
  for (const std::size_t i : contest.baselines) {
    values.baselines.judged.push_back(values_at(arms[i], seeds, judged));
    values.baselines.choice.push_back(values_at(arms[i], seeds, choice));
  }
  return values;
}

// The index of an arm among the candidates.
std::optional<std::size_t> candidate_index(const Contest& contest,
                                           const std::vector<ArmSummary>& summaries,
                                           const std::string& arm) {
  const auto& candidates = contest.candidates;
  const auto found = std::find_if(candidates.begin(), candidates.end(),
                                  [&](std::size_t i) { return summaries[i].name == arm; });
  if (found == candidates.end()) return std::nullopt;
  return static_cast<std::size_t>(found - candidates.begin());
}

BestComparison compare_best(const Contest& contest, const std::vector<Arm>& arms,
                            const std::vector<ArmSummary>& summaries, const MetricBasis& basis) {
  const Arm& best = arms[contest.best];
  const Arm& baseline = arms[contest.baseline];
  BestComparison result;
  result.setup = summaries[contest.best].setup;
  result.arm = summaries[contest.best].name;
  result.baseline = summaries[contest.baseline].name;
  result.candidates = contest.candidates.size();
  result.late_test_accuracy = compare_metric(best, baseline, Metric::kLateTestAccuracy, basis);
  result.final_test_accuracy = compare_metric(best, baseline, Metric::kFinalTestAccuracy, basis);
  result.collapses = compare_collapses(best, baseline, basis);
  result.solved_at_end = compare_solved_at_end(best, baseline, basis);
  return result;
}

// Compares the best arm of a setup, and the best of each of its modes, with the best arm without
// clipping. What is said of each allows for the choice among all arms.
void compare_with_best_baseline(const Setup& setup, const std::vector<Arm>& arms,
                                const MetricBasis& basis, std::vector<ModeSummary>& modes,
                                Summary& summary) {
  const auto contest = contest_of(setup, summary.arms);
  if (!contest) return;
  const ContestValues values = values_of(*contest, arms, basis);
  BestComparison best = compare_best(*contest, arms, summary.arms, basis);
  std::vector<std::size_t> chosen = {*candidate_index(*contest, summary.arms, best.arm)};
  std::vector<ModeSummary*> compared;
  for (auto& mode : modes) {
    const auto index =
        mode.best_arm ? candidate_index(*contest, summary.arms, *mode.best_arm) : std::nullopt;
    if (!index) continue;
    chosen.push_back(*index);
    compared.push_back(&mode);
  }
  const auto inferences = infer_chosen_means(values.differences, chosen);
  if (const auto& inference = inferences.front()) {
    best.simultaneous_interval = inference->interval;
    best.p_adjusted = inference->p_value;
  }
  best.split_seed_mean = split_seed_gain(values.candidates, values.baselines);
  best.verdict = verdict_of(best.late_test_accuracy, best.p_adjusted);
  for (std::size_t i = 0; i < compared.size(); ++i) {
    const auto difference = compare_metric(arms[contest->candidates[chosen[i + 1]]],
                                           arms[contest->baseline], kJudgedMetric, basis);
    ModeDifference of_mode{best.baseline, difference.n, difference.mean, {}, {}, {}};
    if (const auto& inference = inferences[i + 1]) {
      of_mode.simultaneous_interval = inference->interval;
      of_mode.p_adjusted = inference->p_value;
    }
    of_mode.verdict = verdict_of(difference, of_mode.p_adjusted);
    compared[i]->difference = std::move(of_mode);
  }
  summary.best.push_back(std::move(best));
}

// ---- The rest ----

std::vector<NoiseFloor> noise_floors(const std::vector<Arm>& arms, const SweepRuns& runs) {
  std::vector<NoiseFloor> floors;
  for (const auto& [arm, baseline] : with_baselines(arms)) {
    if (!arm->first->perturbed) continue;
    const auto differences =
        paired_differences(*arm, *baseline, kJudgedMetric, runs.basis_of(arm->first->setup));
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

void count_outcome(const RunRecord& record, RunCounts& counts) {
  switch (record.outcome) {
    case Outcome::kCompleted:
      ++(is_stalled(record) ? counts.diverged : counts.completed);
      counts.stalled += is_stalled(record) ? 1 : 0;
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
      count_outcome(*record, counts);
    else
      ++missing;
  }
  counts.unfinished = missing - counts.damaged;
  return counts;
}

const MetricBasis& basis_in(const std::map<std::string, MetricBasis>& bases, const Setup& setup,
                            const MetricBasis& common) {
  const auto found = bases.find(setup.varied.slug());
  return found == bases.end() ? common : found->second;
}

}  // namespace

const MetricBasis& SweepRuns::basis_of(const Setup& setup) const {
  return basis_in(setup_bases, setup, basis);
}

const MetricBasis& Summary::basis_of(const Setup& setup) const {
  return basis_in(setup_bases, setup, basis);
}

Summary summarize(const SweepRuns& runs) {
  if (runs.plan.size() != runs.records.size())
    throw std::logic_error("summarize: needs one record for each run of the plan");
  const std::vector<Arm> arms = arms_of(runs.plan, runs.records);
  Summary summary;
  summary.runs = count_runs(runs);
  summary.damaged = runs.damaged;
  summary.basis = runs.basis;
  summary.setup_bases = runs.setup_bases;
  summary.setups = setups_of(runs.plan);
  for (const auto& arm : arms)
    summary.arms.push_back(summarize_arm(arm, runs.basis_of(arm.first->setup)));
  summary.comparisons = compare_all(arms, runs);
  for (const auto& setup : summary.setups) {
    mark_usable(setup, summary.arms);
    auto modes = summarize_modes(setup, summary.arms);
    compare_with_best_baseline(setup, arms, runs.basis_of(setup), modes, summary);
    summary.modes.insert(summary.modes.end(), modes.begin(), modes.end());
  }
  summary.noise_floor = noise_floors(arms, runs);
  summary.what_if = what_if_tables(arms);
  return summary;
}

Summary part_of(const Summary& summary, const Setup& setup) {
  Summary part;
  part.runs = summary.runs;
  part.damaged = summary.damaged;
  part.basis = summary.basis_of(setup);
  part.setups = {setup};
  const auto keep = [](const auto& from, auto& to, const auto& belongs) {
    std::copy_if(from.begin(), from.end(), std::back_inserter(to), belongs);
  };
  const auto has_setup = [&](const auto& item) { return item.setup == setup; };
  keep(summary.arms, part.arms, has_setup);
  keep(summary.modes, part.modes, has_setup);
  keep(summary.best, part.best, has_setup);
  std::set<std::string> names;
  for (const auto& arm : part.arms) names.insert(arm.name);
  keep(summary.comparisons, part.comparisons,
       [&](const Comparison& comparison) { return names.count(comparison.arm) > 0; });
  keep(summary.noise_floor, part.noise_floor,
       [&](const NoiseFloor& floor) { return names.count(floor.arm) > 0; });
  keep(summary.what_if, part.what_if,
       [&](const WhatIfTable& table) { return names.count(table.baseline) > 0; });
  return part;
}

const ArmSummary& Summary::arm(const std::string& name) const {
  for (const auto& arm : arms)
    if (arm.name == name) return arm;
  throw std::logic_error("Summary::arm: no arm " + name);
}

bool Summary::has_several_baselines(const Setup& setup) const {
  return std::count_if(arms.begin(), arms.end(), [&](const ArmSummary& arm) {
           return arm.setup == setup && !arm.clips() && !arm.perturbed;
         }) > 1;
}

const Comparison* Summary::comparison_of(const std::string& arm) const {
  for (const auto& comparison : comparisons)
    if (comparison.arm == arm) return &comparison;
  return nullptr;
}

}  // namespace clipsweep
