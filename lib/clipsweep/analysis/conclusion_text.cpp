#include "clipsweep/analysis/conclusion_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "clipsweep/analysis/number_text.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

std::string accuracy_text(const ArmSummary& arm) {
  return percent_text(arm.metrics[kJudgedMetric].mean) + " %";
}

// As many decimals as it takes to tell ends of the interval, multiplied by the factor, that exclude
// zero from zero: `-0.7 points [-1.4, -0.03]`. At least `usual`, and at most three more.
int decimals_of(const Interval& interval, double factor, int usual) {
  const double nearest = factor * std::min(std::abs(interval.lower), std::abs(interval.upper));
  const bool excludes_zero = interval.lower > 0 || interval.upper < 0;
  int decimals = usual;
  while (excludes_zero && decimals < usual + 3 && nearest < 0.5 * std::pow(10, -decimals))
    ++decimals;
  return decimals;
}

std::string points_text(double difference, const std::optional<Interval>& interval) {
  const int decimals = interval ? decimals_of(*interval, 100, 1) : 1;
  std::string text = signed_text(100 * difference, decimals) + " points";
  if (interval) text += " " + signed_text(*interval, 100, decimals);
  return text;
}

// `+1.2 points [+0.4, +2.0]`
std::string points_text(const MetricDifference& difference) {
  return points_text(difference.mean.value_or(0), difference.interval);
}

// `1.2 points`, without a sign
std::string size_text(double difference) {
  return fmt::format("{:.1f} points", 100 * std::abs(difference));
}

// `p = 0.012`, `p < 0.001`
std::string p_text(const std::optional<double>& p_value) {
  const std::string text = p_value_text(p_value);
  return text.front() == '<' ? "p < " + text.substr(1) : "p = " + text;
}

// `0.01 to 0.3`, `no rate`
std::string rates_text(const std::vector<double>& rates, const std::vector<double>& all) {
  return rates.empty() ? "no rate" : range_text(rates, all);
}

// `2 of 10 runs`
std::string of_runs_text(std::uint64_t count, std::uint64_t runs) {
  return fmt::format("{} of {}", with_thousands(count), counted(runs, "run"));
}

bool has_too_few_seeds(const Effect& effect) {
  return effect.kind == EffectCase::kTooFewSeeds || effect.kind == EffectCase::kSolvesTooFewSeeds;
}

// ---- Does clipping help? ----

// `first in the loss, at step 1`, `first in the gradient, at steps 2 to 480`
std::string origin_text(const DivergenceOrigin& origin, Phase phase) {
  const std::string steps = origin.first_step == origin.last_step
                                ? fmt::format("step {}", with_thousands(origin.first_step))
                                : fmt::format("steps {} to {}", with_thousands(origin.first_step),
                                              with_thousands(origin.last_step));
  return fmt::format("first in the {}, at {}", to_text(phase), steps);
}

// Where most of the runs diverged first.
Phase most_frequent(const DivergenceOrigin& origin) {
  Phase most = Phase::kLoss;
  for (const auto& [phase, name] : kPhases)
    if (origin.runs_in(phase) > origin.runs_in(most)) most = phase;
  return most;
}

std::string origin_sentence(const DivergenceOrigin& origin) {
  if (origin.total() == 0) return "";
  const Phase phase = most_frequent(origin);
  return fmt::format(" {} diverged {}.",
                     origin.runs_in(phase) == origin.total() ? "They" : "Most of them",
                     origin_text(origin, phase));
}

// `With clipping, 0 of 20 runs diverged; without it, 7 of 20: -35.0 points [-57.1, -13.0]. They
// diverged first in the gradient, at steps 2 to 480.`
std::string diverged_sentences(const DivergedSides& sides) {
  std::string text;
  if (sides.difference)
    text = fmt::format("With clipping, {} diverged; without it, {} of {}: {}.",
                       of_runs_text(sides.with.count, sides.with.n),
                       with_thousands(sides.without.count), with_thousands(sides.without.n),
                       points_text(sides.with.share() - sides.without.share(), sides.difference));
  else
    text = fmt::format("{} diverged.", of_runs_text(sides.with.count + sides.without.count,
                                                    sides.with.n + sides.without.n));
  return text + origin_sentence(sides.origin);
}

