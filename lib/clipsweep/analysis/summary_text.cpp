#include "clipsweep/analysis/summary_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>
#include <vector>

#include "clipsweep/analysis/conclusions.h"
#include "clipsweep/analysis/number_text.h"
#include "clipsweep/base/table.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr std::size_t kColumns = 80;

// How the differences of one metric are printed.
struct DifferenceStyle {
  Metric metric;
  const char* title;
  const char* better;
  double factor;  // 100 turns shares into percentage points
  int decimals;
};

constexpr DifferenceStyle kAccuracyStyle = {
    Metric::kFinalTestAccuracy, "Final test accuracy against the baseline, percentage points",
    "higher", 100, 1};
constexpr DifferenceStyle kLossStyle = {Metric::kFinalTrainLoss,
                                        "Final training loss against the baseline", "lower", 1, 3};

void add_count(std::vector<std::string>& parts, std::uint64_t count, const char* name) {
  if (count > 0) parts.push_back(fmt::format("{} {}", with_thousands(count), name));
}

std::string counts_line(const RunCounts& runs) {
  std::vector<std::string> parts;
  add_count(parts, runs.completed, "completed");
  add_count(parts, runs.diverged, "diverged");
  add_count(parts, runs.failed, "failed");
  add_count(parts, runs.interrupted, "interrupted");
  add_count(parts, runs.unfinished, "unfinished");
  add_count(parts, runs.damaged, "damaged");
  return fmt::format("{}: {}\n", counted(runs.planned, "run"), join(parts));
}

std::string counting_notes(const Summary& summary) {
  const RunCounts& runs = summary.runs;
  std::string notes;
  if (runs.diverged > 0)
    notes +=
        fmt::format("Diverged runs count with {} % accuracy{}; losses are over completed runs.\n",
                    percent_text(summary.basis.chance_accuracy),
                    summary.basis.chance_accuracy > 0 ? " (chance)" : "");
  if (runs.failed + runs.interrupted + runs.unfinished > 0)
    notes +=
        "Failed, interrupted and unfinished runs are left out; the same sweep command continues.\n";
  for (const auto& run : summary.damaged)
    notes += wrapped(fmt::format("Damaged and left out: {}", printable(run.reason, 300)), kColumns);
  return notes;
}

std::string mean_and_deviation(const MetricSummary& metric) {
  if (!metric.mean) return "";
  const std::string deviation =
      metric.standard_deviation ? percent_text(metric.standard_deviation) : "-";
  return fmt::format("{} ± {}", percent_text(metric.mean), deviation);
}

std::string results_table(const std::vector<ArmSummary>& arms, double target_accuracy) {
  Table table({{"arm", Align::kLeft},
               {"seeds"},
               {"diverged"},
               {"final\nmean ± sd"},
               {"best\nmean"},
               {"test\nloss"},
               {"train\nloss"},
               {fmt::format("to\n{} %", shortest(100 * target_accuracy))}});
  for (const auto& arm : arms) {
    const auto& accuracy = arm.metrics[Metric::kFinalTestAccuracy];
    table.add_row({arm.name, with_thousands(arm.seeds.size()), with_thousands(arm.diverged),
                   mean_and_deviation(accuracy),
                   percent_text(arm.metrics[Metric::kBestTestAccuracy].mean),
                   loss_text(arm.metrics[Metric::kFinalTestLoss].mean),
                   loss_text(arm.metrics[Metric::kFinalTrainLoss].mean),
                   arm.reached_target ? with_thousands(arm.reached_target->count) : ""});
  }
  return "\nTest accuracy in %, mean losses of the last epoch, and how many runs came to the\n"
         "target accuracy\n" +
         table.text();
}

std::string interval_text(const std::optional<Interval>& interval, const DifferenceStyle& style) {
  return interval ? signed_text(*interval, style.factor, style.decimals) : "";
}

