#include "clipsweep/analysis/setup_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "clipsweep/analysis/conclusions.h"
#include "clipsweep/analysis/number_text.h"
#include "clipsweep/base/table.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

// What a verdict means in a few words.
std::pair<const char*, Tone> words_for(EffectCase effect) {
  switch (effect) {
    case EffectCase::kNoOutcome:
      return {"no run yet", Tone::kPlain};
    case EffectCase::kAllDiverged:
      return {"all runs diverged", Tone::kBad};
    case EffectCase::kNoArmClips:
    case EffectCase::kNoArmWithoutClipping:
    case EffectCase::kNoRunWithClipping:
    case EffectCase::kNoRunWithoutClipping:
      return {"nothing to compare", Tone::kPlain};
    case EffectCase::kNothingLearnt:
      return {"nothing learnt", Tone::kPlain};
    case EffectCase::kNeverActed:
      return {"clipping never acted", Tone::kPlain};
    case EffectCase::kSolvesMore:
      return {"clipping solves more", Tone::kGood};
    case EffectCase::kSolvesLess:
      return {"clipping solves less", Tone::kBad};
    case EffectCase::kSolvesUnsettled:
      return {"not settled", Tone::kPlain};
    case EffectCase::kTooFewSeeds:
    case EffectCase::kSolvesTooFewSeeds:
      return {"too few seeds", Tone::kPlain};
    case EffectCase::kBetter:
      return {"clipping better", Tone::kGood};
    case EffectCase::kWorse:
      return {"clipping worse", Tone::kBad};
    case EffectCase::kSolvesAlike:
    case EffectCase::kNoDifference:
    case EffectCase::kNotAfterCorrection:
      return {"no difference seen", Tone::kPlain};
  }
  throw std::logic_error("words_for: unknown effect");
}

// What the results of arms are: late accuracies in percent or, if runs solve the task, how many
// runs solved it and kept it solved.
enum class Shown { kAccuracy, kSolved };

std::string result_text(const ArmSummary& arm, Shown shown) {
  if (shown == Shown::kSolved) return fmt::format("{}/{}", *arm.solved_at_end, arm.seeds.size());
  return percent_text(arm.metrics[kJudgedMetric].mean);
}

// `value:0.5 at lr 0.01: 68.5`
std::string named_result_text(const ArmSummary& arm, Shown shown) {
  return fmt::format("{} at lr {}: {}", clip_name(arm), shortest(arm.learning_rate),
                     result_text(arm, shown));
}

using ArmText = std::string (*)(const ArmSummary& arm, Shown shown);

// Where the name of a setup is: in a column of its own or, if that is too wide, above its row.
enum class NamePlace { kColumn, kAbove };

Table table_of(const Summary& summary, const TextStyle& style, std::size_t setups, Shown shown,
               ArmText arm_text, NamePlace place = NamePlace::kColumn) {
  const Align align = arm_text == named_result_text ? Align::kLeft : Align::kRight;
  std::vector<Column> columns = {
      {"best with\nclipping", align}, {"best\nwithout", align}, {"verdict", Align::kLeft}};
  if (place == NamePlace::kColumn) columns.insert(columns.begin(), {"setup", Align::kLeft});
  Table table(std::move(columns));
  for (std::size_t i = 0; i < setups; ++i) {
    const Setup& setup = summary.setups[i];
    const Summary part = part_of(summary, setup);
    const auto [words, tone] = words_for(conclude(part).effect.kind);
    const BestComparison* best = part.best.empty() ? nullptr : &part.best.front();
    const std::string name = setup_name(setup, summary.setup_in_name());
    std::vector<std::string> cells = {best ? arm_text(part.arm(best->arm), shown) : "",
                                      best ? arm_text(part.arm(best->baseline), shown) : "",
                                      toned(words, tone, style)};
    if (place == NamePlace::kColumn)
      cells.insert(cells.begin(), name);
    else
      table.add_heading(wrapped_heading(name, kTerminalColumns));
    table.add_row(std::move(cells));
  }
  return table;
}

}  // namespace

std::string setup_table(const Summary& summary, const TextStyle& style, std::size_t max_setups) {
  const std::size_t shown = std::min(max_setups, summary.setups.size());
  const bool is_solved = std::any_of(summary.arms.begin(), summary.arms.end(),
                                     [](const auto& arm) { return arm.solved.value_or(0) > 0; });
  const Shown results = is_solved ? Shown::kSolved : Shown::kAccuracy;
  std::string text =
      "\n" + wrapped(fmt::format("Does clipping help? By setup: {} of the best arm with clipping "
                                 "and of the best without",
                                 is_solved ? "the runs that solved the task and kept it solved"
                                           : "the late test accuracy in %"),
                     kTerminalColumns);
  Table table = table_of(summary, style, shown, results, named_result_text);
  if (table.width() > style.table_columns)
    table = table_of(summary, style, shown, results, result_text);
  if (table.width() > style.table_columns)
    table = table_of(summary, style, shown, results, named_result_text, NamePlace::kAbove);
  text += table.text();
  if (const std::size_t more = summary.setups.size() - shown; more > 0)
    text += fmt::format("... and {} more\n", counted(more, "setup"));
  return text;
}

}  // namespace clipsweep