std::string all_diverged_text(const DivergedSides& sides) {
  std::string text = "Every run diverged";
  if (sides.difference)
    text += fmt::format(", {} with clipping and {} without it", with_thousands(sides.with.n),
                        with_thousands(sides.without.n));
  return text + "." + origin_sentence(sides.origin);
}

std::string nothing_learnt_text(const ArmSummary* best, const MetricBasis& basis) {
  const std::string chance = percent_text(basis.chance_accuracy);
  if (!best) return fmt::format("Nothing has been learnt yet: chance is {} %.", chance);
  return fmt::format(
      "Nothing has been learnt yet: the best arm, {}, reaches {} late test accuracy, and chance is "
      "{} %.",
      display_name(*best), accuracy_text(*best), chance);
}

std::string never_acted_text(const ThresholdHint& hint) {
  std::string text = "Nothing to compare: clipping never acted.";
  if (hint.largest_norm > 0)
    text += fmt::format(" The largest gradient norm is {}.", norm_text(hint.largest_norm));
  if (!hint.global_norm) return text;
  text += fmt::format(" Of the thresholds counted, global-norm would have acted up to {}",
                      fmt::format("{:g}", *hint.global_norm));
  if (hint.value) text += fmt::format(" and value up to {:g}", *hint.value);
  return text + ".";
}

// `value:0.5 at lr 0.1 reaches 68.5 % late test accuracy; the best arm without clipping (none at lr
// 0.01) reaches 66.0 %.` An arm whose runs all diverged is the best only if those of all others of
// its side did too.
std::string accuracies_sentence(const Effect& effect, const MetricBasis& basis) {
  const bool has_arm = !effect.arm->all_diverged();
  if (!has_arm || effect.baseline->all_diverged()) {
    const ArmSummary& alive = has_arm ? *effect.arm : *effect.baseline;
    return fmt::format(
        "{} reaches {} late test accuracy; all runs {} diverged and count with {} %.",
        display_name(alive), accuracy_text(alive),
        has_arm ? "without clipping" : "in which clipping acted",
        percent_text(basis.chance_accuracy));
  }
  return fmt::format(
      "{} reaches {} late test accuracy; the best arm without clipping ({}) reaches {}.",
      display_name(*effect.arm), accuracy_text(*effect.arm), display_name(*effect.baseline),
      accuracy_text(*effect.baseline));
}

// `The difference is +2.0 points [+1.5, +2.4], better in 10 of 10 seeds`
std::string difference_clause(const Effect& effect) {
  const MetricDifference& difference = effect.comparison->late_test_accuracy;
  return fmt::format("The difference is {}, better in {} of {}",
                     points_text(difference.mean.value_or(0), effect.comparison->interval()),
                     difference.better, counted(difference.n, "seed"));
}

// What the plain mean hides: that the best arm was chosen, and that a few seeds carry it.
std::string behind_the_mean_text(const BestComparison& best) {
  std::string text;
  const MetricDifference& difference = best.late_test_accuracy;
  if (best.candidates > 1 && best.split_seed_mean)
    text += fmt::format(" On seeds that had no part in the choice among {}, it is {}.",
                        counted(best.candidates, "arm"), points_text(*best.split_seed_mean, {}));
  constexpr double kTellingApart = 0.01;
  const double middle = difference.interquartile_mean.value_or(0);
  const double mean = difference.mean.value_or(0);
  if (std::abs(middle - mean) >= kTellingApart && std::abs(middle) < std::abs(mean))
    text += fmt::format(" The middle half of the seeds differs by {}: a few seeds carry the mean.",
                        points_text(middle, {}));
  return text;
}

std::string significance_text(const Effect& effect) {
  const BestComparison& best = *effect.comparison;
  if (best.candidates < 2) return p_text(best.p_adjusted);
  return fmt::format("{} after correction for {}", p_text(best.p_adjusted),
                     counted(best.candidates, "arm"));
}

