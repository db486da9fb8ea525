#include "clipsweep/analysis/summary_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "clipsweep/analysis/conclusion_text.h"
#include "clipsweep/analysis/number_text.h"
#include "clipsweep/analysis/setup_table.h"
#include "clipsweep/analysis/success_by_length.h"
#include "clipsweep/base/table.h"
#include "clipsweep/base/text.h"
#include "clipsweep/base/text_style.h"

namespace clipsweep {
namespace {

// How the differences of one metric are printed.
struct DifferenceStyle {
  Metric metric;
  const char* title;
  double factor;  // 100 turns shares into percentage points
  int decimals;
};

constexpr DifferenceStyle kAccuracyStyle = {
    kJudgedMetric, "Late test accuracy minus the baseline's, percentage points (higher is better)",
    100, 1};
constexpr DifferenceStyle kLossStyle = {
    Metric::kFinalTrainLoss, "Final training loss minus the baseline's (lower is better)", 1, 3};

// A table of arms, as wide as the terminal at most. Its rows begin with the arm's clipping and its
// learning rate. If the arms differ in their setup or regularization, rows are grouped below
// headings that name these. If that is too wide, each arm's full name is a line above its numbers.
class ArmTable {
 public:
  ArmTable(const Summary& summary, const TextStyle& style, std::vector<Column> columns)
      : max_columns_(style.table_columns),
        setup_in_name_(summary.setup_in_name()),
        has_regularization_(std::any_of(summary.arms.begin(), summary.arms.end(), is_regularized)),
        columns_(std::move(columns)) {}

  static bool is_regularized(const ArmSettings& arm) {
    return !(arm.regularization == Regularization{});
  }

  // An arm may have several rows.
  void add_row(const ArmSummary& arm, std::vector<std::string> cells) {
    const std::string heading = heading_of(arm);
    const auto has_heading = [&](const Group& group) { return group.heading == heading; };
    auto group = std::find_if(groups_.begin(), groups_.end(), has_heading);
    if (group == groups_.end()) group = groups_.insert(group, {heading, {}});
    group->rows.push_back({&arm, std::move(cells)});
  }

  std::string text() const {
    const Table table = grouped();
    return table.width() <= max_columns_ ? table.text() : with_names_above().text();
  }

 private:
  struct ArmRow {
    const ArmSummary* arm;
    std::vector<std::string> cells;
  };
  struct Group {
    std::string heading;
    std::vector<ArmRow> rows;
  };

  // `gru`, `gru with weight decay 0.001`, `no regularization`; empty if all arms share these.
  std::string heading_of(const ArmSettings& arm) const {
    const std::string setup = setup_name(arm.setup, setup_in_name_);
    const std::string regularization = regularization_name(arm.regularization);
    if (!setup.empty() && !regularization.empty()) return setup + " with " + regularization;
    if (!regularization.empty()) return "with " + regularization;
    return setup.empty() && has_regularization_ ? "no regularization" : setup;
  }

  static std::string lines(const std::string& name) {
    return wrapped_heading(name, kTerminalColumns);
  }

  Table grouped() const {
    std::vector<Column> columns = {{"arm", Align::kLeft}, {"lr"}};
    columns.insert(columns.end(), columns_.begin(), columns_.end());
    Table table(std::move(columns));
    for (const auto& [heading, rows] : groups_) {
      const bool has_heading = !heading.empty();
      if (has_heading) table.add_heading(lines(heading));
      for (const auto& [arm, cells] : rows) {
        std::vector<std::string> row = {(has_heading ? "  " : "") + clip_name(*arm),
                                        shortest(arm->learning_rate)};
        row.insert(row.end(), cells.begin(), cells.end());
        table.add_row(std::move(row));
      }
    }
    return table;
  }

  Table with_names_above() const {
    std::vector<Column> columns = {{""}};  // indents the numbers
    columns.insert(columns.end(), columns_.begin(), columns_.end());
    Table table(std::move(columns));
    const ArmSummary* above = nullptr;
    for (const auto& group : groups_)
      for (const auto& [arm, cells] : group.rows) {
        if (arm != above) table.add_heading(lines(display_name(*arm, setup_in_name_)));
        above = arm;
        std::vector<std::string> row = {" "};
        row.insert(row.end(), cells.begin(), cells.end());
        table.add_row(std::move(row));
      }
    return table;
  }

