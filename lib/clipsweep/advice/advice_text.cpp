#include "clipsweep/advice/advice_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "clipsweep/analysis/number_text.h"
#include "clipsweep/base/table.h"
#include "clipsweep/base/text.h"
#include "clipsweep/records/event_record.h"

namespace clipsweep {
namespace {

constexpr std::uint64_t kFewNorms = 100;

// A log leaves out steps if they are this far apart.
constexpr double kMinInterval = 1.5;

// How far the steps of the log are apart; 0 if they go back.
double mean_interval(const ThresholdAdvice& advice) {
  if (advice.steps_backward > 0 || advice.steps < 2) return 0;
  return (advice.last_step - advice.first_step) / static_cast<double>(advice.steps - 1);
}

std::string step_text(double step) { return fmt::format("{:.15g}", step); }

std::string paragraph(const std::string& title, const std::string& lines) {
  return fmt::format("\n{}\n{}", title, lines);
}

std::string indented(const std::string& sentences) {
  return wrapped(sentences, kTerminalColumns, 2);
}

// ---- What the log has ---------------------------------------------------------------------------

std::string column_text(const NormLog& log) {
  if (!log.column) return "";
  std::string text = fmt::format(" (column {}", printable(*log.column));
  if (log.step_column) text += fmt::format(", steps from {}", printable(*log.step_column));
  if (log.loss_column) text += fmt::format(", loss from {}", printable(*log.loss_column));
  return text + ")";
}

std::string nonfinite_sentence(const NonfiniteSteps& steps, const char* what) {
  if (steps.count == 0) return "";
  std::vector<std::string> first;
  for (const double step : steps.first) first.push_back(step_text(step));
  const bool has_more = steps.count > first.size();
  return fmt::format(" {} {} {}, at {} {}{}.", with_thousands(steps.count),
                     steps.count == 1 ? "norm is" : "norms are", what,
                     steps.count == 1 ? "step" : "steps", join(first), has_more ? ", ..." : "");
}

std::string opening(const NormLog& log, const ThresholdAdvice& advice) {
  return wrapped(
      fmt::format("{}: {}{}, steps {} to {}.{}{}{}", without_controls(log.where),
                  counted(advice.steps, "norm"), column_text(log), step_text(advice.first_step),
                  step_text(advice.last_step), nonfinite_sentence(advice.nan, "NaN"),
                  nonfinite_sentence(advice.infinite, "infinite"),
                  advice.nan.count + advice.infinite.count > 0
                      ? " The rest of this page is about the finite norms."
                      : ""),
      kTerminalColumns);
}

std::string percentile_table(const ThresholdAdvice& advice) {
  constexpr std::size_t kPerRow = 6;
  std::string text;
  const auto& all = advice.percentiles;
  for (std::size_t begin = 0; begin < all.size(); begin += kPerRow) {
    std::string names, norms;
    for (std::size_t i = begin; i < std::min(begin + kPerRow, all.size()); ++i) {
      const double percent = all[i].percent;
      names += fmt::format("{:>12}", percent == 0     ? "minimum"
                                     : percent == 100 ? "maximum"
                                                      : fmt::format("{:g} %", percent));
      norms += fmt::format("{:>12}", norm_text(all[i].norm));
    }
    text += fmt::format("{}{}\n{}\n", begin > 0 ? "\n" : "", names, norms);
  }
  return text;
}

std::string drift_sentence(const NormDrift& drift) {
  const std::string medians = fmt::format(
      "The median norm is {} in the first fifth of the log, {} in the middle one and "
      "{} in the last one",
      norm_text(drift.medians.front()), norm_text(drift.medians[kFifths / 2]),
      norm_text(drift.medians.back()));
  if (drift.direction == DriftDirection::kSteady)
    return fmt::format("{}: it is steady, within a factor of {:g}.", medians, kDriftFactor);
  const bool falls = drift.direction == DriftDirection::kFalls;
  const double ratio = drift.ratio.value_or(0);
  const std::string factor =
      ratio > 0 ? fmt::format(" by a factor of {:.2g}", falls ? 1 / ratio : ratio) : "";
  return fmt::format("{}: it {}{}. A fixed threshold therefore clips mostly at the {}.", medians,
                     to_text(drift.direction), factor, falls ? "beginning" : "end");
}

std::string spike_text(const ThresholdAdvice& advice) {
  const std::string definition = fmt::format(
      "a norm above {:g} times the median of the {} before it", kSpikeFactor, kSpikeWindow);
  if (advice.spikes == 0) return indented(fmt::format("There is no spike ({}).", definition));
  const bool has_more = advice.spikes > advice.largest_spikes.size();
  std::string text = indented(fmt::format("There {} {} ({}){}", advice.spikes == 1 ? "is" : "are",
                                          counted(advice.spikes, "spike"), definition,
                                          has_more ? "; the largest:" : ":"));
  Table table({{"step"}, {"norm"}, {"median before"}, {"times"}, {"loss"}});
  for (const auto& spike : advice.largest_spikes)
    table.add_row({step_text(spike.step), norm_text(spike.norm), norm_text(spike.median),
                   spike.median > 0 ? norm_text(spike.norm / spike.median, 3) : "",
                   norm_text(spike.loss)});
  return text + table.text();
}

std::string loss_sentence(const LossSummary& loss) {
  std::string text;
  if (loss.first_median && loss.last_median)
    text = fmt::format("The median loss is {} in the first fifth and {} in the last one.",
                       norm_text(loss.first_median), norm_text(loss.last_median));
  if (loss.nonfinite.count > 0)
    text += fmt::format("{}{} NaN or infinite, first at step {}.", text.empty() ? "" : " ",
                        loss.nonfinite.count == 1
                            ? "One loss is"
                            : with_thousands(loss.nonfinite.count) + " losses are",
                        step_text(loss.nonfinite.first.front()));
  return text;
}

// ---- What clipping would have done --------------------------------------------------------------

void add_row(Table& table, const std::string& name, const RuleEffect& effect) {
  table.add_row({name, percent_text(effect.clipped_share), norm_text(effect.mean_scale),
                 to_text(effect.behaviour)});
}

std::string effect_table(const ThresholdAdvice& advice) {
  Table table({{"threshold"}, {"clipped\n%"}, {"mean\nscale"}, {"clipping was", Align::kLeft}});
  for (const auto& effect : advice.thresholds)
    add_row(table, shortest(effect.rule.threshold), effect);
  for (const auto& effect : advice.adaptive) add_row(table, to_text(effect.rule), effect);
  return table.text() +
         indented(fmt::format("The scale is the norm after clipping divided by the norm before; "
                              "its mean is over all steps. Safety net: acts on up to {:.0f} % of "
                              "the steps. Step-size limiter: acts on {:.0f} % or more, in effect "
                              "another learning rate.",
                              100 * kMaxShareOfSafetyNet, 100 * kMinShareOfLimiter));
}

std::string fifths_text(const Suggestion& suggestion) {
  const auto& shares = suggestion.clipped_share_by_fifth;
  return fmt::format("{} % of the first fifth and {} % of the last one",
                     percent_text(shares.front()), percent_text(shares.back()));
}

const char* aim_text(Aim aim) {
  switch (aim) {
    case Aim::kSafetyNet:
      return "It is the 99th percentile: it leaves ordinary steps alone and limits the rare large "
             "ones.";
    case Aim::kTenth:
      return "It is the 90th percentile: it acts on about a tenth of the steps.";
    case Aim::kLimiter:
      return "It is the 10th percentile: it gives nearly all steps the same norm, so that it acts "
             "like a smaller learning rate. AutoClip aims at this percentile.";
  }
  throw std::logic_error("aim_text: unknown aim");
}

std::string suggestion_text(const ThresholdAdvice& advice) {
  std::string text;
  std::string clips = "none";
  std::vector<double> named;
  for (const auto& suggestion : advice.suggestions) {
    const double threshold = suggestion.effect.rule.threshold;
    text += indented(fmt::format("{}: {}", shortest(threshold), reason_sentence(suggestion)));
    if (std::find(named.begin(), named.end(), threshold) != named.end()) continue;
    named.push_back(threshold);
    clips += fmt::format(",global-norm:{}", shortest(threshold));
  }
  return text + indented("To compare them in a sweep:") + fmt::format("    --clip {}\n", clips);
}

}  // namespace

std::string reason_sentence(const Suggestion& suggestion) {
  return fmt::format(
      "{} It would have clipped {} % of the steps ({}), with a mean scale of {}: {}.",
      aim_text(suggestion.aim), percent_text(suggestion.effect.clipped_share),
      fifths_text(suggestion), norm_text(suggestion.effect.mean_scale),
      to_text(suggestion.effect.behaviour));
}

std::vector<std::string> caution_sentences(const NormLog& log, const ThresholdAdvice& advice) {
  std::vector<std::string> sentences;
  if (advice.pile_up)
    sentences.push_back(fmt::format(
        "{} equal the maximum, {}. This looks like a log of norms after clipping; then log the "
        "norm before clipping, because the norms above the threshold are lost.",
        counted(advice.pile_up->count, "norm"), norm_text(advice.pile_up->norm)));
  if (advice.finite < kFewNorms)
    sentences.push_back(fmt::format("{} are few: the outer percentiles are uncertain.",
                                    counted(advice.finite, "finite norm")));
  if (advice.steps_backward > 0)
    sentences.push_back(fmt::format(
        "The step does not grow at {}: the log may hold several runs. Advise on each by itself.",
        counted(advice.steps_backward, "place")));
  if (const double interval = mean_interval(advice); interval >= kMinInterval)
    sentences.push_back(
        fmt::format("The log has about one in {:.0f} steps: shares are of the steps that it has, "
                    "and rare large "
                    "norms between them are missing.",
                    interval));
  if (log.is_cut_off)
    sentences.emplace_back("The last line is incomplete, as of a killed run, and is left out.");
  sentences.emplace_back(
      "Clipping would have changed the norms after the first step on which it acts: the numbers "
      "are about the log as it is.");
  sentences.emplace_back(
      "Whether clipping helps, and which threshold helps most, no log of norms can tell. That "
      "takes "
      "a sweep, or at least pairs of runs with and without clipping from the same seeds.");
  return sentences;
}

std::string advice_text(const NormLog& log, const ThresholdAdvice& advice) {
  std::string text = opening(log, advice);
  text += paragraph("Percentiles of the norm", percentile_table(advice));
  std::string course;
  if (advice.drift) course += indented(drift_sentence(*advice.drift));
  if (advice.loss) course += indented(loss_sentence(*advice.loss));
  text += paragraph("Course", course + spike_text(advice));
  text += paragraph("What thresholds of global-norm, and adaptive modes, would have done",
                    effect_table(advice));
  if (!advice.suggestions.empty())
    text += paragraph("Thresholds of global-norm to try", suggestion_text(advice));
  std::string cautions;
  for (const auto& sentence : caution_sentences(log, advice)) cautions += indented(sentence);
  return text + paragraph("Limits", cautions);
}

}  // namespace clipsweep