// `To settle a difference of this size takes about 40 to 300 seeds.`; empty if there are enough, or
// nothing is known. Of the size seen if that is a point or more, else of a point.
std::string seeds_sentence(const MetricDifference& difference) {
  const double point = entry_of(kJudgedMetric).smallest_of_interest;
  const bool is_large = std::abs(difference.mean.value_or(0)) >= point;
  const auto& range = is_large ? difference.seeds_needed_for_mean : difference.seeds_needed_range;
  if (!range || range->high <= difference.n) return "";
  const std::string size = is_large ? "this size" : fmt::format("{:.0f} point", 100 * point);
  constexpr std::uint64_t kMany = 100'000;
  std::string seeds = with_thousands(range->high);
  if (range->high > kMany) seeds = "more than " + with_thousands(kMany);
  if (range->low <= difference.n)
    return fmt::format(" To settle a difference of {} may take {} seeds.", size, seeds);
  if (range->high <= kMany && range->low < range->high)
    seeds = with_thousands(range->low) + " to " + seeds;
  return fmt::format(" To settle a difference of {} takes about {} seeds.", size, seeds);
}

std::string too_few_seeds_text(const Effect& effect, const MetricBasis& basis) {
  const MetricDifference& difference = effect.comparison->late_test_accuracy;
  const std::uint64_t pairs = difference.n;
  std::string text = fmt::format(
      "No verdict yet: at least {} common seeds are needed, and there {} {} so far. {}",
      kMinPairsForVerdict, pairs == 1 ? "is" : "are", pairs, accuracies_sentence(effect, basis));
  if (pairs > 1 && (difference.better == pairs || difference.worse == pairs))
    text += fmt::format(" {} lean {} clipping, by {} in the mean.",
                        pairs == 2 ? "Both seeds" : "All " + counted(pairs, "seed"),
                        difference.better == pairs ? "towards" : "against",
                        size_text(difference.mean.value_or(0)));
  return text + seeds_sentence(difference);
}

std::string no_difference_text(const Effect& effect, const MetricBasis& basis) {
  const BestComparison& best = *effect.comparison;
  const MetricDifference& difference = best.late_test_accuracy;
  const double point = entry_of(kJudgedMetric).smallest_of_interest;
  const bool is_within = is_within_a_point(best);
  const std::string opening =
      is_within ? fmt::format("No difference of {:.0f} point", 100 * point) : "No difference seen";
  return fmt::format("{} between the best settings: {} {}.{}{}", opening,
                     accuracies_sentence(effect, basis), difference_clause(effect),
                     behind_the_mean_text(best), is_within ? "" : seeds_sentence(difference));
}

std::string not_after_correction_text(const Effect& effect, const MetricBasis& basis) {
  return fmt::format(
      "No difference seen between the best settings: {} {}. On its own it would be significant; "
      "corrected for the choice among {}, as this interval is, it is not ({}).{}",
      accuracies_sentence(effect, basis), difference_clause(effect),
      counted(effect.comparison->candidates, "arm"), p_text(effect.comparison->p_adjusted),
      behind_the_mean_text(*effect.comparison));
}

std::string verdict_text(const char* opening, const Effect& effect, const MetricBasis& basis) {
  return fmt::format("{}: {} {} ({}).{}", opening, accuracies_sentence(effect, basis),
                     difference_clause(effect), significance_text(effect),
                     behind_the_mean_text(*effect.comparison));
}

// `Not settled, but it leans towards clipping`
std::string solving_opening(const Effect& effect) {
  if (effect.kind == EffectCase::kSolvesMore) return "Yes";
  if (effect.kind == EffectCase::kSolvesLess) return "No, it harms";
  if (effect.kind == EffectCase::kSolvesAlike) return "No difference seen";
  const std::string opening =
      effect.kind == EffectCase::kSolvesTooFewSeeds ? "Too few seeds to tell" : "Not settled";
  const double difference = effect.comparison->solved_at_end->difference;
  if (difference == 0) return opening;
  return fmt::format("{}, but it leans {} clipping", opening,
                     difference > 0 ? "towards" : "against");
}