  std::size_t max_columns_;
  SetupInName setup_in_name_;
  bool has_regularization_;
  std::vector<Column> columns_;
  std::vector<Group> groups_;
};

// The title of a table, above it.
std::string titled(const std::string& title, const std::string& table) {
  return "\n" + wrapped(title, kTerminalColumns) + table;
}

// A count of something bad, which is red if there is any.
std::string bad_count(std::uint64_t count, const TextStyle& style) {
  return toned(with_thousands(count), tone_of_bad(count), style);
}

std::string counts_line(const RunCounts& runs, const TextStyle& style) {
  std::vector<std::string> parts;
  const auto add = [&](std::uint64_t count, const char* name, Tone tone) {
    if (count > 0)
      parts.push_back(toned(fmt::format("{} {}", with_thousands(count), name), tone, style));
  };
  add(runs.completed, "completed", Tone::kPlain);
  add(runs.diverged, runs.stalled > 0 ? "diverged or stalled" : "diverged", Tone::kBad);
  add(runs.failed, "failed", Tone::kBad);
  add(runs.interrupted, "interrupted", Tone::kPlain);
  add(runs.unfinished, "unfinished", Tone::kPlain);
  add(runs.damaged, "damaged", Tone::kBad);
  return fmt::format("{}: {}\n", counted(runs.planned, "run"), join(parts));
}

// A chance level in percent; the lowest and the highest where setups differ: `24.6 to 25.3`.
template <typename LevelOf>
std::string chance_text(const Summary& summary, const LevelOf& level_of) {
  std::set<double> levels;
  for (const auto& setup : summary.setups) levels.insert(level_of(summary.basis_of(setup)));
  if (levels.empty()) levels.insert(level_of(summary.basis));
  const std::string lowest = percent_text(*levels.begin());
  const std::string highest = percent_text(*levels.rbegin());
  return lowest == highest ? lowest : lowest + " to " + highest;
}

// The arms that a network that learnt nothing could equal.
std::string chance_note(const Summary& summary) {
  constexpr std::size_t kMaxNamed = 3;
  std::vector<std::string> names;
  for (const auto& arm : summary.arms)
    if (!arm.better_than_chance.value_or(true))
      names.push_back(display_name(arm, summary.setup_in_name()));
  if (names.empty()) return "";
  const std::string chance =
      chance_text(summary, [](const auto& basis) { return basis.choice_chance_accuracy(); });
  if (names.size() == summary.arms.size())
    return fmt::format("No arm is better than chance, {} %.\n", chance);
  const std::string arms =
      names.size() > kMaxNamed ? counted(names.size(), "arm") : join(names, "; ");
  return wrapped(fmt::format("Not better than chance, {} %: {}.", chance, arms), kTerminalColumns);
}

// Which set the best arms are chosen by, where there is a choice.
std::string choice_note(const Summary& summary) {
  const bool has_choice =
      std::any_of(summary.best.begin(), summary.best.end(), [&](const BestComparison& best) {
        return best.candidates > 1 || summary.has_several_baselines(best.setup);
      });
  if (!has_choice || !summary.basis.has_data_set) return "";
  if (const auto& validation = summary.basis.validation)
    return wrapped(
        fmt::format("The best arms are chosen on the validation set ({}, chance {} %) and judged "
                    "on the test set.",
                    counted(validation->samples, "sample"),
                    percent_text(validation->chance_accuracy)),
        kTerminalColumns);
  return wrapped(
      "The best arms are chosen and judged on the same test set; --validation-share holds out "
      "another set for the choice.",
      kTerminalColumns);
}

// What a text costs without learning, and at best.
std::string bits_note(const MetricBasis& basis) {
  if (!basis.symbol_entropy) return "";
  std::string note =
      fmt::format("Chance is {:.3f} bits per character, the entropy of the symbol frequencies",
                  *basis.symbol_entropy / kNatsPerBit);
  if (basis.entropy_rate)
    note += fmt::format("; the least possible is {:.3f}, the entropy rate of the source",
                        *basis.entropy_rate / kNatsPerBit);
  return wrapped(note + ".", kTerminalColumns);
}

std::string damaged_notes(const Summary& summary, std::size_t max_named) {
  std::string notes;
  const std::size_t named = std::min(summary.damaged.size(), max_named);
  for (std::size_t i = 0; i < named; ++i)
    notes +=
        wrapped(fmt::format("Damaged and left out: {}", printable(summary.damaged[i].reason, 300)),
                kTerminalColumns);
  if (named < summary.damaged.size())
    notes += fmt::format("Damaged and left out: {} more\n",
                         with_thousands(summary.damaged.size() - named));
  return notes;
}

std::string counting_notes(const Summary& summary, std::size_t max_damaged) {
  const RunCounts& runs = summary.runs;
  std::string notes;
  if (runs.diverged > 0)
    notes += wrapped(
        fmt::format("A diverged run counts with {} % accuracy{}; losses are means over completed "
                    "runs.",
                    chance_text(summary, [](const auto& basis) { return basis.chance_accuracy; }),
                    summary.basis.chance_accuracy > 0 ? " (chance)" : ""),
        kTerminalColumns);
  if (runs.stalled > 0)
    notes += wrapped(
        fmt::format("{} stalled and {} as diverged: the last steps of such a run, at least {} or "
                    "half of all, were all skipped.",
                    counted(runs.stalled, "run"), runs.stalled == 1 ? "counts" : "count",
                    kMinSkippedOfStalled),
        kTerminalColumns);
  notes += chance_note(summary);
  notes += choice_note(summary);
  notes += bits_note(summary.basis);
  if (runs.failed + runs.interrupted + runs.unfinished > 0)
    notes += wrapped(
        "Failed, interrupted and unfinished runs are left out. Rerun the same sweep command to "
        "finish them.",
        kTerminalColumns);
  return notes + damaged_notes(summary, max_damaged);
}

std::string mean_and_deviation(const MetricSummary& metric) {
  if (!metric.mean) return "";
  const std::string deviation =
      metric.standard_deviation ? percent_text(metric.standard_deviation) : "-";
  return fmt::format("{} ± {}", percent_text(metric.mean), deviation);
}

// Losses of a text are printed in bits per character.
std::string bits_text(const std::optional<double>& loss) {
  return loss ? loss_text(*loss / kNatsPerBit) : "";
}

// With a validation set the accuracy that arms are chosen by takes the place of the best one.
std::string results_table(const Summary& summary, const TextStyle& style) {
  const std::string target = shortest(100 * summary.basis.target_accuracy);
  const bool has_validation = summary.basis.validation.has_value();
  const bool in_bits = summary.basis.symbol_entropy.has_value();
  ArmTable table(summary, style,
                 {{"seeds"},
                  {"diverged"},
                  {"late\nmean ± sd"},
                  {"final\nmean"},
                  {has_validation ? "valid.\nmean" : "best\nmean"},
                  {in_bits ? "test\nbits" : "test\nloss"},
                  {in_bits ? "train\nbits" : "train\nloss"},
                  {fmt::format("to\n{} %", target)}});
  const auto loss = [&](const std::optional<double>& nats) {
    return in_bits ? bits_text(nats) : loss_text(nats);
  };
  for (const auto& arm : summary.arms)
    table.add_row(arm, {with_thousands(arm.seeds.size()), bad_count(arm.diverged, style),
                        mean_and_deviation(arm.metrics[kJudgedMetric]),
                        percent_text(arm.metrics[Metric::kFinalTestAccuracy].mean),
                        percent_text(has_validation ? arm.choice_mean()
                                                    : arm.metrics[Metric::kBestTestAccuracy].mean),
                        loss(arm.metrics[Metric::kFinalTestLoss].mean),
                        loss(arm.metrics[Metric::kFinalTrainLoss].mean),
                        arm.reached_target ? with_thousands(arm.reached_target->count) : ""});
  return titled(
      fmt::format("Test accuracy in % (late: the median of the last {} evaluations, which is "
                  "judged{}), mean {} of the last epoch, runs that reached {} %",
                  kLateEvaluations,
                  has_validation ? "; valid.: the same on the validation set" : "",
                  in_bits ? "losses in bits per character" : "losses", target),
      table.text());
}

std::string interval_text(const std::optional<Interval>& interval, const DifferenceStyle& style) {
  return interval ? signed_text(*interval, style.factor, style.decimals) : "";
}

// One line per arm with the essentials.
std::string behaviour_table(const Summary& summary, const TextStyle& style) {
  ArmTable table(summary, style,
                 {{"acc\n%"},
                  {"95 % interval\nof difference"},
                  {"acted\n%"},
                  {"mean\ncosine"},
                  {"clipping was", Align::kLeft}});
  for (const auto& arm : summary.arms) {
    const Comparison* comparison = summary.comparison_of(arm.name);
    const auto interval =
        comparison ? comparison->metrics[kJudgedMetric].interval : std::optional<Interval>();
    table.add_row(arm,
                  {percent_text(arm.metrics[kJudgedMetric].mean),
                   interval_text(interval, kAccuracyStyle), percent_text(arm.clipped_share),
                   cosine_text(arm.mean_cosine), arm.behaviour ? to_text(*arm.behaviour) : ""});
  }
  const std::string legend = fmt::format(
      "Never acted: identical to the baseline. Safety net: acted on up to {0:.0f} % of the steps. "
      "Step-size limiter: acted on {1:.0f} % or more, in effect another learning rate. Turns "
      "gradient: acted on {1:.0f} % or more and changed the gradient's direction too (cosine below "
      "{2}). Acts nearly always: acted as often, and the direction was not measured.",
      100 * kMaxShareOfSafetyNet, 100 * kMinShareOfLimiter, shortest(kMinCosineOfLimiter));
  return titled(
             "What clipping did: late test accuracy, its difference from the baseline, how often "
             "it "
             "acted, and the mean cosine between the gradient before and after on those steps",
             table.text()) +
         wrapped(legend, kTerminalColumns);
}

// A threshold that would have acted always or never in every mode is not worth a row.
bool is_informative(const WhatIfCounts& counts, std::size_t i) {
  const auto between = [&](std::uint64_t acted) { return acted > 0 && acted < counts.steps; };
  return between(counts.value[i]) || between(counts.global_norm[i]) ||
         between(counts.tensor_norm[i]);
}

// Two decimals if one decimal would print a rare event as 0.
std::string share_text(std::uint64_t count, std::uint64_t steps) {
  const double percent = 100 * static_cast<double>(count) / static_cast<double>(steps);
  if (count == 0 || percent >= 0.95) return fmt::format("{:.1f}", percent);
  return percent < 0.01 ? "<0.01" : fmt::format("{:.2f}", percent);
}

std::string what_if_table(const Summary& summary, const TextStyle& style) {
  if (summary.what_if.empty()) return "";
  ArmTable table(summary, style, {{"threshold"}, {"value"}, {"global-norm"}, {"tensor-norm"}});
  for (const auto& [baseline, counts] : summary.what_if)
    for (std::size_t i = 0; i < kWhatIfThresholds.size(); ++i)
      if (is_informative(counts, i))
        table.add_row(summary.arm(baseline),
                      {shortest(kWhatIfThresholds[i]), share_text(counts.value[i], counts.steps),
                       share_text(counts.global_norm[i], counts.steps),
                       share_text(counts.tensor_norm[i], counts.steps)});
  return titled("What if: % of the unclipped steps on which each threshold would have acted",
                table.text());
}

std::string gradients_table(const Summary& summary, const TextStyle& style) {
  const bool has_skipped = std::any_of(summary.arms.begin(), summary.arms.end(),
                                       [](const ArmSummary& arm) { return arm.skipped > 0; });
  std::vector<Column> columns = {{"clipped %"}, {"median"}, {"P90"}, {"P99"}, {"max"}};
  if (has_skipped) columns.insert(columns.begin() + 1, Column{"skipped %"});
  // Missing in runs of earlier versions.
  const bool has_ratios = std::any_of(summary.arms.begin(), summary.arms.end(),
                                      [](const ArmSummary& arm) { return arm.update_ratio; });
  if (has_ratios) columns.push_back({"update /\nweights"});
  ArmTable table(summary, style, std::move(columns));
  for (const auto& arm : summary.arms) {
    const NormSummary& norms = arm.grad_norm_raw;
    std::vector<std::string> cells = {percent_text(arm.clipped_share), norm_text(norms.median),
                                      norm_text(norms.p90), norm_text(norms.p99),
                                      norm_text(norms.max)};
    if (has_skipped) cells.insert(cells.begin() + 1, percent_text(arm.skipped_share));
    if (has_ratios) cells.push_back(norm_text(arm.update_ratio));
    table.add_row(arm, std::move(cells));
  }
  return titled(
      fmt::format("{}, {}",
                  has_skipped ? "Shares of steps clipped and skipped" : "Share of steps clipped",
                  has_ratios ? "the gradient norm before clipping, and the median of the update's "
                               "norm divided by that of the weights"
                             : "and the gradient norm before clipping"),
      table.text());
}

Tone tone_of(Verdict verdict) {
  if (verdict == Verdict::kBetter) return Tone::kGood;
  return verdict == Verdict::kWorse ? Tone::kBad : Tone::kPlain;
}

std::string verdict_text(const std::optional<Verdict>& verdict, const TextStyle& style) {
  if (!verdict) return "";
  return toned(to_text(*verdict), tone_of(*verdict), style);
}

std::string differences_table(const Summary& summary, const DifferenceStyle& shown,
                              const TextStyle& style) {
  ArmTable table(summary, style,
                 {{"mean"}, {"95 % interval"}, {"better\nin"}, {"verdict", Align::kLeft}});
  for (const auto& comparison : summary.comparisons) {
    const auto& difference = comparison.metrics[shown.metric];
    const std::string mean =
        difference.mean ? signed_text(shown.factor * *difference.mean, shown.decimals) : "";
    table.add_row(summary.arm(comparison.arm),
                  {mean, interval_text(difference.interval, shown),
                   fmt::format("{}/{}", difference.better, difference.n),
                   verdict_text(difference.verdict, style)});
  }
  return titled(shown.title, table.text());
}

bool lacks_verdict(const Comparison& comparison) {
  return comparison.metrics[kJudgedMetric].n < kMinPairsForVerdict ||
         comparison.metrics[Metric::kFinalTrainLoss].n < kMinPairsForVerdict;
}

std::string differences_text(const Summary& summary, const TextStyle& style) {
  const auto& comparisons = summary.comparisons;
  if (comparisons.empty())
    return "\n" + wrapped(
                      "Nothing to compare: a comparison needs an arm of mode none and another arm "
                      "at the same learning rate.",
                      kTerminalColumns);
  std::string text =
      differences_table(summary, kAccuracyStyle, style) +
      differences_table(summary, kLossStyle, style) +
      "\nThe baseline is mode none at the same learning rate, paired seed by seed.\n";
  if (std::any_of(summary.arms.begin(), summary.arms.end(), ArmTable::is_regularized))
    text += wrapped(
        "An arm that clips has the same regularization as its baseline. An arm of mode none with "
        "weight decay or L1 is compared with mode none without them.",
        kTerminalColumns);
  if (std::any_of(comparisons.begin(), comparisons.end(), lacks_verdict))
    text += wrapped(
        fmt::format(
            "Fewer than {} pairs give no interval and fewer than {} no verdict; add seeds to "
            "get them.",
            kMinPairsForInterval, kMinPairsForVerdict),
        kTerminalColumns);
  return text;
}

// How many seeds collapsed on each side, and the difference among the others; empty if none did.
std::string collapses_table(const Summary& summary, const TextStyle& style) {
  ArmTable table(summary, style,
                 {{"seeds"}, {"collapsed"}, {"baseline\ncollapsed"}, {"p"}, {"others:\nIQM"}});
  bool is_empty = true;
  for (const auto& comparison : summary.comparisons) {
    if (!comparison.collapses) continue;
    const PairedShares& shares = comparison.collapses->shares;
    if (shares.counts.first() + shares.counts.second() == 0) continue;
    is_empty = false;
    const auto& others = comparison.collapses->other_interquartile_mean;
    table.add_row(summary.arm(comparison.arm),
                  {with_thousands(shares.counts.n()), with_thousands(shares.counts.first()),
                   with_thousands(shares.counts.second()), p_value_text(shares.p_value),
                   others ? signed_text(100 * *others, 1) : ""});
  }
  if (is_empty) return "";
  return titled(
      fmt::format(
          "Seeds that collapsed (diverged, or ended more than {:.0f} points below the higher "
          "of both medians; McNemar's exact p), and the interquartile mean of the "
          "difference among the others",
          100 * kCollapseMargin),
      table.text());
}

std::string interval_text(double value, double lower, double upper, int digits) {
  return fmt::format("{:.{}g} [{:.{}g}, {:.{}g}]", value, digits, lower, digits, upper, digits);
}

std::string criterion_text(const std::optional<PredictedClipping>& clipping) {
  if (!clipping || !clipping->comparison || clipping->prediction == Prediction::kInactive)
    return "";
  const CriterionEstimate& criterion = *clipping->comparison;
  return interval_text(criterion.value, criterion.lower, criterion.upper, 3);
}

std::string prediction_text(const PredictedClipping& clipping, const TextStyle& style) {
  const Prediction prediction = clipping.prediction;
  const Tone tone = prediction == Prediction::kHelps   ? Tone::kGood
                    : prediction == Prediction::kHurts ? Tone::kBad
                                                       : Tone::kPlain;
  return toned(to_text(prediction), tone, style);
}

// What the probes predict of each arm, next to what was measured; empty without probes.
std::string probes_table(const Summary& summary, const TextStyle& style) {
  ArmTable table(summary, style,
                 {{"after\nstep"},
                  {"tail index\nof the noise"},
                  {"criterion\nmu^2 / nu"},
                  {"predicted", Align::kLeft},
                  {"measured", Align::kLeft}});
  bool is_empty = true;
  for (const auto& arm : summary.arms)
    for (const auto& probe : arm.probes) {
      is_empty = false;
      const auto& tail = probe.noise_tail_index;
      const auto& clipping = probe.clipping;
      const Comparison* comparison = summary.comparison_of(arm.name);
      table.add_row(arm,
                    {with_thousands(probe.step),
                     tail ? interval_text(tail->estimate, tail->lower, tail->upper, 2) : "",
                     criterion_text(clipping), clipping ? prediction_text(*clipping, style) : "",
                     comparison ? verdict_text(comparison->verdict(), style) : ""});
    }
  if (is_empty) return "";
  return titled(
             "Probes: the noise of the gradient at fixed weights, and whether clipping should help "
             "there, next to the verdict on late test accuracy",
             table.text()) +
         wrapped(
             "The criterion (Marshall et al., 2024) is that of linear regression by SGD, each side "
             "at its own best learning rate. A tail index below 2 means infinite variance.",
             kTerminalColumns);
}

// The last probe of each arm, without intervals; empty without probes.
std::string last_probes_table(const Summary& summary, const TextStyle& style) {
  std::uint64_t last = 0;
  for (const auto& arm : summary.arms)
    if (!arm.probes.empty()) last = std::max(last, arm.probes.back().step);
  ArmTable table(
      summary, style,
      {{"tail\nindex"}, {"mu^2 / nu"}, {"predicted", Align::kLeft}, {"measured", Align::kLeft}});
  bool is_empty = true;
  for (const auto& arm : summary.arms) {
    if (arm.probes.empty() || arm.probes.back().step != last) continue;
    is_empty = false;
    const ArmProbe& probe = arm.probes.back();
    const std::string criterion = criterion_text(probe.clipping);
    const Comparison* comparison = summary.comparison_of(arm.name);
    table.add_row(
        arm, {probe.noise_tail_index ? fmt::format("{:.2g}", probe.noise_tail_index->estimate) : "",
              criterion.substr(0, criterion.find(' ')),
              probe.clipping ? prediction_text(*probe.clipping, style) : "",
              comparison ? verdict_text(comparison->verdict(), style) : ""});
  }
  if (is_empty) return "";
  return titled(fmt::format("Probes after step {}: tail index of the gradient's noise, and whether "
                            "clipping should help there",
                            with_thousands(last)),
                table.text());
}

// The modes that have a best arm: `none`, and those of the highest mean; in the order of the
// summary.
std::vector<const ModeSummary*> best_modes(const Summary& summary, std::size_t max_modes) {
  std::vector<const ModeSummary*> modes;
  for (const auto& mode : summary.modes)
    if (mode.best_arm) modes.push_back(&mode);
  const auto mean_of = [&](const ModeSummary* mode) {
    return mode->mode == ClipMode::kNone
               ? std::numeric_limits<double>::infinity()
               : *summary.arm(*mode->best_arm).metrics[kJudgedMetric].mean;
  };
  while (modes.size() > max_modes)
    modes.erase(std::min_element(modes.begin(), modes.end(), [&](const auto* a, const auto* b) {
      return mean_of(a) < mean_of(b);
    }));
  return modes;
}

// The best arm of each mode, with its bad outcomes and where the mode is usable.
std::string modes_table(const Summary& summary, const TextStyle& style,
                        std::size_t max_modes = std::numeric_limits<std::size_t>::max()) {
  std::set<double> rates;
  for (const auto& arm : summary.arms) rates.insert(arm.learning_rate);
  const std::vector<double> all(rates.begin(), rates.end());
  ArmTable table(summary, style,
                 {{"late\nmean ± sd"},
                  {"worst\nseed"},
                  {"spikes"},
                  {"diverged"},
                  {"mode usable at\nlearning rates", Align::kLeft}});
  const auto modes = best_modes(summary, max_modes);
  if (modes.empty()) return "";
  for (const auto* mode : modes) {
    const ArmSummary& arm = summary.arm(*mode->best_arm);
    table.add_row(arm,
                  {mean_and_deviation(arm.metrics[kJudgedMetric]),
                   percent_text(arm.metrics[kJudgedMetric].min), with_thousands(arm.spikes),
                   bad_count(arm.diverged, style), range_text(mode->usable_learning_rates, all)});
  }
  const auto with_best_arm =
      std::count_if(summary.modes.begin(), summary.modes.end(),
                    [](const auto& mode) { return mode.best_arm.has_value(); });
  const std::size_t more = static_cast<std::size_t>(with_best_arm) - modes.size();
  return titled(
      fmt::format("Best arm of each mode (usable: better than chance, within {:.0f} points of "
                  "the best{}, no run diverged)",
                  100 * kUsableMargin, summary.setups.size() > 1 ? " of the setup" : ""),
      table.text() + (more > 0 ? fmt::format("... and {} more\n", counted(more, "mode")) : ""));
}

// Each mode against the same baseline. Empty for a single mode, which the answer already compares.
std::string mode_differences_table(const Summary& summary, const TextStyle& style) {
  ArmTable table(summary, style,
                 {{"difference"}, {"95 % interval"}, {"p"}, {"verdict", Align::kLeft}});
  std::size_t compared = 0;
  for (const auto& best : summary.best) {
    table.add_row(summary.arm(best.baseline), {"", "", "", "compared with"});
    for (const auto& mode : summary.modes) {
      if (!(mode.setup == best.setup) || !mode.difference) continue;
      ++compared;
      const ModeDifference& difference = *mode.difference;
      table.add_row(
          summary.arm(*mode.best_arm),
          {difference.mean ? signed_text(kAccuracyStyle.factor * *difference.mean, 1) : "",
           interval_text(difference.simultaneous_interval, kAccuracyStyle),
           p_value_text(difference.p_adjusted), verdict_text(difference.verdict, style)});
    }
  }
  if (compared < 2 * summary.best.size() || compared == 0) return "";
  return titled(
      "Best arm of each mode minus the best arm without clipping, late test accuracy in "
      "percentage points. Intervals and p-values hold for all arms with clipping at once",
      table.text());
}

// How many runs of each arm solved the task, and when, if it can be solved.
std::string solutions_table(const Summary& summary, const TextStyle& style) {
  ArmTable table(summary, style,
                 {{"runs"}, {"solved"}, {"at the\nend"}, {"median\nsteps"}, {"95 % interval"}});
  bool is_empty = true;
  for (const auto& arm : summary.arms) {
    if (!arm.steps_to_solution || arm.seeds.empty()) continue;
    is_empty = false;
    const MedianDuration& steps = *arm.steps_to_solution;
    const auto text = [](const std::optional<double>& time) {
      return time ? shortest(*time) : std::string("never");
    };
    table.add_row(arm, {with_thousands(arm.seeds.size()), with_thousands(*arm.solved),
                        with_thousands(*arm.solved_at_end), text(steps.median),
                        fmt::format("[{}, {}]", text(steps.lower), text(steps.upper))});
  }
  if (is_empty) return "";
  return titled(
      "Runs that solved the task in some evaluation and in the last one, and the median number of "
      "steps to the first (Kaplan-Meier: unsolved runs count)",
      table.text());
}

// How many runs solved the task, if it can be solved.
std::string solved_table(const Summary& summary) {
  Table table({{"mode", Align::kLeft}, {"solved"}, {"unsolved"}});
  const bool has_several_setups = summary.setups.size() > 1;
  const Setup* above = nullptr;
  bool is_empty = true;
  for (const auto& mode : summary.modes) {
    if (mode.solved + mode.unsolved == 0) continue;
    is_empty = false;
    if (has_several_setups && !(above && *above == mode.setup))
      table.add_heading(setup_name(mode.setup, summary.setup_in_name()));
    above = &mode.setup;
    table.add_row({(has_several_setups ? "  " : "") + std::string(entry_of(mode.mode).name),
                   with_thousands(mode.solved), with_thousands(mode.unsolved)});
  }
  return is_empty ? "" : titled("Runs that solved the task, over all arms of a mode", table.text());
}

// Zhang, He, Sra and Jadbabaie (2020) see a high correlation where training clips at a high
// learning rate, and a low one elsewhere.
std::string smoothness_table(const Summary& summary, const TextStyle& style) {
  ArmTable table(summary, style, {{"points"}, {"slope"}, {"intercept"}, {"r"}});
  bool is_empty = true;
  const auto text = [](const std::optional<double>& value) {
    return value ? signed_text(*value, 2) : "";
  };
  for (const auto& arm : summary.arms) {
    const LinearFit& fit = arm.smoothness;
    if (fit.points == 0) continue;
    is_empty = false;
    table.add_row(arm, {with_thousands(fit.points), text(fit.slope()), text(fit.intercept()),
                        text(fit.correlation())});
  }
  if (is_empty) return "";
  return titled(
      "Local smoothness and gradient norm of the measured steps: log10 smoothness = intercept + "
      "slope x log10 norm, and their correlation r",
      table.text());
}

std::string noise_floor_table(const Summary& summary, const TextStyle& style) {
  if (summary.noise_floor.empty()) return "";
  ArmTable table(summary, style, {{"seeds"}, {"median"}, {"max"}});
  for (const auto& floor : summary.noise_floor)
    table.add_row(summary.arm(floor.baseline),
                  {with_thousands(floor.n), percent_text(floor.median_absolute_difference),
                   percent_text(floor.max_absolute_difference)});
  return titled(
      "Noise floor: points by which flipping the last bit of the initial weights moves the late "
      "test accuracy of a run",
      table.text());
}

// Each line of the sentences is a paragraph.
std::string sentences_text(const std::string& sentences) {
  std::istringstream lines(sentences);
  std::string text;
  for (std::string line; std::getline(lines, line);) text += wrapped(line, kTerminalColumns, 2);
  return text;
}

std::string question(const char* text, const std::string& sentences) {
  return fmt::format("{}\n{}", text, sentences_text(sentences));
}

// In sentences, or as a table if there are many setups.
std::string answer_text(const Summary& summary, const TextStyle& style) {
  if (summary.setups.size() > kMaxSetupsInSentences)
    return setup_table(summary, style, summary.setups.size());
  const Answer answer = answer_of(summary);
  return "\n" + question("Does clipping help?", answer.does_it_help) +
         question("Where?", answer.where) + question("What to use?", answer.what_to_use);
}

std::string shorter_answer_text(const Summary& summary) {
  const Answer answer = answer_of(summary);
  return "\n" + question("Does clipping help?", answer.does_it_help) +
         question("What to use?", answer.what_to_use);
}

std::size_t line_count(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::string first_lines(const std::string& text, std::size_t count) {
  std::size_t end = 0;
  for (std::size_t line = 0; line < count && end < text.size(); ++line)
    end = text.find('\n', end) + 1;
  return text.substr(0, end);
}

// Leaves out success by length, then setups, if these are more than `max_lines`.
std::string brief_text_of_many(const Summary& summary, const TextStyle& style,
                               const std::string& counts, const std::string& success,
                               std::size_t max_lines) {
  const std::string whole = counts + setup_table(summary, style, summary.setups.size());
  if (line_count(whole + success) <= max_lines) return whole + success;
  if (line_count(whole) <= max_lines) return whole;
  const std::size_t setups = summary.setups.size();
  const std::size_t others = line_count(counts + setup_table(summary, style, 0));
  // A row may have its name above.
  const std::size_t per_setup = (line_count(whole) - others + setups) / setups;
  const std::size_t room = max_lines > others ? max_lines - others : 0;
  return counts + setup_table(summary, style, std::max<std::size_t>(1, room / per_setup));
}

// With this many modes, a sweep is run to compare them: it always ends with their table.
constexpr std::size_t kManyModes = 8;

// Leaves out the modes of the lowest means where all are too many lines. Empty if too few would be
// left.
std::string brief_text_of_modes(const Summary& summary, const TextStyle& style,
                                const std::string& counts, const std::string& answer,
                                std::size_t max_lines) {
  for (std::size_t modes = summary.modes.size(); modes >= kManyModes; --modes) {
    const std::string text = counts + modes_table(summary, style, modes) + answer;
    if (line_count(text) <= max_lines) return text;
  }
  return "";
}

}  // namespace

std::string comparison_text(const Summary& summary, const TextStyle& style) {
  const std::string counts =
      counts_line(summary.runs, style) + counting_notes(summary, summary.damaged.size());
  const auto has_runs = [](const ArmSummary& arm) { return !arm.seeds.empty(); };
  if (std::none_of(summary.arms.begin(), summary.arms.end(), has_runs))
    return counts + answer_text(summary, style);
  return counts + results_table(summary, style) + gradients_table(summary, style) +
         what_if_table(summary, style) + behaviour_table(summary, style) +
         differences_text(summary, style) + collapses_table(summary, style) +
         probes_table(summary, style) + modes_table(summary, style) +
         mode_differences_table(summary, style) + solved_table(summary) +
         solutions_table(summary, style) + noise_floor_table(summary, style) +
         smoothness_table(summary, style) + answer_text(summary, style) +
         success_by_length_table(summary, style);
}

std::string brief_text(const Summary& summary, const TextStyle& style, std::size_t max_lines) {
  constexpr std::size_t kMaxDamagedNamed = 3;
  const std::string counts =
      counts_line(summary.runs, style) + counting_notes(summary, kMaxDamagedNamed);
  const std::string success = success_by_length_table(summary, style);
  if (summary.setups.size() > kMaxSetupsInSentences)
    return brief_text_of_many(summary, style, counts, success, max_lines);
  const std::string shorter = shorter_answer_text(summary) + success;
  const std::string measured = last_probes_table(summary, style) + smoothness_table(summary, style);
  const std::string modes = modes_table(summary, style);
  const std::string answer = answer_text(summary, style) + success;
  const bool has_room = line_count(counts + measured + modes + answer) <= max_lines;
  if (!has_room && summary.setups.size() == 1)
    if (const auto text = brief_text_of_modes(summary, style, counts, shorter, max_lines);
        !text.empty())
      return text;
  for (const auto& text :
       {counts + measured + modes + answer, counts + measured + answer, counts + measured + shorter,
        counts + modes + answer, counts + answer, counts + shorter})
    if (line_count(text) <= max_lines) return text;
  if (summary.setups.size() > 1)
    return brief_text_of_many(summary, style, counts, success, max_lines);
  return first_lines(counts + shorter_answer_text(summary), max_lines - 1) + "  ...\n";
}

}  // namespace clipsweep
