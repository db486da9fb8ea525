#include "clipsweep/analysis/conclusions.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "clipsweep/analysis/number_text.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr Metric kJudged = Metric::kFinalTestAccuracy;

std::vector<double> learning_rates_of(const Summary& summary) {
  std::set<double> rates;
  for (const auto& arm : summary.arms) rates.insert(arm.learning_rate);
  return {rates.begin(), rates.end()};
}

std::string accuracy_text(const ArmSummary& arm) {
  return percent_text(arm.metrics[kJudged].mean) + " %";
}

// `+1.2 points [+0.4, +2.0]`
std::string points_text(const MetricDifference& difference) {
  std::string text = signed_text(100 * difference.mean.value_or(0), 1) + " points";
  if (difference.interval) text += " " + signed_text(*difference.interval, 100, 1);
  return text;
}

std::string better_text(const MetricDifference& difference) {
  return fmt::format("better in {} of {}", difference.better, counted(difference.n, "seed"));
}

bool is_candidate(const Comparison& comparison, const Summary& summary) {
  const ArmSummary& arm = summary.arm(comparison.arm);
  return arm.clips() && arm.clipped_share.value_or(0) > 0;
}

// ---- Does clipping help? ----

std::string why_nothing_to_judge(const Summary& summary) {
  const auto& arms = summary.arms;
  if (summary.runs.completed + summary.runs.diverged == 0) return "No run has an outcome yet.";
  if (std::none_of(arms.begin(), arms.end(), [](const auto& arm) { return arm.clips(); }))
    return "Nothing to compare: no arm clips.";
  if (std::all_of(arms.begin(), arms.end(), [](const auto& arm) { return arm.clips(); }))
    return "No verdict: there is no arm without clipping to compare with; add none to the modes.";
  return "Nothing to judge: clipping acted on no step, or one side has no run with an outcome.";
}

// `p = 0.012`, `p <0.001 after Holm's correction for 30 arms`
std::string p_text(const BestComparison& best) {
  const std::string p_value = p_value_text(best.p_adjusted);
  std::string text = p_value.front() == '<' ? "p " + p_value : "p = " + p_value;
  if (best.candidates > 1)
    text += fmt::format(" after Holm's correction for {}", counted(best.candidates, "arm"));
  return text;
}

// Why no difference is seen: the interval spans zero, or it is one of many that were looked at.
std::string no_difference_text(const BestComparison& best) {
  const auto& difference = best.final_test_accuracy;
  if (difference.verdict != Verdict::kNoDifference)
    return fmt::format("clear of zero by itself but not among so many ({})", p_text(best));
  if (!difference.seeds_needed) return "identical";
  return fmt::format("to see a difference of 1 point takes about {}",
                     counted(*difference.seeds_needed, "seed"));
}

std::string does_it_help(const Summary& summary) {
  if (summary.best.empty()) return why_nothing_to_judge(summary);
  const BestComparison& best = summary.best.front();
  const auto& difference = best.final_test_accuracy;
  const ArmSummary& arm = summary.arm(best.arm);
  const ArmSummary& baseline = summary.arm(best.baseline);
  const std::string sides =
      fmt::format("{} reaches {} test accuracy, the best arm without clipping ({}) {}",
                  in_words(arm), accuracy_text(arm), in_words(baseline), accuracy_text(baseline));
  if (!best.verdict)
    return fmt::format("No verdict: {} {} too few, {} are needed. So far {}.",
                       counted(difference.n, "common seed"), difference.n == 1 ? "is" : "are",
                       kMinPairsForInterval, sides);
  if (best.verdict == Verdict::kNoDifference)
    return fmt::format("No difference seen between the best settings: {}; {}, {}: {}.", sides,
                       points_text(difference), better_text(difference), no_difference_text(best));
  return fmt::format("{}: {}; {}, {} ({}).",
                     best.verdict == Verdict::kBetter ? "Yes" : "No, it harms", sides,
                     points_text(difference), better_text(difference), p_text(best));
}

// ---- Where? ----

struct VerdictCounts {
  std::uint64_t judged = 0;
  std::uint64_t better = 0;
  std::uint64_t better_adjusted = 0;
  std::uint64_t worse = 0;
  const Comparison* most = nullptr;  // the largest gain among the better ones
};

VerdictCounts count_verdicts(const Summary& summary) {
  VerdictCounts counts;
  for (const auto& comparison : summary.comparisons) {
    if (!is_candidate(comparison, summary) || !comparison.verdict()) continue;
    ++counts.judged;
    if (comparison.verdict() == Verdict::kWorse) ++counts.worse;
    if (comparison.verdict() != Verdict::kBetter) continue;
    ++counts.better;
    if (comparison.p_adjusted.value_or(1) < 0.05) ++counts.better_adjusted;
    if (!counts.most || comparison.metrics[kJudged].mean > counts.most->metrics[kJudged].mean)
      counts.most = &comparison;
  }
  return counts;
}