std::string solving_text(const Effect& effect) {
  const PairedCounts& counts = effect.comparison->solved_at_end->counts;
  std::string p = p_text(effect.p_value);
  if (effect.comparison->candidates > 1)
    p += fmt::format(" after correction for {}", counted(effect.comparison->candidates, "arm"));
  const std::string baseline =
      effect.baseline->all_diverged()
          ? "all runs without clipping diverged"
          : fmt::format("the best arm without clipping ({}) in {} of {}",
                        display_name(*effect.baseline), counts.second(), counts.n());
  return fmt::format("{}: {} solves the task and keeps it solved in {}, {} ({}).",
                     solving_opening(effect), display_name(*effect.arm),
                     of_runs_text(counts.first(), counts.n()), baseline, p);
}

std::string text_of(const Effect& effect, const Conclusion& conclusion) {
  switch (effect.kind) {
    case EffectCase::kNoOutcome:
      return "No run has completed or diverged yet.";
    case EffectCase::kAllDiverged:
      return all_diverged_text(*conclusion.diverged);
    case EffectCase::kNoArmClips:
      return "Nothing to compare: no arm clips.";
    case EffectCase::kNoArmWithoutClipping:
      return "Nothing to compare: every arm clips. Add none to the modes.";
    case EffectCase::kNoRunWithClipping:
      return "Nothing to compare yet: no run with clipping has completed or diverged.";
    case EffectCase::kNoRunWithoutClipping:
      return "Nothing to compare yet: no run without clipping has completed or diverged.";
    case EffectCase::kNothingLearnt:
      return nothing_learnt_text(effect.arm, *conclusion.basis);
    case EffectCase::kNeverActed:
      return never_acted_text(*conclusion.hint);
    case EffectCase::kSolvesMore:
    case EffectCase::kSolvesLess:
    case EffectCase::kSolvesUnsettled:
    case EffectCase::kSolvesAlike:
    case EffectCase::kSolvesTooFewSeeds:
      return solving_text(effect);
    case EffectCase::kTooFewSeeds:
      return too_few_seeds_text(effect, *conclusion.basis);
    case EffectCase::kBetter:
      return verdict_text("Yes", effect, *conclusion.basis);
    case EffectCase::kWorse:
      return verdict_text("No, it harms", effect, *conclusion.basis);
    case EffectCase::kNoDifference:
      return no_difference_text(effect, *conclusion.basis);
    case EffectCase::kNotAfterCorrection:
      return not_after_correction_text(effect, *conclusion.basis);
  }
  throw std::logic_error("text_of: unknown effect");
}

// ---- Where? ----

// `2 of 40 comparisons (0 after Holm's correction)`
std::string counts_text(const VerdictCounts& counts) {
  const std::string comparisons = counted(counts.judged, "comparison");
  if (counts.judged == 1 && counts.better == 1)
    return fmt::format(
        "At equal learning rates, clipping is better in the only comparison. The gain is {}, for "
        "{}.",
        points_text(*counts.gained), display_name(*counts.largest_gain));
  const auto with_correction = [](std::uint64_t count, std::uint64_t adjusted) {
    return count == 0 ? std::string() : fmt::format(" ({} after Holm's correction)", adjusted);
  };
  std::string text = fmt::format(
      "At equal learning rates, clipping is better in {} of {}{} and worse in {}{}.", counts.better,
      comparisons, with_correction(counts.better, counts.better_adjusted), counts.worse,
      with_correction(counts.worse, counts.worse_adjusted));
  if (counts.largest_gain)
    text += fmt::format(" The largest gain is {}, for {}.", points_text(*counts.gained),
                        display_name(*counts.largest_gain));
  return text;
}

std::string usable_rates_text(const UsableRates& usable, const std::vector<double>& all) {
  return fmt::format(
      "Usable learning rates (mean accuracy within {:.0f} points of the best arm and better than "
      "chance, no run diverged): {} without clipping; {} with {}.",
      100 * kUsableMargin, rates_text(usable.without, all), rates_text(usable.with, all),
      entry_of(usable.mode).name);
}

