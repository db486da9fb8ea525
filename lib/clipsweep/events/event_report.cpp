#include "clipsweep/events/event_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "clipsweep/analysis/number_text.h"
#include "clipsweep/base/text.h"
#include "clipsweep/model/cells.h"

namespace clipsweep {
namespace {

std::string number_or_name(double value, const std::string& text) {
  return std::isnan(value) ? "NaN" : std::isinf(value) ? "Inf" : text;
}

std::string norm_word(double norm) { return number_or_name(norm, norm_text(norm, 3)); }
std::string loss_word(float loss) {
  return number_or_name(static_cast<double>(loss), loss_text(static_cast<double>(loss), 2));
}

// "lstm.weight_hh[12, 3] (forget gate)"
std::string place_text(const Event& event, const TensorShapes& shapes) {
  const std::string gate = gate_text(event, shapes);
  return element_text(event, shapes) + (gate.empty() ? "" : fmt::format(" ({})", gate));
}

// ---- Where -----------------------------------------------------------------------------------

std::string bad_values_sentence(const Event& event, const TensorShapes& shapes) {
  const char* what = event.kind == EventKind::kNan ? "NaN" : "Inf";
  if (!event.tensor) return fmt::format("{} in the loss.", what);
  return fmt::format("{} in the {}, first at {}: {}.", what, to_text(event.phase),
                     place_text(event, shapes), bad_values_text(event));
}

std::string overflow_sentence(const Event& event, const TensorShapes& shapes) {
  return fmt::format(
      "The norm of the {} ({}) is too large: its sum of squares overflows float32. Largest "
      "element: "
      "{}.",
      to_text(event.phase), norm_word(event.norm), place_text(event, shapes));
}

std::string ratio_text(double ratio) {
  constexpr double kMax = 1e6;
  return ratio >= 1000 && ratio < kMax ? with_thousands(static_cast<std::uint64_t>(ratio))
                                       : norm_word(ratio);
}

std::string spike_sentence(const Event& event, const TensorShapes& shapes) {
  const double median = event.running_median.value_or(0);
  const std::string ratio =
      median > 0 ? fmt::format(", {} times its running median", ratio_text(event.norm / median))
                 : "";
  return fmt::format("The gradient norm spiked to {}{}. Largest element: {}.",
                     norm_word(event.norm), ratio, place_text(event, shapes));
}

std::string where_sentence(const Event& event, const TensorShapes& shapes) {
  switch (event.kind) {
    case EventKind::kNan:
    case EventKind::kInf:
      return bad_values_sentence(event, shapes);
    case EventKind::kNormOverflow:
      return overflow_sentence(event, shapes);
    case EventKind::kSpike:
      break;
  }
  return spike_sentence(event, shapes);
}

// ---- How -------------------------------------------------------------------------------------

// Up to the step of the event, or to the last step before it with a finite norm.
std::string norm_line(const EventContext& context) {
  std::vector<StepRecord> steps = context.before;
  if (context.step) steps.push_back(*context.step);
  const std::string growth = growth_text(steps);
  const bool is_finite = context.step && std::isfinite(context.step->grad_norm_raw);
  return growth.empty() || is_finite ? growth : growth + " before";
}

std::string clipped_text(const StepRecord& step, const ClipRule& rule) {
  const std::string share = percent_text(step.clipped_fraction);
  if (rule.mode == ClipMode::kBackprop)
    return fmt::format("{} clipped {} % of the error derivatives", to_text(rule), share);
  if (rule.mode == ClipMode::kSkip)
    return fmt::format("{} did not take the step: norm {}", to_text(rule),
                       norm_word(step.grad_norm_raw));
  if (rule.mode == ClipMode::kUpdateNorm && step.update_norm)
    return fmt::format("{} scaled the update to norm {} (x {})", to_text(rule),
                       norm_word(*step.update_norm), norm_word(step.clip_scale));
  const std::string what =
      step.clipped_fraction < 1 ? fmt::format("{} % of the elements", share) : "all elements";
  return fmt::format("{} changed {}: norm {} -> {} (x {})", to_text(rule), what,
                     norm_word(step.grad_norm_raw), norm_word(step.grad_norm_clipped),
                     norm_word(step.clip_scale));
}

std::string action_text(const EventContext& context) {
  const auto took = [&](Action action) {
    return std::any_of(context.events.begin(), context.events.end(),
                       [&](const Event& event) { return event.action == action; });
  };
  if (took(Action::kStopped)) return "; the run stopped";
  return took(Action::kSkipped) ? "; the update was skipped" : "";
}

std::string clipping_line(const EventContext& context, const ClipRule& rule) {
  const std::string action = action_text(context);
  if (rule.mode == ClipMode::kNone) return "none" + action;
  if (!context.step) return to_text(rule) + action;
  if (!context.step->clipped) return to_text(rule) + " did not act" + action;
  return clipped_text(*context.step, rule) + action;
}

// ---- And then --------------------------------------------------------------------------------

std::string later_losses(const std::vector<StepRecord>& after) {
  const auto is_bad = [](const StepRecord& step) { return !std::isfinite(step.loss); };
  const auto is_lower = [](const StepRecord& a, const StepRecord& b) { return a.loss < b.loss; };
  const auto bad = std::find_if(after.begin(), after.end(), is_bad);
  if (bad != after.end()) return fmt::format("{} at step {}", loss_word(bad->loss), bad->step);
  const StepRecord& highest = *std::max_element(after.begin(), after.end(), is_lower);
  const StepRecord& last = after.back();
  const std::string end = fmt::format("{} at step {}", loss_word(last.loss), last.step);
  if (highest.step == last.step) return end;
  return fmt::format("up to {} at step {}, {}", loss_word(highest.loss), highest.step, end);
}

std::string loss_line(const EventContext& context, const RunRecord& record) {
  std::vector<std::string> parts;
  if (!context.before.empty()) parts.push_back(loss_word(context.before.back().loss) + " before");
  if (context.step) parts.push_back(loss_word(context.step->loss) + " here");
  if (!context.after.empty())
    parts.push_back("then " + later_losses(context.after));
  else if (context.events.front().step < record.totals.steps)
    parts.emplace_back("the next steps are not logged");
  return join(parts);
}

// A label and a text whose further lines are indented below it.
std::string labelled(const std::string& label, const std::string& text) {
  constexpr std::size_t kIndent = 12;
  std::string lines = wrapped(text, kTerminalColumns, kIndent);
  if (!lines.empty()) lines.replace(0, kIndent, fmt::format("  {:<{}}", label, kIndent - 2));
  return lines;
}

}  // namespace

std::string element_text(const Event& event, const TensorShapes& shapes) {
  if (!event.tensor) return "";
  const std::string name = printable(*event.tensor);
  if (!event.index) return name;
  const auto shape = shapes.find(*event.tensor);
  if (shape == shapes.end() || shape->second.size() != 2 || shape->second[1] <= 0)
    return fmt::format("{}[{}]", name, *event.index);
  const auto columns = static_cast<std::uint64_t>(shape->second[1]);
  return fmt::format("{}[{}, {}]", name, *event.index / columns, *event.index % columns);
}

std::string gate_text(const Event& event, const TensorShapes& shapes) {
  if (!event.tensor || !event.index) return "";
  const CellEntry* const cell = cell_of_tensor(*event.tensor);
  if (!cell || !is_gated(cell->cell)) return "";
  const auto shape = shapes.find(*event.tensor);
  if (shape == shapes.end()) return "";
  std::uint64_t size = 1;
  for (const int side : shape->second) size *= static_cast<std::uint64_t>(std::max(side, 0));
  const auto& gates = cell->gates;
  // Each gate has the same number of rows, one after the other.
  const std::uint64_t of_gate = size / gates.size();
  return *event.index < of_gate * gates.size() ? gates[*event.index / of_gate].name : "";
}

std::string bad_values_text(const Event& event) {
  std::vector<std::string> parts;
  for (const auto& [count, name] :
       {std::pair(event.nan, "NaN"), {event.positive_inf, "+Inf"}, {event.negative_inf, "-Inf"}})
    if (count > 0) parts.push_back(fmt::format("{} {}", with_thousands(count), name));
  return join(parts);
}

std::string growth_text(const std::vector<StepRecord>& steps) {
  std::vector<std::pair<std::uint64_t, double>> norms;
  for (const auto& step : steps)
    if (std::isfinite(step.grad_norm_raw) && step.grad_norm_raw >= 0)
      norms.emplace_back(step.step, step.grad_norm_raw);
  if (norms.size() < 2) return "";
  const auto by_norm = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto [lowest, highest] = std::minmax_element(norms.begin(), norms.end(), by_norm);
  const double usual = 2 * lowest->second;
  const auto last = norms.end() - 1;
  if (last->second <= usual)
    return highest->second <= usual ? fmt::format("steady, {} to {}", norm_word(lowest->second),
                                                  norm_word(highest->second))
                                    : fmt::format("between {} and {}", norm_word(lowest->second),
                                                  norm_word(highest->second));
  auto first = last;
  while (first->second > usual) --first;
  const double half_way = std::sqrt(first->second) * std::sqrt(last->second);
  const auto distance = [&](const auto& norm) {
    return std::abs(std::log(norm.second) - std::log(half_way));
  };
  const auto middle = std::min_element(
      first + 1, last, [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
  const std::string by = middle == last ? "" : fmt::format(" -> {}", norm_word(middle->second));
  return fmt::format("{}{} -> {} over {}", norm_word(first->second), by, norm_word(last->second),
                     counted(last->first - first->first, "step"));
}

std::string event_report(const EventContext& context, const RunRecord& record,
                         const TensorShapes& shapes) {
  std::string report;
  for (const auto& event : context.events)
    report += wrapped(where_sentence(event, shapes), kTerminalColumns, 2);
  return report + labelled("norm", norm_line(context)) +
         labelled("clipping", clipping_line(context, record.spec.clip)) +
         labelled("loss", loss_line(context, record));
}

}  // namespace clipsweep
