#include "clipsweep/analysis/conclusions.h"

#include <algorithm>
#include <set>
#include <utility>

namespace clipsweep {
namespace {

std::vector<double> learning_rates_of(const Summary& summary) {
  std::set<double> rates;
  for (const auto& arm : summary.arms) rates.insert(arm.learning_rate);
  return {rates.begin(), rates.end()};
}

// The best comparison of the cell; null if there is none.
const BestComparison* best_of(const Summary& summary) {
  return summary.best.empty() ? nullptr : &summary.best.front();
}

// ---- Does clipping help? ----

EffectCase why_nothing_to_judge(const Summary& summary) {
  const auto& arms = summary.arms;
  const auto clips = [](const ArmSummary& arm) { return arm.clips(); };
  const auto has_run = [](const ArmSummary& arm) { return !arm.seeds.empty(); };
  if (summary.runs.completed + summary.runs.diverged == 0) return EffectCase::kNoOutcome;
  if (std::none_of(arms.begin(), arms.end(), clips)) return EffectCase::kNoArmClips;
  if (std::all_of(arms.begin(), arms.end(), clips)) return EffectCase::kNoArmWithoutClipping;
  if (std::none_of(arms.begin(), arms.end(),
                   [&](const auto& arm) { return clips(arm) && has_run(arm); }))
    return EffectCase::kNoRunWithClipping;
  const auto acted = [](const auto& arm) { return arm.acted(); };
  return std::none_of(arms.begin(), arms.end(), acted) ? EffectCase::kNeverActed
                                                       : EffectCase::kNoRunWithoutClipping;
}

EffectCase effect_case_of(const BestComparison& best) {
  const MetricDifference& difference = best.late_test_accuracy;
  if (!best.verdict) return EffectCase::kTooFewSeeds;
  if (best.verdict == Verdict::kBetter) return EffectCase::kBetter;
  if (best.verdict == Verdict::kWorse) return EffectCase::kWorse;
  if (difference.verdict == Verdict::kNoDifference) return EffectCase::kNoDifference;
  return difference.p_value.value_or(1) < kSignificanceLevel ? EffectCase::kNotAfterCorrection
                                                             : EffectCase::kNotSignificant;
}

Effect judge_effect(const Summary& summary) {
  const BestComparison* best = best_of(summary);
  if (!best) return {why_nothing_to_judge(summary)};
  return {effect_case_of(*best), &summary.arm(best->arm), &summary.arm(best->baseline), best};
}

// ---- Where? ----

VerdictCounts count_verdicts(const Summary& summary) {
  VerdictCounts counts;
  for (const auto& comparison : summary.comparisons) {
    const ArmSummary& arm = summary.arm(comparison.arm);
    const MetricDifference& difference = comparison.metrics[kJudgedMetric];
    if (!arm.acted() || !comparison.verdict()) continue;
    ++counts.judged;
    if (comparison.verdict() == Verdict::kWorse) ++counts.worse;
    if (comparison.verdict() != Verdict::kBetter) continue;
    ++counts.better;
    if (comparison.p_adjusted.value_or(1) < kSignificanceLevel) ++counts.better_adjusted;
    if (counts.gained && counts.gained->mean >= difference.mean) continue;
    counts.largest_gain = &arm;
    counts.gained = &difference;
  }
  return counts;
}

SideEffects side_effects_of(const ArmSummary& arm, const Summary& summary) {
  const Comparison* comparison = summary.comparison_of(arm.name);
  if (!comparison) return {};
  SideEffects effects;
  const MetricDifference& loss = comparison->metrics[Metric::kFinalTrainLoss];
  if (loss.mean && loss.interval) effects.train_loss = &loss;
  const MetricSummary& accuracy = arm.metrics[kJudgedMetric];
  const MetricSummary& baseline = summary.arm(comparison->baseline).metrics[kJudgedMetric];
  if (!accuracy.standard_deviation || !baseline.standard_deviation) return effects;
  effects.accuracy = &accuracy;
  effects.baseline_accuracy = &baseline;
  return effects;
}

// Whether a mode is usable at more learning rates than another; the best accuracy breaks a tie.
bool is_wider(const ModeSummary& mode, const ModeSummary& other, const Summary& summary) {
  const std::size_t rates = mode.usable_learning_rates.size();
  const std::size_t other_rates = other.usable_learning_rates.size();
  if (rates != other_rates || !mode.best_arm || !other.best_arm) return rates > other_rates;
  return summary.arm(*mode.best_arm).metrics[kJudgedMetric].mean >
         summary.arm(*other.best_arm).metrics[kJudgedMetric].mean;
}

std::optional<UsableRates> usable_rates_by_mode(const Summary& summary) {
  const ModeSummary* none = nullptr;
  const ModeSummary* widest = nullptr;
  for (const auto& mode : summary.modes) {
    if (mode.mode == ClipMode::kNone)
      none = &mode;
    else if (!widest || is_wider(mode, *widest, summary))
      widest = &mode;
  }
  if (!none || !widest) return std::nullopt;
  return UsableRates{none->usable_learning_rates, widest->usable_learning_rates, widest->mode};
}

Reach judge_reach(const Summary& summary, const Effect& effect, bool is_one_rate) {
  if (!effect.comparison) return {};
  Reach reach;
  reach.arm = effect.arm;
  reach.counts = count_verdicts(summary);
  if (is_one_rate)
    reach.side_effects = side_effects_of(*effect.arm, summary);
  else
    reach.usable = usable_rates_by_mode(summary);
  reach.kind = reach.counts.judged == 0 ? ReachCase::kTooFewSeeds
               : is_one_rate            ? ReachCase::kOneLearningRate
                                        : ReachCase::kSeveralLearningRates;
  return reach;
}

// ---- What to use? ----

// The learning rates at which an arm's clipping and regularization are usable.
std::vector<double> usable_rates(const Summary& summary, const ArmSummary& arm) {
  std::vector<double> rates;
  for (const auto& other : summary.arms)
    if (other.clip == arm.clip && other.regularization == arm.regularization && !other.perturbed &&
        other.usable)
      rates.push_back(other.learning_rate);
  return rates;
}

// At the learning rate of the best arm without clipping: the arm that clips, is not worse, and
// whose settings are usable at the most learning rates. Null if there is none.
const ArmSummary* widest_harmless(const Summary& summary, const ArmSummary& baseline) {
  const ArmSummary* widest = nullptr;
  std::size_t max_rates = 0;
  for (const auto& comparison : summary.comparisons) {
    const ArmSummary& arm = summary.arm(comparison.arm);
    const bool is_harmless = comparison.verdict() && comparison.verdict() != Verdict::kWorse;
    if (comparison.baseline != baseline.name || !arm.clips() || !is_harmless) continue;
    const std::size_t rates = usable_rates(summary, arm).size();
    const bool is_better = rates == max_rates && widest &&
                           arm.metrics[kJudgedMetric].mean > widest->metrics[kJudgedMetric].mean;
    if (rates <= max_rates && !is_better) continue;
    widest = &arm;
    max_rates = rates;
  }
  return widest;
}

// At the learning rate of the best arm without clipping: the arm that clips, is not worse, and
// reduces the spread between seeds most. Null if there is none.
const ArmSummary* narrowest(const Summary& summary, const ArmSummary& baseline) {
  const Comparison* best = nullptr;
  for (const auto& comparison : summary.comparisons) {
    const bool is_narrower = comparison.spread.verdict == Verdict::kBetter &&
                             comparison.verdict() != Verdict::kWorse &&
                             summary.arm(comparison.arm).acted();
    if (comparison.baseline == baseline.name && is_narrower &&
        (!best || comparison.spread.mean < best->spread.mean))
      best = &comparison;
  }
  return best ? &summary.arm(best->arm) : nullptr;
}

Advice advise_without_difference(const Summary& summary, const ArmSummary& baseline,
                                 bool is_one_rate) {
  const auto rates = usable_rates(summary, baseline);
  if (const ArmSummary* widest = widest_harmless(summary, baseline); widest && !is_one_rate) {
    auto more_rates = usable_rates(summary, *widest);
    if (more_rates.size() > rates.size())
      return {AdviceCase::kUsableAtMoreRates, &baseline, widest, rates, std::move(more_rates)};
  }
  if (const ArmSummary* arm = narrowest(summary, baseline))
    return {AdviceCase::kSpreadsLess, arm, &baseline};
  return {AdviceCase::kNoReasonToClip, &baseline};
}

Advice advise(const Summary& summary, const Effect& effect, bool is_one_rate) {
  if (!effect.comparison) return {AdviceCase::kNothingToCompare};
  const auto& [kind, arm, baseline, best] = effect;
  if (kind == EffectCase::kTooFewSeeds) return {AdviceCase::kTooEarly};
  if (kind == EffectCase::kBetter)
    return {AdviceCase::kWithClipping, arm, nullptr, usable_rates(summary, *arm)};
  // Accuracy is no reason to prefer an arm that diverged to one that did not.
  if (arm->diverged < baseline->diverged) return {AdviceCase::kDivergesLess, arm, baseline};
  if (kind == EffectCase::kWorse) return {AdviceCase::kWithoutClipping, baseline};
  return advise_without_difference(summary, *baseline, is_one_rate);
}

RateCaveat caveat_of(const Advice& advice, const std::vector<double>& learning_rates) {
  if (!advice.recommended) return RateCaveat::kNone;
  const double rate = advice.recommended->learning_rate;
  if (learning_rates.size() == 1) return RateCaveat::kOnlyOneTried;
  if (rate == learning_rates.back()) return RateCaveat::kLargestTried;
  return rate == learning_rates.front() ? RateCaveat::kSmallestTried : RateCaveat::kNone;
}

}  // namespace

Conclusion conclude(const Summary& summary) {
  Conclusion conclusion;
  conclusion.learning_rates = learning_rates_of(summary);
  const bool is_one_rate = conclusion.learning_rates.size() == 1;
  conclusion.effect = judge_effect(summary);
  conclusion.reach = judge_reach(summary, conclusion.effect, is_one_rate);
  conclusion.advice = advise(summary, conclusion.effect, is_one_rate);
  conclusion.advice.caveat = caveat_of(conclusion.advice, conclusion.learning_rates);
  return conclusion;
}

}  // namespace clipsweep