std::string loss_sentence(const MetricDifference& loss) {
  const int decimals = decimals_of(*loss.interval, 1, 3);
  return fmt::format("the training loss of the last epoch changes by {} {}.",
                     signed_text(*loss.mean, decimals), signed_text(*loss.interval, 1, decimals));
}

// `The standard deviation between seeds is 1.0 instead of 3.0 points, and the worst seed ...`
std::string spread_sentence(const MetricSummary& accuracy, const MetricSummary& baseline) {
  return fmt::format(
      "the standard deviation between seeds is {} instead of {} points, and the worst seed reaches "
      "{} instead of {} %.",
      percent_text(accuracy.standard_deviation), percent_text(baseline.standard_deviation),
      percent_text(accuracy.min), percent_text(baseline.min));
}

std::string side_effects_text(const Reach& reach) {
  const SideEffects& effects = reach.side_effects;
  const std::string arm = display_name(*reach.arm);
  if (!effects.train_loss && !effects.accuracy)
    return fmt::format("Only the accuracy of {} could be compared.", arm);
  if (!effects.train_loss)
    return fmt::format("For {}, {}", arm,
                       spread_sentence(*effects.accuracy, *effects.baseline_accuracy));
  const std::string loss = fmt::format("For {}, {}", arm, loss_sentence(*effects.train_loss));
  if (!effects.accuracy) return loss;
  std::string spread = spread_sentence(*effects.accuracy, *effects.baseline_accuracy);
  spread.front() = 'T';
  return loss + " " + spread;
}

// How many seeds collapsed on each side, and what is left among the others.
std::string collapses_text(const Effect& effect) {
  const auto& collapses = effect.comparison->collapses;
  if (!collapses) return "";
  const PairedCounts& counts = collapses->shares.counts;
  // Where most seeds collapse, one arm is simply worse.
  if (counts.first() + counts.second() == 0 || 2 * collapses->other_pairs < counts.n()) return "";
  std::string text = fmt::format(
      " {} of {} collapse with {} and {} with {} (diverged, or more than {:.0f} points below the "
      "better median; {})",
      counts.first(), counted(counts.n(), "seed"), display_name(*effect.arm), counts.second(),
      display_name(*effect.baseline), 100 * kCollapseMargin, p_text(collapses->shares.p_value));
  if (collapses->other_interquartile_mean)
    text += fmt::format("; the middle half of the other {} differs by {}", collapses->other_pairs,
                        points_text(*collapses->other_interquartile_mean, {}));
  return text + ".";
}

// `Runs that keep the task solved to the end (that solved it at all): value:0.5 at lr 0.01 5 of 5
// (5); none at lr 0.01 0 of 5 (2).`
std::string solving_arms_text(const std::vector<const ArmSummary*>& arms) {
  constexpr std::size_t kMaxArms = 6;
  std::vector<std::string> parts;
  for (const ArmSummary* arm : arms) {
    if (parts.size() == kMaxArms) break;
    parts.push_back(fmt::format("{} {} of {} ({})", display_name(*arm),
                                arm->solved_at_end.value_or(0), arm->seeds.size(), *arm->solved));
  }
  std::string text =
      " Runs that keep the task solved to the end (that solve it at all): " + join(parts, "; ");
  if (arms.size() > kMaxArms)
    text += fmt::format("; {} more", counted(arms.size() - kMaxArms, "arm"));
  return text + ".";
}

std::string reach_text(const Reach& reach, const Conclusion& conclusion) {
  const auto& all = conclusion.learning_rates;
  switch (reach.kind) {
    case ReachCase::kNothingCompared:
      return "Nothing was compared.";
    case ReachCase::kTooFewSeeds:
      if (!reach.usable) return "There are too few seeds to tell.";
      return "There are too few seeds to tell. " + usable_rates_text(*reach.usable, all);
    case ReachCase::kOneLearningRate:
      if (reach.counts.judged == 1) return side_effects_text(reach);
      return counts_text(reach.counts) + " " + side_effects_text(reach);
    case ReachCase::kSeveralLearningRates:
      if (!reach.usable) return counts_text(reach.counts);
      return counts_text(reach.counts) + " " + usable_rates_text(*reach.usable, all);
  }
  throw std::logic_error("reach_text: unknown reach");
}