// How training loss and the spread between seeds change, for the arm's comparison with its
// baseline.
std::string beside_accuracy(const Summary& summary, const Comparison& comparison) {
  const auto& loss = comparison.metrics[Metric::kFinalTrainLoss];
  const auto& arm = summary.arm(comparison.arm).metrics[kJudged];
  const auto& baseline = summary.arm(comparison.baseline).metrics[kJudged];
  std::string text;
  if (loss.mean && loss.interval)
    text += fmt::format("the training loss of the last epoch changes by {} {}",
                        signed_text(*loss.mean, 3), signed_text(*loss.interval, 1, 3));
  if (arm.standard_deviation && baseline.standard_deviation)
    text += fmt::format(
        "{}the seeds spread by {} points (SD) instead of {}, the worst has {} "
        "instead of {} %",
        text.empty() ? "" : "; ", percent_text(arm.standard_deviation),
        percent_text(baseline.standard_deviation), percent_text(arm.min),
        percent_text(baseline.min));
  return text;
}

// Whether a mode works at more learning rates than another; as good ones by their best accuracy.
bool is_wider(const ModeSummary& mode, const ModeSummary& other, const Summary& summary) {
  const std::size_t rates = mode.usable_learning_rates.size();
  const std::size_t others = other.usable_learning_rates.size();
  if (rates != others || !mode.best_arm || !other.best_arm) return rates > others;
  return summary.arm(*mode.best_arm).metrics[kJudged].mean >
         summary.arm(*other.best_arm).metrics[kJudged].mean;
}

std::string usable_rates_text(const Summary& summary) {
  const auto all = learning_rates_of(summary);
  const ModeSummary* none = nullptr;
  const ModeSummary* widest = nullptr;
  for (const auto& mode : summary.modes) {
    if (mode.mode == ClipMode::kNone)
      none = &mode;
    else if (!widest || is_wider(mode, *widest, summary))
      widest = &mode;
  }
  if (!none || !widest) return "";
  return fmt::format(
      "Usable learning rates (within {:.0f} points of the best arm, nothing diverged): {} without "
      "clipping, {} with {}.",
      100 * kUsableMargin, range_text(none->usable_learning_rates, all),
      range_text(widest->usable_learning_rates, all), entry_of(widest->mode).name);
}

std::string counts_text(const VerdictCounts& counts, const Summary& summary) {
  std::string text = fmt::format("At equal learning rates clipping is better in {} of {}",
                                 counts.better, counted(counts.judged, "comparison"));
  if (counts.better > 0 && counts.judged > 1)
    text += fmt::format(" ({} after Holm's correction)", counts.better_adjusted);
  text += fmt::format(" and worse in {}", counts.worse);
  if (counts.most)
    text += fmt::format("; it gains most with {}, {}", in_words(summary.arm(counts.most->arm)),
                        points_text(counts.most->metrics[kJudged]));
  return text + ".";
}

// With one learning rate there is nowhere else to look: what clipping does beside the accuracy.
std::string where_at_one_rate(const Summary& summary, const VerdictCounts& counts) {
  const Comparison* comparison = summary.comparison_of(summary.best.front().arm);
  const std::string beside = comparison ? beside_accuracy(summary, *comparison) : "";
  std::string text = counts.judged > 1 ? counts_text(counts, summary) + " " : "";
  text += fmt::format("With {}", in_words(summary.arm(summary.best.front().arm)));
  return beside.empty() ? text + " nothing else could be compared." : text + " " + beside + ".";
}

std::string where(const Summary& summary) {
  if (summary.best.empty()) return "Nothing was compared.";
  const VerdictCounts counts = count_verdicts(summary);
  const bool one_rate = learning_rates_of(summary).size() == 1;
  if (counts.judged == 0)
    return one_rate ? "Too few seeds to say."
                    : "Too few seeds to say. " + usable_rates_text(summary);
  if (one_rate) return where_at_one_rate(summary, counts);
  return counts_text(counts, summary) + " " + usable_rates_text(summary);
}

// ---- What to use? ----

// One way of clipping over all learning rates.
struct ClipRange {
  const ArmSummary* arm = nullptr;  // at the learning rate of the best baseline
  std::vector<double> usable;
};

std::vector<double> usable_rates(const Summary& summary, const ArmSummary& like) {
  std::vector<double> rates;
  for (const auto& arm : summary.arms)
    if (arm.clip == like.clip && arm.regularization == like.regularization && !arm.perturbed &&
        arm.usable)
      rates.push_back(arm.learning_rate);
  return rates;
}

// The clip that costs nothing measurable where no clipping is best and is usable at the most
// learning rates.
ClipRange widest_harmless(const Summary& summary, const ArmSummary& baseline) {
  ClipRange widest;
  for (const auto& comparison : summary.comparisons) {
    const ArmSummary& arm = summary.arm(comparison.arm);
    const bool harmless = comparison.verdict() && comparison.verdict() != Verdict::kWorse;
    if (comparison.baseline != baseline.name || !arm.clips() || !harmless) continue;
    auto rates = usable_rates(summary, arm);
    const bool wider = rates.size() > widest.usable.size();
    const bool better = rates.size() == widest.usable.size() && widest.arm &&
                        arm.metrics[kJudged].mean > widest.arm->metrics[kJudged].mean;
    if (wider || better) widest = {&arm, std::move(rates)};
  }
  return widest;
}

