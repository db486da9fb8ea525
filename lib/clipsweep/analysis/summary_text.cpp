#include "clipsweep/analysis/summary_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "clipsweep/analysis/conclusion_text.h"
#include "clipsweep/analysis/number_text.h"
#include "clipsweep/base/table.h"
#include "clipsweep/base/text.h"

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

// A table of arms, for at most 80 columns. Its rows begin with the arm's clipping and its learning
// rate. If the arms differ in their cell or regularization, rows are grouped below headings that
// name these. If that is too wide, each arm's full name is a line above its numbers.
class ArmTable {
 public:
  ArmTable(const Summary& summary, std::vector<Column> columns)
      : has_several_cells_(summary.setups.size() > 1),
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
    return table.width() <= kTerminalColumns ? table.text() : with_names_above().text();
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
    const std::string cell = has_several_cells_ ? display_name(arm.setup) : "";
    const std::string regularization = regularization_name(arm.regularization);
    if (!cell.empty() && !regularization.empty()) return cell + " with " + regularization;
    if (!regularization.empty()) return "with " + regularization;
    return cell.empty() && has_regularization_ ? "no regularization" : cell;
  }

  // A name in lines of at most 80 columns, without a line break at the end.
  static std::string lines(const std::string& name) {
    const std::string text = wrapped(name, kTerminalColumns);
    return text.substr(0, text.size() - 1);
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
    const CellInName cell = has_several_cells_ ? CellInName::kShown : CellInName::kOmitted;
    const ArmSummary* above = nullptr;
    for (const auto& group : groups_)
      for (const auto& [arm, cells] : group.rows) {
        if (arm != above) table.add_heading(lines(display_name(*arm, cell)));
        above = arm;
        std::vector<std::string> row = {" "};
        row.insert(row.end(), cells.begin(), cells.end());
        table.add_row(std::move(row));
      }
    return table;
  }

  bool has_several_cells_;
  bool has_regularization_;
  std::vector<Column> columns_;
  std::vector<Group> groups_;
};

// The title of a table, above it.
std::string titled(const std::string& title, const std::string& table) {
  return "\n" + wrapped(title, kTerminalColumns) + table;
}

void add_count(std::vector<std::string>& parts, std::uint64_t count, const char* name) {
  if (count > 0) parts.push_back(fmt::format("{} {}", with_thousands(count), name));
}

std::string counts_line(const RunCounts& runs) {
  std::vector<std::string> parts;
  add_count(parts, runs.completed, "completed");
  add_count(parts, runs.diverged, runs.stalled > 0 ? "diverged or stalled" : "diverged");
  add_count(parts, runs.failed, "failed");
  add_count(parts, runs.interrupted, "interrupted");
  add_count(parts, runs.unfinished, "unfinished");
  add_count(parts, runs.damaged, "damaged");
  return fmt::format("{}: {}\n", counted(runs.planned, "run"), join(parts));
}