std::string where_text(const Conclusion& conclusion) {
  std::string text = reach_text(conclusion.reach, conclusion);
  if (conclusion.effect.comparison) text += collapses_text(conclusion.effect);
  if (!conclusion.reach.solving.empty()) text += solving_arms_text(conclusion.reach.solving);
  return text;
}

// ---- What to use? ----

// `learning rate 0.1`, `learning rates 0.01 to 0.3`
std::string named_rates_text(const std::vector<double>& rates, const std::vector<double>& all) {
  return fmt::format("learning rate{} {}", rates.size() == 1 ? "" : "s", range_text(rates, all));
}

// `none at lr 0.01, the simpler choice`, unless something else is added to the training.
std::string simpler_choice_text(const ArmSummary& baseline) {
  const bool is_plain = baseline.regularization == Regularization{};
  return display_name(baseline) + (is_plain ? ", the simpler choice" : "");
}

std::string other_settings_text(const Conclusion& conclusion) {
  if (conclusion.effect.kind == EffectCase::kNothingLearnt)
    return "Nothing can be recommended yet. Train more steps, or try another learning rate.";
  const DivergenceOrigin& origin = conclusion.diverged->origin;
  const bool in_forward_pass = origin.total() > 0 && origin.runs_in(Phase::kLoss) == origin.total();
  if (in_forward_pass && origin.last_step == 1)
    return "Use smaller initial weights: the forward pass of the first step overflows, before "
           "there "
           "is a gradient to clip.";
  if (in_forward_pass)
    return "Use a lower learning rate or smaller initial weights: the forward pass overflows, "
           "where "
           "clipping comes too late.";
  return "Use a lower learning rate.";
}

// Why an arm is not usable while `better` is: `3 of 10 runs diverged with none at lr 0.1`.
std::string why_not_usable(const ArmSummary& arm, const ArmSummary& better,
                           const std::string& name_of_better = "it") {
  if (arm.diverged > 0)
    return fmt::format("{} diverged with {}", of_runs_text(arm.diverged, arm.seeds.size()),
                       display_name(arm));
  if (!arm.better_than_chance.value_or(true))
    return fmt::format("{} has learnt nothing", display_name(arm));
  const double gap = better.choice_mean().value_or(0) - arm.choice_mean().value_or(0);
  return fmt::format("{} is {} below {}{}", display_name(arm), size_text(gap), name_of_better,
                     arm.late_validation_accuracy ? " on the validation set" : "");
}

// Whether an arm is not usable only because its mean is below that of the other side.
bool is_unusable_by_mean(const ArmSummary& arm) {
  return arm.diverged == 0 && arm.better_than_chance.value_or(true);
}

bool is_settled(const Effect& effect) {
  return effect.kind == EffectCase::kBetter || effect.kind == EffectCase::kWorse ||
         effect.kind == EffectCase::kSolvesMore || effect.kind == EffectCase::kSolvesLess;
}

std::string only_usable_text(const Advice& advice, const Effect& effect) {
  const ArmSummary& arm = *advice.recommended;
  const bool is_early = has_too_few_seeds(effect) || effect.kind == EffectCase::kSolvesUnsettled ||
                        effect.kind == EffectCase::kSolvesAlike ||
                        (is_unusable_by_mean(*advice.other) && !is_settled(effect));
  return fmt::format("{}se {}: {}, and no arm {} clipping is usable.",
                     is_early ? "It is too early to be sure. Until more seeds tell, u" : "U",
                     display_name(arm), why_not_usable(*advice.other, arm),
                     arm.clips() ? "without" : "with");
}

std::string less_bad_text(const Advice& advice) {
  const ArmSummary& arm = *advice.recommended;
  std::string text =
      fmt::format("Use {} for now: {}.", display_name(arm), why_not_usable(*advice.other, arm));
  if (arm.diverged > 0)
    text += fmt::format(" It is not safe either: {} diverged.",
                        of_runs_text(arm.diverged, arm.seeds.size()));
  return text;
}