// One line an arm that says it all.
std::string readings_table(const Summary& summary) {
  Table table({{"arm", Align::kLeft},
               {"acc\n%"},
               {"95 % interval\nof difference"},
               {"acted\n%"},
               {"mean\ncosine"},
               {"clipping was", Align::kLeft}});
  for (const auto& arm : summary.arms) {
    const Comparison* comparison = summary.comparison_of(arm.name);
    const auto interval = comparison ? comparison->metrics[Metric::kFinalTestAccuracy].interval
                                     : std::optional<Interval>();
    table.add_row({arm.name, percent_text(arm.metrics[Metric::kFinalTestAccuracy].mean),
                   interval_text(interval, kAccuracyStyle), percent_text(arm.clipped_share),
                   cosine_text(arm.mean_cosine), arm.reading ? to_text(*arm.reading) : ""});
  }
  return "\nWhat clipping did: test accuracy and its difference from the baseline; how often\n"
         "it acted, and there the cosine between the gradient before and after\n" +
         table.text() +
         "Never acted: identical to the baseline. Safety net: on up to 10 % of the steps.\n"
         "Step-size limiter: on 90 % and more, in effect another learning rate. Turns\n"
         "gradient: likewise, but its direction changes too (cosine below 0.95).\n";
}

// A threshold that would have acted always or never in each mode says little.
bool tells_something(const WhatIfCounts& counts, std::size_t i) {
  const auto between = [&](std::uint64_t acted) { return acted > 0 && acted < counts.steps; };
  return between(counts.value[i]) || between(counts.global_norm[i]) ||
         between(counts.tensor_norm[i]);
}

// Two decimals where one would print a rare event as never.
std::string share_text(std::uint64_t count, std::uint64_t steps) {
  const double percent = 100 * static_cast<double>(count) / static_cast<double>(steps);
  if (count == 0 || percent >= 0.95) return fmt::format("{:.1f}", percent);
  return percent < 0.01 ? "<0.01" : fmt::format("{:.2f}", percent);
}

std::string what_if_table(const std::vector<WhatIfTable>& tables) {
  if (tables.empty()) return "";
  Table table(
      {{"baseline", Align::kLeft}, {"threshold"}, {"value"}, {"global-norm"}, {"tensor-norm"}});
  for (const auto& [baseline, counts] : tables)
    for (std::size_t i = 0; i < kWhatIfThresholds.size(); ++i)
      if (tells_something(counts, i))
        table.add_row({baseline, shortest(kWhatIfThresholds[i]),
                       share_text(counts.value[i], counts.steps),
                       share_text(counts.global_norm[i], counts.steps),
                       share_text(counts.tensor_norm[i], counts.steps)});
  return "\nWhat if: the % of the steps without clipping on which a threshold would act\n" +
         table.text();
}

std::string gradients_table(const std::vector<ArmSummary>& arms) {
  Table table({{"arm", Align::kLeft}, {"clipped %"}, {"median"}, {"P90"}, {"P99"}, {"max"}});
  for (const auto& arm : arms)
    table.add_row({arm.name, percent_text(arm.clipped_share), norm_text(arm.grad_norm_raw.median),
                   norm_text(arm.grad_norm_raw.p90), norm_text(arm.grad_norm_raw.p99),
                   norm_text(arm.grad_norm_raw.max)});
  return "\nShare of steps clipped, and the gradient's norm before clipping\n" + table.text();
}

std::string differences_table(const std::vector<Comparison>& comparisons,
                              const DifferenceStyle& style) {
  Table table({{"arm", Align::kLeft},
               {"difference"},
               {"95 % interval"},
               {"better in"},
               {"verdict", Align::kLeft}});
  for (const auto& comparison : comparisons) {
    const auto& difference = comparison.metrics[style.metric];
    const std::string mean =
        difference.mean ? signed_text(style.factor * *difference.mean, style.decimals) : "";
    table.add_row({comparison.arm, mean, interval_text(difference.interval, style),
                   fmt::format("{}/{}", difference.better, difference.n),
                   difference.verdict ? to_text(*difference.verdict) : ""});
  }
  return fmt::format("\n{} ({} is better)\n{}", style.title, style.better, table.text());
}

bool lacks_interval(const Comparison& comparison) {
  return comparison.metrics[Metric::kFinalTestAccuracy].n < kMinPairsForInterval ||
         comparison.metrics[Metric::kFinalTrainLoss].n < kMinPairsForInterval;
}

bool is_regularized(const ArmSummary& arm) {
  const auto& [weight_decay, decoupled, l1] = arm.regularization;
  return weight_decay != 0 || decoupled != 0 || l1 != 0;
}

