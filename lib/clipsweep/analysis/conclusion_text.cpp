#include "clipsweep/analysis/conclusion_text.h"

#include <fmt/format.h>

#include <stdexcept>

#include "clipsweep/analysis/number_text.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

std::string accuracy_text(const ArmSummary& arm) {
  return percent_text(arm.metrics[kJudgedMetric].mean) + " %";
}

// `+1.2 points [+0.4, +2.0]`
std::string points_text(const MetricDifference& difference) {
  std::string text = signed_text(100 * difference.mean.value_or(0), 1) + " points";
  if (difference.interval) text += " " + signed_text(*difference.interval, 100, 1);
  return text;
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

// ---- Does clipping help? ----

// `value:0.5 at lr 0.1 reaches 68.5 % test accuracy; the best arm without clipping (none at lr
// 0.01) reaches 66.0 %.`
std::string accuracies_sentence(const Effect& effect) {
  return fmt::format("{} reaches {} test accuracy; the best arm without clipping ({}) reaches {}.",
                     display_name(*effect.arm), accuracy_text(*effect.arm),
                     display_name(*effect.baseline), accuracy_text(*effect.baseline));
}

// `The difference is +2.0 points [+1.5, +2.4], better in 10 of 10 seeds`
std::string difference_clause(const Effect& effect) {
  const MetricDifference& difference = effect.comparison->late_test_accuracy;
  return fmt::format("The difference is {}, better in {} of {}", points_text(difference),
                     difference.better, counted(difference.n, "seed"));
}

std::string significance_text(const Effect& effect) {
  const BestComparison& best = *effect.comparison;
  if (best.candidates < 2) return p_text(best.p_adjusted);
  return fmt::format("{} after correction for {}", p_text(best.p_adjusted),
                     counted(best.candidates, "arm"));
}

std::string too_few_seeds_text(const Effect& effect) {
  const std::uint64_t pairs = effect.comparison->late_test_accuracy.n;
  return fmt::format(
      "No verdict yet: at least {} common seeds are needed, and there {} {} so far. {}",
      kMinPairsForVerdict, pairs == 1 ? "is" : "are", pairs, accuracies_sentence(effect));
}

std::string no_difference_text(const Effect& effect) {
  const MetricDifference& difference = effect.comparison->late_test_accuracy;
  return fmt::format(
      "No difference seen between the best settings: {} {}. Detecting a difference of {:.0f} point "
      "takes about {}.",
      accuracies_sentence(effect), difference_clause(effect),
      100 * entry_of(kJudgedMetric).smallest_of_interest,
      counted(difference.seeds_needed.value_or(0), "seed"));
}

std::string not_after_correction_text(const Effect& effect) {
  return fmt::format(
      "No difference seen between the best settings: {} {}. This is significant on its own, but "
      "not after correction for {} ({}).",
      accuracies_sentence(effect), difference_clause(effect),
      counted(effect.comparison->candidates, "arm"), p_text(effect.comparison->p_adjusted));
}

std::string not_significant_text(const Effect& effect) {
  return fmt::format(
      "No difference seen between the best settings: {} {}. With {}, this is not significant ({}).",
      accuracies_sentence(effect), difference_clause(effect),
      counted(effect.comparison->late_test_accuracy.n, "seed"), significance_text(effect));
}

std::string text_of(const Effect& effect) {
  switch (effect.kind) {
    case EffectCase::kNoOutcome:
      return "No run has completed or diverged yet.";
    case EffectCase::kNoArmClips:
      return "Nothing to compare: no arm clips.";
    case EffectCase::kNoArmWithoutClipping:
      return "Nothing to compare: every arm clips. Add none to the modes.";
    case EffectCase::kNoRunWithClipping:
      return "Nothing to compare yet: no run with clipping has completed or diverged.";
    case EffectCase::kNoRunWithoutClipping:
      return "Nothing to compare yet: no run without clipping has completed or diverged.";
    case EffectCase::kNeverActed:
      return "Nothing to compare: clipping never acted.";
    case EffectCase::kTooFewSeeds:
      return too_few_seeds_text(effect);
    case EffectCase::kBetter:
      return fmt::format("Yes: {} {} ({}).", accuracies_sentence(effect), difference_clause(effect),
                         significance_text(effect));
    case EffectCase::kWorse:
      return fmt::format("No, it harms: {} {} ({}).", accuracies_sentence(effect),
                         difference_clause(effect), significance_text(effect));
    case EffectCase::kNoDifference:
      return no_difference_text(effect);
    case EffectCase::kNotAfterCorrection:
      return not_after_correction_text(effect);
    case EffectCase::kNotSignificant:
      return not_significant_text(effect);
  }
  throw std::logic_error("text_of: unknown effect");
}

// ---- Where? ----

std::string counts_text(const VerdictCounts& counts) {
  const std::string comparisons = counted(counts.judged, "comparison");
  if (!counts.largest_gain)
    return fmt::format("At equal learning rates, clipping is better in 0 of {} and worse in {}.",
                       comparisons, counts.worse);
  const std::string gain =
      fmt::format("The largest gain is {}, for {}.", points_text(*counts.gained),
                  display_name(*counts.largest_gain));
  if (counts.judged == 1)
    return fmt::format("At equal learning rates, clipping is better in the only comparison. {}",
                       gain);
  return fmt::format(
      "At equal learning rates, clipping is better in {} of {} ({} after Holm's correction) and "
      "worse in {}. {}",
      counts.better, comparisons, counts.better_adjusted, counts.worse, gain);
}

std::string usable_rates_text(const UsableRates& usable, const std::vector<double>& all) {
  return fmt::format(
      "Usable learning rates (mean accuracy within {:.0f} points of the best arm, no run "
      "diverged): {} without clipping; {} with {}.",
      100 * kUsableMargin, rates_text(usable.without, all), rates_text(usable.with, all),
      entry_of(usable.mode).name);
}

std::string loss_sentence(const MetricDifference& loss) {
  return fmt::format("the training loss of the last epoch changes by {} {}.",
                     signed_text(*loss.mean, 3), signed_text(*loss.interval, 1, 3));
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

std::string text_of(const Reach& reach, const std::vector<double>& learning_rates) {
  switch (reach.kind) {
    case ReachCase::kNothingCompared:
      return "Nothing was compared.";
    case ReachCase::kTooFewSeeds:
      if (!reach.usable) return "There are too few seeds to tell.";
      return "There are too few seeds to tell. " + usable_rates_text(*reach.usable, learning_rates);
    case ReachCase::kOneLearningRate:
      if (reach.counts.judged == 1) return side_effects_text(reach);
      return counts_text(reach.counts) + " " + side_effects_text(reach);
    case ReachCase::kSeveralLearningRates:
      if (!reach.usable) return counts_text(reach.counts);
      return counts_text(reach.counts) + " " + usable_rates_text(*reach.usable, learning_rates);
  }
  throw std::logic_error("text_of: unknown reach");
}

// ---- What to use? ----

// The runs of an arm that diverged: `2 of 10 runs`.
std::string diverged_text(const ArmSummary& arm) {
  return fmt::format("{} of {}", arm.diverged, counted(arm.seeds.size(), "run"));
}

std::string diverges_less_text(const Advice& advice) {
  return fmt::format("Use {}: it gains no accuracy, but {} diverged, against {} with {}.",
                     display_name(*advice.recommended), diverged_text(*advice.recommended),
                     diverged_text(*advice.other), display_name(*advice.other));
}

// `learning rate 0.1`, `learning rates 0.01 to 0.3`
std::string named_rates_text(const std::vector<double>& rates, const std::vector<double>& all) {
  return fmt::format("learning rate{} {}", rates.size() == 1 ? "" : "s", range_text(rates, all));
}

std::string more_rates_text(const Advice& advice, const std::vector<double>& all) {
  const std::string baseline_rates = advice.recommended_rates.empty()
                                         ? "at no learning rate tried"
                                         : "only at " + range_text(advice.recommended_rates, all);
  return fmt::format(
      "Use {} if this learning rate is well tuned. {} costs no measurable accuracy there and is "
      "usable at {}, while training without clipping is usable {}: cheap insurance against a badly "
      "chosen learning rate.",
      display_name(*advice.recommended), clip_name(*advice.other),
      named_rates_text(advice.other_rates, all), baseline_rates);
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

std::string with_clipping_text(const Advice& advice, const std::vector<double>& all) {
  const std::string use = fmt::format("Use {}.", display_name(*advice.recommended));
  if (advice.recommended_rates.size() < 2) return use;
  return fmt::format("{} The same clipping is usable at {}.", use,
                     named_rates_text(advice.recommended_rates, all));
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

std::string text_of(const Advice& advice, const std::vector<double>& learning_rates) {
  switch (advice.kind) {
    case AdviceCase::kNothingToCompare:
      return fmt::format(
          "No recommendation yet: it needs arms with and without clipping, with at least {} seeds "
          "each.",
          kMinPairsForVerdict);
    case AdviceCase::kTooEarly:
      return "It is too early to say. Add seeds, for example --seeds 10.";
    case AdviceCase::kDivergesLess:
      return diverges_less_text(advice);
    case AdviceCase::kWithoutClipping:
      return fmt::format("Use {}.", display_name(*advice.recommended));
    case AdviceCase::kUsableAtMoreRates:
      return more_rates_text(advice, learning_rates);
    case AdviceCase::kSpreadsLess:
      return spreads_less_text(advice);
    case AdviceCase::kNoReasonToClip:
      return fmt::format("Use {}, the simpler choice, or add seeds; nothing here favours clipping.",
                         display_name(*advice.recommended));
    case AdviceCase::kWithClipping:
      return with_clipping_text(advice, learning_rates);
  }
  throw std::logic_error("text_of: unknown advice");
}

}  // namespace

Answer in_words(const Conclusion& conclusion) {
  const auto& [effect, reach, advice, learning_rates] = conclusion;
  return {text_of(effect), text_of(reach, learning_rates),
          text_of(advice, learning_rates) + text_of(advice.caveat)};
}

Answer answer_of(const Summary& summary) {
  if (summary.setups.size() < 2) return in_words(conclude(summary));
  Answer answer;
  for (const auto& setup : summary.setups) {
    const Summary part = part_of(summary, setup);
    const Answer words = in_words(conclude(part));
    const std::string line =
        fmt::format("{}{}: ", answer.where.empty() ? "" : "\n", display_name(setup));
    answer.does_it_help += line + words.does_it_help;
    answer.where += line + words.where;
    answer.what_to_use += line + words.what_to_use;
  }
  return answer;
}

}  // namespace clipsweep