std::string more_rates_text(const Advice& advice, const std::vector<double>& all) {
  const std::string baseline_rates = advice.recommended_rates.empty()
                                         ? "at no learning rate tried"
                                         : "only at " + range_text(advice.recommended_rates, all);
  return fmt::format(
      "Use {} if this learning rate is well tuned; there, {} differs by {}. With {}, training is "
      "usable at {}, without clipping {}: cheap insurance against a badly chosen learning rate.",
      display_name(*advice.recommended), clip_name(*advice.other), points_text(*advice.difference),
      clip_name(*advice.other), named_rates_text(advice.other_rates, all), baseline_rates);
}

std::string lower_loss_text(const Advice& advice) {
  const int decimals = decimals_of(*advice.loss->interval, 1, 3);
  return fmt::format(
      "Use {}: no difference in accuracy is seen, but the training loss of the last epoch is lower "
      "({} {}).",
      display_name(*advice.recommended), signed_text(*advice.loss->mean, decimals),
      signed_text(*advice.loss->interval, 1, decimals));
}

std::string spreads_less_text(const Advice& advice) {
  const MetricSummary& accuracy = advice.recommended->metrics[kJudgedMetric];
  const MetricSummary& baseline = advice.other->metrics[kJudgedMetric];
  return fmt::format(
      "Use {}: no gain on average is seen, but the seeds spread less (SD {} instead of {} points; "
      "worst seed {} instead of {} %).",
      display_name(*advice.recommended), percent_text(accuracy.standard_deviation),
      percent_text(baseline.standard_deviation), percent_text(accuracy.min),
      percent_text(baseline.min));
}

std::string higher_accuracy_text(const Advice& advice, const std::vector<double>& all) {
  const std::string use = fmt::format("Use {}.", display_name(*advice.recommended));
  if (advice.recommended_rates.size() < 2) return use;
  return fmt::format("{} The same clipping is usable at {}.", use,
                     named_rates_text(advice.recommended_rates, all));
}

// The plainer choice, without hiding which way the estimate points.
std::string undecided_text(const Advice& advice, const Effect& effect) {
  const bool is_early = has_too_few_seeds(effect);
  const std::string use =
      fmt::format("{}se {}", is_early ? "It is too early to say. Until more seeds tell, u" : "U",
                  simpler_choice_text(*advice.recommended));
  const double mean = advice.difference->mean.value_or(0);
  if (std::abs(mean) < 0.0005) return use + ": the estimates are equal.";
  return fmt::format("{}{}: {} is estimated {} {}{}.", use,
                     is_early || mean < 0 ? "" : " until more seeds tell",
                     display_name(*advice.other), size_text(mean), mean > 0 ? "better" : "worse",
                     mean > 0 ? ", which is not settled" : "");
}

std::string text_of(RateCaveat caveat) {
  switch (caveat) {
    case RateCaveat::kNone:
      return "";
    case RateCaveat::kOnlyOneTried:
      return " Only one learning rate was tried; results may differ at others.";
    case RateCaveat::kLargestTried:
      return " This is the largest learning rate tried; try larger ones.";
    case RateCaveat::kSmallestTried:
      return " This is the smallest learning rate tried; try smaller ones.";
  }
  throw std::logic_error("text_of: unknown caveat");
}