// Against the best arm without clipping, at its own learning rate: a smaller spread between seeds.
const Comparison* narrowest(const Summary& summary, const ArmSummary& baseline) {
  const Comparison* best = nullptr;
  for (const auto& comparison : summary.comparisons) {
    const bool narrower = comparison.spread.verdict == Verdict::kBetter &&
                          comparison.verdict() != Verdict::kWorse &&
                          is_candidate(comparison, summary);
    if (comparison.baseline == baseline.name && narrower &&
        (!best || comparison.spread.mean < best->spread.mean))
      best = &comparison;
  }
  return best;
}

std::string insurance_text(const Summary& summary, const ArmSummary& baseline) {
  const auto all = learning_rates_of(summary);
  const auto without = usable_rates(summary, baseline);
  const ClipRange widest = widest_harmless(summary, baseline);
  if (all.size() > 1 && widest.usable.size() > without.size())
    return fmt::format(
        "{} if that is well tuned; {} costs nothing measurable there and is usable at {} instead "
        "of {}: an insurance against a badly chosen learning rate.",
        in_words(baseline), to_text(widest.arm->clip), range_text(widest.usable, all),
        range_text(without, all));
  if (const Comparison* comparison = narrowest(summary, baseline))
    return fmt::format(
        "{}: no gain on average is seen, but the seeds spread less ({} instead of "
        "{} points SD; worst seed {} instead of {} %).",
        in_words(summary.arm(comparison->arm)),
        percent_text(summary.arm(comparison->arm).metrics[kJudged].standard_deviation),
        percent_text(baseline.metrics[kJudged].standard_deviation),
        percent_text(summary.arm(comparison->arm).metrics[kJudged].min),
        percent_text(baseline.metrics[kJudged].min));
  return fmt::format("{}, the simpler choice, or add seeds: nothing seen here speaks for clipping.",
                     in_words(baseline));
}

std::string caveat(const Summary& summary, const ArmSummary& chosen) {
  const auto all = learning_rates_of(summary);
  if (all.size() == 1) return " Only one learning rate was tried: others may tell another story.";
  if (chosen.learning_rate == all.back())
    return " That is the largest learning rate tried: try larger ones.";
  if (chosen.learning_rate == all.front())
    return " That is the smallest learning rate tried: try smaller ones.";
  return "";
}

// No accuracy speaks for an arm that diverged where another did not.
std::string safer_text(const ArmSummary& arm, const ArmSummary& baseline) {
  return fmt::format(
      "Use {}: in accuracy it gains nothing, but {} of {} runs of {} diverged and {}.",
      in_words(arm), baseline.diverged, baseline.seeds.size(), in_words(baseline),
      arm.diverged == 0 ? "none of these" : fmt::format("only {} of these", arm.diverged));
}

std::string what_to_use(const Summary& summary) {
  if (summary.best.empty())
    return "Nothing to recommend: that takes arms with and without clipping, of 5 seeds and more.";
  const ArmSummary& arm = summary.arm(summary.best.front().arm);
  const ArmSummary& baseline = summary.arm(summary.best.front().baseline);
  if (!summary.best.front().verdict) return "Too early to say: add seeds, for example --seeds 10.";
  if (summary.best.front().verdict != Verdict::kBetter && arm.diverged < baseline.diverged)
    return safer_text(arm, baseline) + caveat(summary, arm);
  if (summary.best.front().verdict == Verdict::kWorse)
    return fmt::format("Use {}.{}", in_words(baseline), caveat(summary, baseline));
  if (summary.best.front().verdict == Verdict::kNoDifference)
    return fmt::format("Use {}{}", insurance_text(summary, baseline), caveat(summary, baseline));
  const auto rates = usable_rates(summary, arm);
  const std::string usable =
      rates.size() > 1 ? fmt::format("; {} is usable at learning rates {}", to_text(arm.clip),
                                     range_text(rates, learning_rates_of(summary)))
                       : "";
  return fmt::format("Use {}{}.{}", in_words(arm), usable, caveat(summary, arm));
}

Answer answer_for_one_cell(const Summary& summary) {
  return {does_it_help(summary), where(summary), what_to_use(summary)};
}

}  // namespace

Answer answer_of(const Summary& summary) {
  if (summary.setups.size() < 2) return answer_for_one_cell(summary);
  Answer answer;
  for (const auto& setup : summary.setups) {
    const Answer part = answer_for_one_cell(part_of(summary, setup));
    const std::string line =
        fmt::format("{}{}: ", answer.where.empty() ? "" : "\n", in_words(setup));
    answer.does_it_help += line + part.does_it_help;
    answer.where += line + part.where;
    answer.what_to_use += line + part.what_to_use;
  }
  return answer;
}

}  // namespace clipsweep
