#include "clipsweep/analysis/conclusions.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
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

bool has_run(const ArmSummary& arm) { return !arm.seeds.empty(); }

// ---- Does clipping help? ----

EffectCase why_nothing_to_judge(const Summary& summary) {
  const auto& arms = summary.arms;
  const auto clips = [](const ArmSummary& arm) { return arm.clips(); };
  const auto any = [&](const auto& qualifies) {
    return std::any_of(arms.begin(), arms.end(), qualifies);
  };
  if (!any(has_run)) return EffectCase::kNoOutcome;
  if (!any([](const auto& arm) { return !arm.all_diverged(); })) return EffectCase::kAllDiverged;
  if (!any(clips)) return EffectCase::kNoArmClips;
  if (std::all_of(arms.begin(), arms.end(), clips)) return EffectCase::kNoArmWithoutClipping;
  if (!any([](const auto& arm) { return arm.clips() && has_run(arm); }))
    return EffectCase::kNoRunWithClipping;
  if (!any([](const auto& arm) { return !arm.clips() && has_run(arm); }))
    return EffectCase::kNoRunWithoutClipping;
  return EffectCase::kNeverActed;
}

bool nothing_learnt(const Summary& summary) {
  return std::none_of(summary.arms.begin(), summary.arms.end(),
                      [](const ArmSummary& arm) { return arm.better_than_chance.value_or(false); });
}

// Whether runs solve the task, so that verdicts are about that.
bool is_solved(const Summary& summary) {
  return std::any_of(summary.arms.begin(), summary.arms.end(),
                     [](const ArmSummary& arm) { return arm.solved.value_or(0) > 0; });
}

EffectCase effect_case_of(const BestComparison& best) {
  if (!best.verdict) return EffectCase::kTooFewSeeds;
  if (best.verdict == Verdict::kBetter) return EffectCase::kBetter;
  if (best.verdict == Verdict::kWorse) return EffectCase::kWorse;
  const Verdict alone = best.late_test_accuracy.verdict.value_or(Verdict::kNoDifference);
  return alone == Verdict::kBetter || alone == Verdict::kWorse ? EffectCase::kNotAfterCorrection
                                                               : EffectCase::kNoDifference;
}

EffectCase solving_case_of(const PairedShares& shares, double p_value) {
  if (shares.counts.n() < kMinPairsForVerdict) return EffectCase::kSolvesTooFewSeeds;
  if (shares.difference == 0) return EffectCase::kSolvesAlike;
  if (p_value >= kSignificanceLevel) return EffectCase::kSolvesUnsettled;
  return shares.difference > 0 ? EffectCase::kSolvesMore : EffectCase::kSolvesLess;
}

// By the exact test, after Bonferroni's correction for the arms that the best was chosen from.
void judge_solving(const PairedShares& shares, std::uint64_t candidates, Effect& effect) {
  effect.p_value = std::min(1.0, shares.p_value * static_cast<double>(candidates));
  effect.kind = solving_case_of(shares, *effect.p_value);
}

// The arm with the highest mean accuracy of those that have a run that did not diverge; null
// without any.
const ArmSummary* best_arm(const Summary& summary) {
  const ArmSummary* best = nullptr;
  for (const auto& arm : summary.arms) {
    const auto& mean = arm.choice_mean();
    if (arm.perturbed || arm.all_diverged() || !mean) continue;
    if (!best || *mean > *best->choice_mean()) best = &arm;
  }
  return best;
}

Effect judge_effect(const Summary& summary) {
  const BestComparison* best = best_of(summary);
  const EffectCase reason = why_nothing_to_judge(summary);
  if (reason == EffectCase::kAllDiverged) return {reason};
  if (reason != EffectCase::kNoOutcome && nothing_learnt(summary))
    return {EffectCase::kNothingLearnt, best_arm(summary)};
  if (!best) return {reason};
  Effect effect{effect_case_of(*best), &summary.arm(best->arm), &summary.arm(best->baseline), best};
  if (best->solved_at_end && is_solved(summary))
    judge_solving(*best->solved_at_end, best->candidates, effect);
  return effect;
}

std::optional<DivergedSides> diverged_sides(const Summary& summary) {
  DivergedSides sides;
  for (const auto& arm : summary.arms) {
    if (arm.perturbed) continue;
    RunShare& side = arm.clips() ? sides.with : sides.without;
    side.count += arm.diverged;
    side.n += arm.seeds.size();
    sides.origin += arm.divergence_origin;
  }
  if (sides.with.count + sides.without.count == 0) return std::nullopt;
  if (sides.with.n > 0 && sides.without.n > 0)
    sides.difference = share_difference_interval(sides.with, sides.without);
  return sides;
}

// The largest threshold that would have acted on a step; nothing if none would have.
std::optional<double> largest_acting(const WhatIfCounts::Counts& counts) {
  for (std::size_t i = counts.size(); i-- > 0;)
    if (counts[i] > 0) return kWhatIfThresholds[i];
  return std::nullopt;
}