std::string differences_text(const Summary& summary) {
  const auto& comparisons = summary.comparisons;
  if (comparisons.empty())
    return "\nNothing to compare: that takes an arm of mode none and another one at its learning "
           "rate.\n";
  std::string text =
      differences_table(comparisons, kAccuracyStyle) + differences_table(comparisons, kLossStyle) +
      "\nThe baseline is mode none at the same learning rate, paired seed by seed.\n";
  if (std::any_of(summary.arms.begin(), summary.arms.end(), is_regularized))
    text +=
        "All else is equal; but arms of mode none are compared with the one without weight\n"
        "decay or L1.\n";
  if (std::any_of(comparisons.begin(), comparisons.end(), lacks_interval))
    text += fmt::format("Fewer than {} pairs give no interval and no verdict: add seeds.\n",
                        kMinPairsForInterval);
  return text;
}

// What each mode can do, and what it does to bad outcomes.
std::string modes_table(const Summary& summary) {
  std::set<double> rates;
  for (const auto& arm : summary.arms) rates.insert(arm.learning_rate);
  const std::vector<double> all(rates.begin(), rates.end());
  Table table({{"best arm of each mode", Align::kLeft},
               {"final\nmean ± sd"},
               {"worst\nseed"},
               {"spikes"},
               {"diverged"},
               {"usable at\nlearning rates", Align::kLeft}});
  for (const auto& mode : summary.modes) {
    if (!mode.best_arm) continue;
    const ArmSummary& arm = summary.arm(*mode.best_arm);
    const auto& accuracy = arm.metrics[Metric::kFinalTestAccuracy];
    table.add_row({arm.name, mean_and_deviation(accuracy), percent_text(accuracy.min),
                   with_thousands(arm.spikes), with_thousands(arm.diverged),
                   range_text(mode.usable_learning_rates, all)});
  }
  return fmt::format(
             "\nModes (usable: within 3 points of the best of all arms{}, nothing diverged)\n",
             summary.setups.size() > 1 ? " of the cell" : "") +
         table.text();
}

// Of a task that can be solved, in how many runs it was.
std::string solved_table(const Summary& summary) {
  Table table({{"mode", Align::kLeft}, {"solved"}, {"unsolved"}});
  bool is_empty = true;
  for (const auto& mode : summary.modes) {
    if (mode.solved + mode.unsolved == 0) continue;
    is_empty = false;
    const std::string cell = summary.setups.size() > 1 ? in_words(mode.setup) + ", " : "";
    table.add_row({cell + entry_of(mode.mode).name, with_thousands(mode.solved),
                   with_thousands(mode.unsolved)});
  }
  return is_empty ? "" : "\nRuns that solved the task, of all arms of a mode\n" + table.text();
}

std::string noise_floor_text(const std::vector<NoiseFloor>& floors) {
  std::string text;
  for (const auto& floor : floors)
    text += wrapped(
        fmt::format(
            "Noise floor: flipping the last bit of the initial weights of {} moves a run by "
            "{} points (median of {}; at most {}).",
            floor.baseline, percent_text(floor.median_absolute_difference),
            counted(floor.n, "seed"), percent_text(floor.max_absolute_difference)),
        kColumns);
  return text.empty() ? "" : "\n" + text;
}

// Each of its lines is a paragraph.
std::string sentences_text(const std::string& sentences) {
  std::istringstream lines(sentences);
  std::string text;
  for (std::string line; std::getline(lines, line);) text += wrapped(line, kColumns, 2);
  return text;
}

std::string answer_text(const Summary& summary) {
  const Answer answer = answer_of(summary);
  return "\nDoes clipping help?\n" + sentences_text(answer.does_it_help) + "Where?\n" +
         sentences_text(answer.where) + "What to use?\n" + sentences_text(answer.what_to_use);
}

}  // namespace

std::string comparison_text(const Summary& summary) {
  return counts_line(summary.runs) + counting_notes(summary) +
         results_table(summary.arms, summary.basis.target_accuracy) +
         gradients_table(summary.arms) + what_if_table(summary.what_if) + readings_table(summary) +
         differences_text(summary) + modes_table(summary) + solved_table(summary) +
         noise_floor_text(summary.noise_floor) + answer_text(summary);
}

}  // namespace clipsweep
