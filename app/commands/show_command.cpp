// `clipsweep show`: the runs of a sweep, one run, or events.
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "clipsweep/analysis/arms.h"
#include "clipsweep/analysis/metrics.h"
#include "clipsweep/analysis/number_text.h"
#include "clipsweep/base/error.h"
#include "clipsweep/base/table.h"
#include "clipsweep/base/text.h"
#include "clipsweep/events/event_context.h"
#include "clipsweep/events/event_report.h"
#include "clipsweep/io/log_file.h"
#include "clipsweep/records/result_folder.h"
#include "commands/inspection_commands.h"
#include "messages.h"
#include "output.h"
#include "terminal.h"

namespace clipsweep {
namespace {

struct ShownRun {
  RunSpec spec;
  std::optional<RunRecord> record;
  bool damaged = false;  // there is a run.json, but it cannot be read
  bool torn = false;     // unfinished, and the last line of its log is truncated
};

ShownRun load(const SweepFolder& sweep, const RunSpec& spec) {
  ShownRun run{spec, std::nullopt};
  try {
    run.record = read_run(sweep, spec);
    run.torn = !run.record && is_torn(steps_path(sweep.folder, spec.id));
  } catch (const DataError& error) {
    complain(error.what());
    run.damaged = true;
  }
  return run;
}

std::vector<ShownRun> load_chosen(const SweepFolder& sweep, const std::string& text) {
  std::vector<ShownRun> runs;
  if (!text.empty()) return {load(sweep, find_run(sweep.runs, text))};
  for (const auto& spec : sweep.runs) runs.push_back(load(sweep, spec));
  return runs;
}

std::string outcome_text(const ShownRun& run) {
  if (run.damaged) return "damaged";
  return run.record ? to_text(run.record->outcome) : "unfinished";
}

// The same for people, who should not take a stalled run for a good one.
std::string shown_outcome(const ShownRun& run) {
  return run.record && is_stalled(*run.record) ? "stalled" : outcome_text(run);
}

// Red if something went wrong.
std::string coloured_outcome(const ShownRun& run) {
  const auto is = [&](Outcome outcome) { return run.record && run.record->outcome == outcome; };
  const bool is_bad = run.damaged || is(Outcome::kDiverged) || is(Outcome::kFailed) ||
                      (run.record && is_stalled(*run.record));
  return toned(shown_outcome(run), is_bad ? Tone::kBad : Tone::kPlain, stdout_style());
}

// The end of an ID, which `show` accepts as well.
std::string hex_digits_of(const std::string& id) {
  return id.size() < 8 ? id : id.substr(id.size() - 8);
}

std::optional<double> if_finite(double value) {
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

// ---- All runs --------------------------------------------------------------------------------

std::vector<std::string> row_of(const ShownRun& run) {
  std::vector<std::string> row = {hex_digits_of(run.spec.id), std::to_string(run.spec.seed),
                                  coloured_outcome(run)};
  row.resize(9);
  if (!run.record) return row;
  const auto& totals = run.record->totals;
  row[3] = std::to_string(totals.steps);
  if (!run.record->epochs.empty()) {
    const EpochRecord& last = run.record->epochs.back();
    row[4] = percent_text(last.test_accuracy);
    row[5] = loss_text(if_finite(last.train_loss), 2);
  }
  row[6] = percent_text(clipped_share(totals));
  if (totals.grad_norm_raw) row[7] = norm_text(totals.grad_norm_raw->max, 3);
  row[8] = std::to_string(run.record->events.size());
  return row;
}

std::string counts_text(const std::vector<ShownRun>& runs) {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& run : runs) ++counts[shown_outcome(run)];
  std::vector<std::string> parts;
  for (const auto& [outcome, count] : counts)
    parts.push_back(fmt::format("{} {}", with_thousands(count), outcome));
  return fmt::format("{}: {}", counted(runs.size(), "run"), join(parts));
}

void print_torn(const std::vector<ShownRun>& runs) {
  std::vector<std::string> ids;
  for (const auto& run : runs)
    if (run.torn) ids.push_back(run.spec.id);
  if (ids.empty()) return;
  print(
      "\nThe last log line is truncated, so the run was killed; rerun the sweep command\n"
      "to resume it: {}\n",
      join(ids, "\n              "));
}

// The runs below the name of their arm.
void print_runs(const std::vector<ShownRun>& runs, SetupInName setup) {
  Table table({{"run", Align::kLeft},
               {"seed"},
               {"outcome", Align::kLeft},
               {"steps"},
               {"test\nacc%"},
               {"loss"},
               {"clip\n%"},
               {"max\nnorm"},
               {"ev"}});
  std::string arm;
  for (const auto& run : runs) {
    const std::string name = display_name(arm_settings(run.spec), setup);
    if (name != arm) table.add_heading(name);
    arm = name;
    table.add_row(row_of(run));
  }
  print("{}\n{}\n", table.text(), counts_text(runs));
  print_torn(runs);
}

// ---- One run ---------------------------------------------------------------------------------

std::string settings_text(const RunRecord& record) {
  constexpr std::size_t kMaxValueWidth = 50;  // and "...", next to the longest name in 80 columns
  Table table({{"setting", Align::kLeft}, {"value", Align::kLeft}});
  const Json spec = to_json(record.spec);
  for (const auto* settings : {&spec, &record.settings})
    for (const auto& [key, value] : settings->items())
      if (key != "id" && !value.is_null())
        table.add_row({printable(key),
                       printable(value.is_string() ? value.get<std::string>() : to_line(value),
                                 kMaxValueWidth)});
  return table.text();
}

std::string epochs_text(const std::vector<EpochRecord>& epochs) {
  if (epochs.empty()) return "no whole epoch\n";
  const bool has_validation = epochs.front().validation.has_value();
  std::vector<Column> columns = {{"epoch"},      {"train\nloss"}, {"train\nacc%"},
                                 {"test\nloss"}, {"test\nacc%"},  {"clipped\n%"}};
  if (has_validation) columns.insert(columns.end() - 1, {{"valid.\nloss"}, {"valid.\nacc%"}});
  Table table(std::move(columns));
  for (const auto& epoch : epochs) {
    std::vector<std::string> row = {
        std::to_string(epoch.epoch),        loss_text(if_finite(epoch.train_loss)),
        percent_text(epoch.train_accuracy), loss_text(if_finite(epoch.test_loss)),
        percent_text(epoch.test_accuracy),  percent_text(epoch.clipped_share)};
    if (has_validation) {
      const Evaluation validation = epoch.validation.value_or(Evaluation{});
      row.insert(row.end() - 1,
                 {loss_text(if_finite(validation.loss)), percent_text(validation.accuracy)});
    }
    table.add_row(std::move(row));
  }
  return table.text();
}

std::string totals_text(const RunTotals& totals) {
  const auto share = clipped_share(totals);
  const std::uint64_t trailing = totals.trailing_skipped_steps.value_or(0);
  const std::string at_the_end =
      trailing > 0 ? fmt::format(" (the last {} of the run)", with_thousands(trailing)) : "";
  std::string text =
      fmt::format("{}: {} clipped{}, {} skipped, {} with NaN or Inf, {}\n",
                  counted(totals.steps, "step"), with_thousands(totals.clipped_steps),
                  share ? fmt::format(" ({} %)", percent_text(share)) : "",
                  with_thousands(totals.skipped_steps) + at_the_end,
                  with_thousands(totals.nonfinite_steps), counted(totals.spikes, "spike"));
  if (const auto& norm = totals.grad_norm_raw)
    text += fmt::format("gradient norm before clipping: median {}, P90 {}, P99 {}, max {}\n",
                        norm_text(norm->median), norm_text(norm->p90), norm_text(norm->p99),
                        norm_text(norm->max));
  if (const auto& ratio = totals.update_ratio)
    text += fmt::format("norm of the update / norm of the weights: median {}, max {}\n",
                        norm_text(ratio->median), norm_text(ratio->max));
  return text;
}

void print_run(const ShownRun& run, const std::string& folder, SetupInName setup) {
  print("{}: {}\n{}, seed {}\n", run.spec.id, coloured_outcome(run),
        display_name(arm_settings(run.spec), setup), run.spec.seed);
  print_torn({run});
  if (!run.record) return;
  const RunRecord& record = *run.record;
  if (record.reason) print("{}\n", printable(*record.reason, 300));
  print("\n{}\n{}\n{}", settings_text(record), epochs_text(record.epochs),
        totals_text(record.totals));
  print("engine {} ({}), {:.1f} s\n", printable(record.engine), printable(record.simd),
        record.wall_seconds);
  const std::string hint = record.events.empty() ? ""
                                                 : fmt::format(": clipsweep show {} {} --events",
                                                               folder, hex_digits_of(run.spec.id));
  print("{}{}\n", counted(record.events.size(), "event"), hint);
}

// ---- Events ----------------------------------------------------------------------------------

// The shapes that turn an index into row and column.
TensorShapes tensor_shapes(const fs::path& log) {
  TensorShapes shapes;
  const auto line = first_line_of_log(log);
  if (!line) return shapes;
  const std::string where = log.string() + ":1";
  try {
    const StepLogHeader header = step_log_header_from_json(parse_json(*line, where));
    for (std::size_t i = 0; i < header.tensor_names.size(); ++i)
      shapes[header.tensor_names[i]] = header.tensor_shapes[i];
  } catch (const DataError& error) {
    complain(fmt::format("{}; indices are shown without rows and columns", error.what()));
  }
  return shapes;
}

std::string event_norm_text(double norm) {
  return std::isfinite(norm) ? norm_text(norm, 3) : std::isnan(norm) ? "NaN" : "Inf";
}

std::string events_text(const RunRecord& record, const TensorShapes& shapes) {
  Table table({{"step"},
               {"kind", Align::kLeft},
               {"phase", Align::kLeft},
               {"element", Align::kLeft},
               {"norm"},
               {"norm\nbefore"},
               {"action", Align::kLeft}});
  for (const auto& event : record.events)
    table.add_row({std::to_string(event.step), to_text(event.kind), to_text(event.phase),
                   element_text(event, shapes), event_norm_text(event.norm),
                   norm_text(event.last_finite_norm, 3),
                   event.action == Action::kContinued ? "" : to_text(event.action)});
  return table.text();
}

std::vector<EventContext> read_event_contexts(const RunRecord& record, const fs::path& log) {
  constexpr std::size_t kMax = 10;  // first and last
  try {
    return event_contexts(record, log, kMax);
  } catch (const DataError& error) {
    complain(fmt::format("{}; this log is ignored", error.what()));
    return event_contexts(record, {}, kMax);
  }
}

std::uint64_t steps_with_events(const RunRecord& record) {
  std::set<std::uint64_t> steps;
  for (const auto& event : record.events) steps.insert(event.step);
  return steps.size();
}

// What happened to one run, step by step.
void print_stories(const RunRecord& record, const fs::path& log, const TensorShapes& shapes) {
  const auto contexts = read_event_contexts(record, log);
  const std::uint64_t omitted = steps_with_events(record) - contexts.size();
  for (std::size_t i = 0; i < contexts.size(); ++i) {
    if (omitted > 0 && i == contexts.size() / 2)
      print("({} with events not shown)\n\n", counted(omitted, "further step"));
    const Event& first = contexts[i].events.front();
    print("Step {}, epoch {}\n{}\n", first.step, first.epoch,
          event_report(contexts[i], record, shapes));
  }
}

void print_events(const std::vector<ShownRun>& runs, const SweepFolder& sweep) {
  std::size_t total = 0;
  for (const auto& run : runs) {
    if (!run.record) continue;
    const auto& events = run.record->events;
    total += events.size();
    if (events.empty() && runs.size() > 1) continue;
    print("{}: {}, {}\n", run.spec.id, outcome_text(run), counted(events.size(), "event"));
    if (events.empty()) continue;
    const fs::path log = stored_log(steps_path(sweep.folder, run.spec.id));
    const TensorShapes shapes = tensor_shapes(log);
    print("{}\n", events_text(*run.record, shapes));
    if (runs.size() == 1) print_stories(*run.record, log, shapes);
  }
  if (runs.size() > 1) print("{}\n", counts_text(runs));
  if (total > 0)
    print(
        "element  the first NaN or Inf, as [row, column] of its tensor; if there is none,\n"
        "         the largest element\n"
        "norm     of the raw gradient, the update or the weights, depending on the phase;\n"
        "         before: the last finite norm of the gradient\n"
        "action   what the run did about it; - is nothing: it continued\n");
  print_torn(runs);
}

// ---- JSON ------------------------------------------------------------------------------------

Json run_json(const ShownRun& run) {
  if (run.record) return to_json(*run.record);
  return {{"id", run.spec.id}, {"outcome", outcome_text(run)}};
}

Json events_json(const std::vector<ShownRun>& runs) {
  Json events = Json::array();
  for (const auto& run : runs) {
    if (!run.record) continue;
    const Json record = to_json(*run.record);
    for (const auto& event : record["events"]) {
      Json entry = {{"run", run.spec.id}};
      entry.update(event);
      events.push_back(std::move(entry));
    }
  }
  return events;
}

Json shown_json(const std::vector<ShownRun>& runs, const ShowCommand& command) {
  if (command.events) return events_json(runs);
  if (!command.run.empty()) return run_json(runs.front());
  Json list = Json::array();
  for (const auto& run : runs)
    if (!run.damaged) list.push_back(run_json(run));
  return list;
}

}  // namespace

int run_show(const ShowCommand& command) {
  const SweepFolder sweep = open_sweep_folder(command.folder);
  const std::vector<ShownRun> runs = load_chosen(sweep, command.run);
  const SetupInName setup = setup_in_name(setups_of(sweep.runs));
  if (command.json)
    print_json(shown_json(runs, command));
  else if (command.events)
    print_events(runs, sweep);
  else if (!command.run.empty())
    print_run(runs.front(), command.folder, setup);
  else
    print_runs(runs, setup);
  for (const auto& run : runs)
    if (run.damaged) return kInvalidData;
  return kSuccess;
}

}  // namespace clipsweep