std::string advice_text(const Conclusion& conclusion) {
  const Advice& advice = conclusion.advice;
  switch (advice.kind) {
    case AdviceCase::kNothingToCompare:
      return fmt::format(
          "No recommendation yet: it needs arms with and without clipping, with at least {} seeds "
          "each.",
          kMinPairsForVerdict);
    case AdviceCase::kOtherSettings:
      return other_settings_text(conclusion);
    case AdviceCase::kSmallerThreshold:
      return "Try a smaller threshold: with these, every run is the same as without clipping.";
    case AdviceCase::kOnlyUsable:
      return only_usable_text(advice, conclusion.effect);
    case AdviceCase::kLessBad:
      return less_bad_text(advice);
    case AdviceCase::kNoneUsable:
      return "No recommendation: runs diverged with the best arms of both sides. Try a lower "
             "learning "
             "rate.";
    case AdviceCase::kHigherAccuracy:
      return higher_accuracy_text(advice, conclusion.learning_rates);
    case AdviceCase::kSolvesMore:
      return fmt::format("Use {}: more of its runs solve the task and keep it solved.",
                         display_name(*advice.recommended));
    case AdviceCase::kUsableAtMoreRates:
      return more_rates_text(advice, conclusion.learning_rates);
    case AdviceCase::kLowerLoss:
      return lower_loss_text(advice);
    case AdviceCase::kSpreadsLess:
      return spreads_less_text(advice);
    case AdviceCase::kWithinAPoint:
      return fmt::format("Use {}: a difference of a point is excluded.",
                         simpler_choice_text(*advice.recommended));
    case AdviceCase::kUndecided:
      return undecided_text(advice, conclusion.effect);
  }
  throw std::logic_error("advice_text: unknown advice");
}

// ---- The first part as a whole ----

bool has_verdict(const Effect& effect) { return effect.comparison && !has_too_few_seeds(effect); }

// `Only with clipping is an arm usable: without it, 3 of 10 runs diverged with none at lr 0.1.` A
// difference between the best arms of both sides matters less than this, and is no reason to say
// that clipping does not help.
std::string only_side_text(const Advice& advice, const Effect& effect) {
  const ArmSummary& other = *advice.other;
  const bool clips = advice.recommended->clips();
  return fmt::format(
      "Only {} clipping is an arm usable: {} it, {}{}.", clips ? "with" : "without",
      clips ? "without" : "with",
      why_not_usable(other, *advice.recommended, display_name(*advice.recommended)),
      is_unusable_by_mean(other) && !is_settled(effect) ? ", which is not settled" : "");
}

std::string help_text(const Conclusion& conclusion) {
  std::string text = text_of(conclusion.effect, conclusion);
  if (conclusion.basis->validation && conclusion.effect.comparison)
    text +=
        " Both arms were chosen on the validation set, and these numbers are those of the test "
        "set.";
  if (conclusion.diverged && conclusion.effect.kind != EffectCase::kAllDiverged)
    text = diverged_sentences(*conclusion.diverged) + " " + text;
  if (has_verdict(conclusion.effect) && conclusion.advice.kind == AdviceCase::kOnlyUsable)
    text = only_side_text(conclusion.advice, conclusion.effect) + " " + text;
  return text;
}

// What is left to do for the whole sweep: the rest of it, and only then more seeds.
std::string left_text(const Summary& summary, bool has_few_seeds) {
  const std::uint64_t left = summary.runs.unfinished + summary.runs.interrupted;
  if (left > 0)
    return fmt::format(" {} of this sweep {} left: the same command trains {}.",
                       counted(left, "run"), left == 1 ? "is" : "are", left == 1 ? "it" : "them");
  return has_few_seeds ? " Add seeds, for example --seeds 10." : "";
}

}  // namespace

Answer in_words(const Conclusion& conclusion) {
  return {help_text(conclusion), where_text(conclusion),
          advice_text(conclusion) + text_of(conclusion.advice.caveat)};
}

Answer answer_of(const Summary& summary) {
  Answer answer;
  bool has_few_seeds = false;
  for (const auto& setup : summary.setups) {
    const bool is_only = summary.setups.size() == 1;
    const Summary part = is_only ? summary : part_of(summary, setup);
    const Conclusion conclusion = conclude(part);
    has_few_seeds |= has_too_few_seeds(conclusion.effect);
    const Answer words = in_words(conclusion);
    std::string line = answer.where.empty() ? "" : "\n";
    if (!is_only) line += setup_name(setup, summary.setup_in_name()) + ": ";
    answer.does_it_help += line + words.does_it_help;
    answer.where += line + words.where;
    answer.what_to_use += line + words.what_to_use;
  }
  answer.what_to_use += left_text(summary, has_few_seeds);
  return answer;
}

}  // namespace clipsweep