// The arms that a network that learnt nothing could equal.
std::string chance_note(const Summary& summary) {
  constexpr std::size_t kMaxNamed = 3;
  const CellInName cell = summary.setups.size() > 1 ? CellInName::kShown : CellInName::kOmitted;
  std::vector<std::string> names;
  for (const auto& arm : summary.arms)
    if (!arm.better_than_chance.value_or(true)) names.push_back(display_name(arm, cell));
  if (names.empty()) return "";
  const std::string chance = percent_text(summary.basis.choice_chance_accuracy());
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

std::string counting_notes(const Summary& summary) {
  const RunCounts& runs = summary.runs;
  std::string notes;
  if (runs.diverged > 0)
    notes += wrapped(
        fmt::format("A diverged run counts with {} % accuracy{}; losses are means over completed "
                    "runs.",
                    percent_text(summary.basis.chance_accuracy),
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
  for (const auto& run : summary.damaged)
    notes += wrapped(fmt::format("Damaged and left out: {}", printable(run.reason, 300)),
                     kTerminalColumns);
  return notes;
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
std::string results_table(const Summary& summary) {
  const std::string target = shortest(100 * summary.basis.target_accuracy);
  const bool has_validation = summary.basis.validation.has_value();
  const bool in_bits = summary.basis.symbol_entropy.has_value();
  ArmTable table(summary, {{"seeds"},
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
    table.add_row(arm, {with_thousands(arm.seeds.size()), with_thousands(arm.diverged),
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
std::string behaviour_table(const Summary& summary) {
  ArmTable table(summary, {{"acc\n%"},
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

std::string what_if_table(const Summary& summary) {
  if (summary.what_if.empty()) return "";
  ArmTable table(summary, {{"threshold"}, {"value"}, {"global-norm"}, {"tensor-norm"}});
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

std::string gradients_table(const Summary& summary) {
  const bool has_skipped = std::any_of(summary.arms.begin(), summary.arms.end(),
                                       [](const ArmSummary& arm) { return arm.skipped > 0; });
  std::vector<Column> columns = {{"clipped %"}, {"median"}, {"P90"}, {"P99"}, {"max"}};
  if (has_skipped) columns.insert(columns.begin() + 1, Column{"skipped %"});
  ArmTable table(summary, std::move(columns));
  for (const auto& arm : summary.arms) {
    const NormSummary& norms = arm.grad_norm_raw;
    std::vector<std::string> cells = {percent_text(arm.clipped_share), norm_text(norms.median),
                                      norm_text(norms.p90), norm_text(norms.p99),
                                      norm_text(norms.max)};
    if (has_skipped) cells.insert(cells.begin() + 1, percent_text(arm.skipped_share));
    table.add_row(arm, std::move(cells));
  }
  return titled(has_skipped ? "Shares of steps clipped and skipped, and the gradient norm before "
                              "clipping"
                            : "Share of steps clipped, and the gradient norm before clipping",
                table.text());
}

std::string differences_table(const Summary& summary, const DifferenceStyle& style) {
  ArmTable table(summary, {{"mean"}, {"95 % interval"}, {"better\nin"}, {"verdict", Align::kLeft}});
  for (const auto& comparison : summary.comparisons) {
    const auto& difference = comparison.metrics[style.metric];
    const std::string mean =
        difference.mean ? signed_text(style.factor * *difference.mean, style.decimals) : "";
    table.add_row(summary.arm(comparison.arm),
                  {mean, interval_text(difference.interval, style),
                   fmt::format("{}/{}", difference.better, difference.n),
                   difference.verdict ? to_text(*difference.verdict) : ""});
  }
  return titled(style.title, table.text());
}

bool lacks_verdict(const Comparison& comparison) {
  return comparison.metrics[kJudgedMetric].n < kMinPairsForVerdict ||
         comparison.metrics[Metric::kFinalTrainLoss].n < kMinPairsForVerdict;
}

std::string differences_text(const Summary& summary) {
  const auto& comparisons = summary.comparisons;
  if (comparisons.empty())
    return "\n" + wrapped(
                      "Nothing to compare: a comparison needs an arm of mode none and another arm "
                      "at the same learning rate.",
                      kTerminalColumns);
  std::string text =
      differences_table(summary, kAccuracyStyle) + differences_table(summary, kLossStyle) +
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
std::string collapses_table(const Summary& summary) {
  ArmTable table(summary,
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

// The best arm of each mode, with its bad outcomes and where the mode is usable.
std::string modes_table(const Summary& summary) {
  std::set<double> rates;
  for (const auto& arm : summary.arms) rates.insert(arm.learning_rate);
  const std::vector<double> all(rates.begin(), rates.end());
  ArmTable table(summary, {{"late\nmean ± sd"},
                           {"worst\nseed"},
                           {"spikes"},
                           {"diverged"},
                           {"mode usable at\nlearning rates", Align::kLeft}});
  for (const auto& mode : summary.modes) {
    if (!mode.best_arm) continue;
    const ArmSummary& arm = summary.arm(*mode.best_arm);
    table.add_row(arm, {mean_and_deviation(arm.metrics[kJudgedMetric]),
                        percent_text(arm.metrics[kJudgedMetric].min), with_thousands(arm.spikes),
                        with_thousands(arm.diverged), range_text(mode.usable_learning_rates, all)});
  }
  return titled(
      fmt::format("Best arm of each mode (usable: better than chance, within {:.0f} points of "
                  "the best{}, no run diverged)",
                  100 * kUsableMargin, summary.setups.size() > 1 ? " of the cell" : ""),
      table.text());
}

// How many runs of each arm solved the task, and when, if it can be solved.
std::string solutions_table(const Summary& summary) {
  ArmTable table(summary,
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
  const bool has_several_cells = summary.setups.size() > 1;
  const CellSetup* above = nullptr;
  bool is_empty = true;
  for (const auto& mode : summary.modes) {
    if (mode.solved + mode.unsolved == 0) continue;
    is_empty = false;
    if (has_several_cells && !(above && *above == mode.setup))
      table.add_heading(display_name(mode.setup));
    above = &mode.setup;
    table.add_row({(has_several_cells ? "  " : "") + std::string(entry_of(mode.mode).name),
                   with_thousands(mode.solved), with_thousands(mode.unsolved)});
  }
  return is_empty ? "" : titled("Runs that solved the task, over all arms of a mode", table.text());
}

std::string noise_floor_table(const Summary& summary) {
  if (summary.noise_floor.empty()) return "";
  ArmTable table(summary, {{"seeds"}, {"median"}, {"max"}});
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

std::string answer_text(const Summary& summary) {
  const Answer answer = answer_of(summary);
  return "\nDoes clipping help?\n" + sentences_text(answer.does_it_help) + "Where?\n" +
         sentences_text(answer.where) + "What to use?\n" + sentences_text(answer.what_to_use);
}

}  // namespace

std::string comparison_text(const Summary& summary) {
  return counts_line(summary.runs) + counting_notes(summary) + results_table(summary) +
         gradients_table(summary) + what_if_table(summary) + behaviour_table(summary) +
         differences_text(summary) + collapses_table(summary) + modes_table(summary) +
         solved_table(summary) + solutions_table(summary) + noise_floor_table(summary) +
         answer_text(summary);
}

}  // namespace clipsweep