ThresholdHint threshold_hint(const Summary& summary) {
  ThresholdHint hint;
  for (const auto& arm : summary.arms)
    hint.largest_norm = std::max(hint.largest_norm, arm.grad_norm_raw.max.value_or(0));
  WhatIfCounts counts;
  for (const auto& table : summary.what_if) counts += table.counts;
  hint.value = largest_acting(counts.value);
  hint.global_norm = largest_acting(counts.global_norm);
  return hint;
}

// ---- Where? ----

VerdictCounts count_verdicts(const Summary& summary) {
  VerdictCounts counts;
  for (const auto& comparison : summary.comparisons) {
    const ArmSummary& arm = summary.arm(comparison.arm);
    const MetricDifference& difference = comparison.metrics[kJudgedMetric];
    if (!arm.acted() || !comparison.verdict()) continue;
    const bool holds = comparison.p_adjusted.value_or(1) < kSignificanceLevel;
    ++counts.judged;
    if (comparison.verdict() == Verdict::kWorse) {
      ++counts.worse;
      if (holds) ++counts.worse_adjusted;
    }
    if (comparison.verdict() != Verdict::kBetter) continue;
    ++counts.better;
    if (holds) ++counts.better_adjusted;
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
  return summary.arm(*mode.best_arm).choice_mean() > summary.arm(*other.best_arm).choice_mean();
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

std::vector<const ArmSummary*> solving_arms(const Summary& summary) {
  std::vector<const ArmSummary*> arms;
  for (const auto& arm : summary.arms)
    if (!arm.perturbed && has_run(arm) && arm.solved) arms.push_back(&arm);
  const auto share = [](std::uint64_t count, const ArmSummary* arm) {
    return static_cast<double>(count) / static_cast<double>(arm->seeds.size());
  };
  std::stable_sort(arms.begin(), arms.end(), [&](const auto* a, const auto* b) {
    return std::make_pair(share(a->solved_at_end.value_or(0), a), share(*a->solved, a)) >
           std::make_pair(share(b->solved_at_end.value_or(0), b), share(*b->solved, b));
  });
  return arms;
}

Reach judge_reach(const Summary& summary, const Effect& effect, bool is_one_rate) {
  if (!effect.comparison) return {};
  Reach reach;
  reach.arm = effect.arm;
  reach.counts = count_verdicts(summary);
  if (is_solved(summary)) reach.solving = solving_arms(summary);
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

// The comparisons of arms that clipped with this baseline, which are usable and not worse.
std::vector<const Comparison*> harmless_at(const Summary& summary, const ArmSummary& baseline) {
  std::vector<const Comparison*> harmless;
  for (const auto& comparison : summary.comparisons) {
    const ArmSummary& arm = summary.arm(comparison.arm);
    if (comparison.baseline == baseline.name && arm.acted() && arm.usable && comparison.verdict() &&
        comparison.verdict() != Verdict::kWorse)
      harmless.push_back(&comparison);
  }
  return harmless;
}

// The harmless arm whose settings are usable at the most learning rates; null if there is none.
const ArmSummary* widest_harmless(const Summary& summary, const ArmSummary& baseline) {
  const auto rank = [&](const ArmSummary& arm) {
    return std::make_pair(usable_rates(summary, arm).size(), arm.choice_mean());
  };
  const ArmSummary* widest = nullptr;
  for (const Comparison* comparison : harmless_at(summary, baseline)) {
    const ArmSummary& arm = summary.arm(comparison->arm);
    if (!widest || rank(arm) > rank(*widest)) widest = &arm;
  }
  return widest;
}

// The harmless comparison with the lowest mean of those in which `difference_of` is better; null if
// there is none.
template <typename DifferenceOf>
const Comparison* most_improved(const Summary& summary, const ArmSummary& baseline,
                                const DifferenceOf& difference_of) {
  const Comparison* most = nullptr;
  for (const Comparison* comparison : harmless_at(summary, baseline)) {
    const MetricDifference& difference = difference_of(*comparison);
    if (difference.verdict == Verdict::kBetter &&
        (!most || difference.mean < difference_of(*most).mean))
      most = comparison;
  }
  return most;
}

// Both are usable, and no verdict tells their accuracies apart.
Advice advise_without_difference(const Summary& summary, const Effect& effect, bool is_one_rate) {
  const ArmSummary& baseline = *effect.baseline;
  const auto rates = usable_rates(summary, baseline);
  if (const ArmSummary* widest = widest_harmless(summary, baseline); widest && !is_one_rate) {
    auto more_rates = usable_rates(summary, *widest);
    if (more_rates.size() > rates.size()) {
      Advice advice{AdviceCase::kUsableAtMoreRates, &baseline, widest};
      advice.difference = &summary.comparison_of(widest->name)->metrics[kJudgedMetric];
      advice.recommended_rates = rates;
      advice.other_rates = std::move(more_rates);
      return advice;
    }
  }
  const auto loss_of = [](const Comparison& comparison) -> const MetricDifference& {
    return comparison.metrics[Metric::kFinalTrainLoss];
  };
  if (const Comparison* lower = most_improved(summary, baseline, loss_of)) {
    Advice advice{AdviceCase::kLowerLoss, &summary.arm(lower->arm), &baseline};
    advice.loss = &loss_of(*lower);
    return advice;
  }
  const auto spread_of = [](const Comparison& comparison) -> const MetricDifference& {
    return comparison.spread;
  };
  if (const Comparison* narrower = most_improved(summary, baseline, spread_of))
    return {AdviceCase::kSpreadsLess, &summary.arm(narrower->arm), &baseline};
  Advice advice{AdviceCase::kUndecided, &baseline, effect.arm};
  if (is_within_a_point(*effect.comparison)) advice.kind = AdviceCase::kWithinAPoint;
  advice.difference = &effect.comparison->late_test_accuracy;
  return advice;
}

// Neither side has a usable arm: each has diverged runs, or its best is not better than chance.
Advice advise_without_usable(const Effect& effect) {
  const ArmSummary& arm = *effect.arm;
  const ArmSummary& baseline = *effect.baseline;
  const auto rank = [](const ArmSummary& a) {
    const double runs = static_cast<double>(a.seeds.size());
    return std::make_tuple(a.better_than_chance.value_or(false),
                           -static_cast<double>(a.diverged) / runs);
  };
  if (rank(arm) > rank(baseline)) return {AdviceCase::kLessBad, &arm, &baseline};
  if (rank(arm) < rank(baseline)) return {AdviceCase::kLessBad, &baseline, &arm};
  if (effect.kind == EffectCase::kBetter) return {AdviceCase::kHigherAccuracy, &arm, &baseline};
  if (effect.kind == EffectCase::kWorse) return {AdviceCase::kHigherAccuracy, &baseline, &arm};
  return {AdviceCase::kNoneUsable, nullptr, &baseline};
}

Advice advise(const Summary& summary, const Effect& effect, bool is_one_rate) {
  if (effect.kind == EffectCase::kAllDiverged || effect.kind == EffectCase::kNothingLearnt)
    return {AdviceCase::kOtherSettings};
  if (effect.kind == EffectCase::kNeverActed) return {AdviceCase::kSmallerThreshold};
  if (!effect.comparison) return {AdviceCase::kNothingToCompare};
  const ArmSummary& arm = *effect.arm;
  const ArmSummary& baseline = *effect.baseline;
  if (effect.kind == EffectCase::kSolvesMore && arm.usable)
    return {AdviceCase::kSolvesMore, &arm, &baseline};
  if (effect.kind == EffectCase::kSolvesLess && baseline.usable)
    return {AdviceCase::kSolvesMore, &baseline, &arm};
  if (effect.kind == EffectCase::kBetter && arm.usable) {
    Advice advice{AdviceCase::kHigherAccuracy, &arm, &baseline};
    advice.recommended_rates = usable_rates(summary, arm);
    return advice;
  }
  if (effect.kind == EffectCase::kWorse && baseline.usable)
    return {AdviceCase::kHigherAccuracy, &baseline, &arm};
  if (arm.usable && !baseline.usable) return {AdviceCase::kOnlyUsable, &arm, &baseline};
  if (baseline.usable && !arm.usable) return {AdviceCase::kOnlyUsable, &baseline, &arm};
  if (!arm.usable) return advise_without_usable(effect);
  return advise_without_difference(summary, effect, is_one_rate);
}

RateCaveat caveat_of(const Advice& advice, const std::vector<double>& learning_rates) {
  if (!advice.recommended) return RateCaveat::kNone;
  const double rate = advice.recommended->learning_rate;
  if (learning_rates.size() == 1) return RateCaveat::kOnlyOneTried;
  if (rate == learning_rates.back()) return RateCaveat::kLargestTried;
  return rate == learning_rates.front() ? RateCaveat::kSmallestTried : RateCaveat::kNone;
}

}  // namespace

bool is_within_a_point(const BestComparison& best) {
  const auto& interval = best.interval();
  const double point = entry_of(kJudgedMetric).smallest_of_interest;
  return best.verdict && interval && interval->lower > -point && interval->upper < point;
}

Conclusion conclude(const Summary& summary) {
  Conclusion conclusion;
  conclusion.basis = &summary.basis;
  conclusion.learning_rates = learning_rates_of(summary);
  const bool is_one_rate = conclusion.learning_rates.size() == 1;
  conclusion.effect = judge_effect(summary);
  conclusion.diverged = diverged_sides(summary);
  if (conclusion.effect.kind == EffectCase::kNeverActed) conclusion.hint = threshold_hint(summary);
  conclusion.reach = judge_reach(summary, conclusion.effect, is_one_rate);
  conclusion.advice = advise(summary, conclusion.effect, is_one_rate);
  conclusion.advice.caveat = caveat_of(conclusion.advice, conclusion.learning_rates);
  return conclusion;
}

}  // namespace clipsweep
