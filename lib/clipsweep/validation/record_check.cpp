#include "clipsweep/validation/record_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include "clipsweep/base/text.h"
#include "clipsweep/experiment/axes.h"
#include "clipsweep/experiment/setting_table.h"

namespace clipsweep {
namespace {

bool is_nonfinite_event(const Event& event) { return is_nonfinite(event.kind); }

// ---- Against the plan

void check_spec(const RunRecord& record, const ExpectedRun& expected, FileProblems& problems) {
  const Json found = to_json(with_axes_of_plan(record.spec, expected.run));
  const Json planned = to_json(expected.run);
  for (const auto& [key, value] : planned.items())
    if (!found.contains(key) || found[key] != value)
      problems.add(fmt::format("\"{}\" is {}, but {} in the plan", key,
                               to_line(found.value(key, Json(nullptr))), to_line(value)));
  for (const auto& [key, value] : found.items())
    if (!planned.contains(key))
      problems.add(fmt::format("\"{}\" is {}, but the plan has no such key", key, to_line(value)));
}

// A setting of sweep.json that varies is the list of its values.
bool is_planned(const Json& value, const Json& planned) {
  if (!planned.is_array()) return value == planned;
  return std::find(planned.begin(), planned.end(), value) != planned.end();
}

// The checksum of the data of a run's setup: setups may have different tasks.
Json data_sha256(const Json& sweep, const Setup& setup) {
  const auto& varied = setup.varied.values();
  const auto task = std::find_if(varied.begin(), varied.end(),
                                 [](const auto& setting) { return setting.key == "task"; });
  if (task != varied.end() && sweep.contains("setups"))
    for (const auto& each : sweep["setups"])
      if (each.contains("task") && each["task"] == task->value) return each["data"]["sha256"];
  return sweep["data"]["sha256"];
}

void check_settings(const RunRecord& record, const Setup& setup, const Json& sweep,
                    FileProblems& problems) {
  const Json planned = settings_of_setup(sweep["settings"], setup.varied);
  for (const auto& [key, value] : record.settings.items()) {
    // `check_spec` checks those that are axes of the sweep.
    const Setting* setting = find_setting(key);
    if (setting && setting->group != SettingGroup::kTraining) continue;
    if (planned.contains(key) && !is_planned(value, planned[key]))
      problems.add(fmt::format("settings.{} is {}, but {} in sweep.json", key,
                               printable(to_line(value)), printable(to_line(planned[key]))));
  }
  for (const auto& setting : setup.varied.values())
    if (const Json value = value_in(record.settings, setting.key); value != setting.value)
      problems.add(fmt::format("settings.{} is {}, but \"{}\" is {}", setting.key, to_line(value),
                               setting.key, to_line(setting.value)));
  if (record.settings["data_sha256"] != data_sha256(sweep, setup))
    problems.add("settings.data_sha256 is not that of the data in sweep.json");
}

// A run whose ID does not name all settings that vary now: some began to vary after it was planned.
bool is_former_id(const std::string& id, const std::string& with_axes) {
  const std::string digits = with_axes.substr(with_axes.rfind('_'));
  return id.size() < with_axes.size() && id.size() > digits.size() &&
         id.compare(id.size() - digits.size(), digits.size(), digits) == 0;
}

// The ID ends with a hash of the run's settings.
void check_id(const RunRecord& record, FileProblems& problems) {
  const auto id = id_by_settings(record.spec, record.settings);
  if (id && *id != record.spec.id && !is_former_id(record.spec.id, *id))
    problems.add(
        fmt::format("\"id\" is {}, but the settings here make it {}: the run was trained "
                    "with other settings",
                    record.spec.id, *id));
  const Json spec = to_json(record.spec);
  for (const char* key : {"cell", "init"})
    if (spec.contains(key) && record.settings.contains(key) && record.settings[key] != spec[key])
      problems.add(fmt::format("settings.{} is {}, but \"{}\" is {}", key,
                               printable(to_line(record.settings[key])), key, to_line(spec[key])));
}

Action action_of(NonfinitePolicy policy) {
  if (policy == NonfinitePolicy::kStop) return Action::kStopped;
  return policy == NonfinitePolicy::kSkip ? Action::kSkipped : Action::kContinued;
}

void check_action(const RunRecord& record, std::size_t i, NonfinitePolicy policy,
                  FileProblems& problems) {
  const Event& event = record.events[i];
  // random-step replaces a gradient that is not finite.
  const bool is_replaced =
      event.phase == Phase::kGradient && record.spec.clip.mode == ClipMode::kRandomStep;
  if (!is_nonfinite_event(event) || is_replaced || event.action == action_of(policy)) return;
  problems.add(fmt::format("events[{}] has the action \"{}\", but \"on_nonfinite\" is \"{}\"", i,
                           to_text(event.action), to_text(policy)));
}

// ---- Against itself

void check_outcome(const RunRecord& record, const ExpectedRun& expected, FileProblems& problems) {
  const auto& events = record.events;
  const bool diverged = record.outcome == Outcome::kDiverged;
  const std::uint64_t steps = record.totals.steps;
  if (steps > expected.steps())
    problems.add(fmt::format("totals.steps is {}, but the plan has {}", steps, expected.steps()));
  if (diverged && std::none_of(events.begin(), events.end(), is_nonfinite_event))
    problems.add("the outcome is \"diverged\", but no event says where a NaN or Inf was");
  const auto is_stop = [](const Event& event) { return event.action == Action::kStopped; };
  if (diverged && expected.on_nonfinite == NonfinitePolicy::kStop &&
      std::none_of(events.begin(), events.end(), is_stop))
    problems.add("the outcome is \"diverged\", but no event stopped the run");
  if (record.outcome == Outcome::kCompleted && steps < expected.steps())
    problems.add(fmt::format("the outcome is \"completed\", but the run took only {} of {}", steps,
                             counted(expected.steps(), "step")));
  for (const auto& event : events)
    if (is_stop(event) && (!diverged || event.step != steps))
      problems.add(fmt::format("an event stopped the run at step {}, but it {} and took {}",
                               event.step, to_text(record.outcome), counted(steps, "step")));
}

void check_epochs(const RunRecord& record, std::uint64_t steps_per_epoch, FileProblems& problems) {
  const auto& epochs = record.epochs;
  for (std::size_t i = 0; i < epochs.size(); ++i)
    if (epochs[i].epoch != i + 1)
      problems.add(fmt::format("epochs[{}] is epoch {}, not {}", i, epochs[i].epoch, i + 1));
  const std::uint64_t steps = record.totals.steps;
  const std::uint64_t whole = steps / steps_per_epoch;
  // The last step may end the run before its epoch is evaluated.
  const std::uint64_t min =
      record.outcome == Outcome::kCompleted || steps == 0 ? whole : (steps - 1) / steps_per_epoch;
  if (epochs.size() < min || epochs.size() > whole)
    problems.add(fmt::format("\"epochs\" has {}, but {} with {} per epoch make {}",
                             counted(epochs.size(), "epoch"), counted(steps, "step"),
                             steps_per_epoch, whole));
}

// A sweep with a validation set evaluates it after each epoch.
void check_validation(const RunRecord& record, FileProblems& problems) {
  const bool is_expected = record.settings.contains("validation_share") &&
                           !record.settings["validation_share"].is_null();
  for (const auto& epoch : record.epochs)
    if (epoch.validation.has_value() != is_expected)
      problems.add(
          fmt::format("epoch {} has {} accuracy on a validation set, but {} a "
                      "validation_share",
                      epoch.epoch, is_expected ? "no" : "an",
                      is_expected ? "the settings have" : "no setting has"));
}

// A run that ended otherwise than planned says why.
void check_reason(const RunRecord& record, FileProblems& problems) {
  const bool needs_one = record.outcome == Outcome::kDiverged || record.outcome == Outcome::kFailed;
  if (record.outcome == Outcome::kCompleted && record.reason)
    problems.add("\"reason\" must be null where the outcome is \"completed\"");
  if (needs_one && !record.reason)
    problems.add(fmt::format("\"reason\" is null, but the run {}", to_text(record.outcome)));
}

void check_solved(const RunRecord& record, std::uint64_t steps_per_epoch, FileProblems& problems) {
  if (!record.solved_at_step) return;
  const std::uint64_t step = *record.solved_at_step;
  const std::uint64_t epoch = step / steps_per_epoch;
  if (epoch * steps_per_epoch != step || epoch == 0 || epoch > record.epochs.size())
    problems.add(
        fmt::format("solved_at_step is {}, which is not the end of any epoch in \"epochs\"", step));
}

void check_event(const RunRecord& record, std::size_t i, std::uint64_t steps_per_epoch,
                 FileProblems& problems) {
  const Event& event = record.events[i];
  if (event.step > record.totals.steps)
    problems.add(fmt::format("events[{}] is at step {}, but the run took {}", i, event.step,
                             counted(record.totals.steps, "step")));
  if (i > 0 && event.step < record.events[i - 1].step)
    problems.add(fmt::format("events[{}] is at step {}, before the event above it", i, event.step));
  if (event.epoch != (event.step - 1) / steps_per_epoch + 1)
    problems.add(fmt::format("events[{}] is at step {}, which is not in epoch {}", i, event.step,
                             event.epoch));
}

// Thinned logs do not have every step, so that the sums are not compared.
void check_skipped(const RunTotals& totals, FileProblems& problems) {
  const std::uint64_t trailing = totals.trailing_skipped_steps.value_or(0);
  if (trailing > totals.skipped_steps)
    problems.add(fmt::format("totals.trailing_skipped_steps is {}, but totals.skipped_steps is {}",
                             trailing, totals.skipped_steps));
}

// One probe: its numbers against each other and the plan.
void check_probe(const ProbeRecord& probe, const RunRecord& record, const ExpectedRun& expected,
                 std::size_t i, FileProblems& problems) {
  if (probe.batches + probe.nonfinite != expected.probe_batches)
    problems.add(fmt::format("probes[{}] has {} and {} with NaN or Inf, but probe_batches is {}", i,
                             counted(probe.batches, "batch"), probe.nonfinite,
                             expected.probe_batches));
  if (probe.gradients.has_value() != (probe.batches >= kMinProbeBatches))
    problems.add(fmt::format("probes[{}] {} statistics, but {} batches with a finite gradient", i,
                             probe.gradients ? "has" : "has no", probe.batches));
  if (!probe.gradients) return;
  if (const auto& histogram = probe.gradients->noise_histogram) {
    const auto& counts = histogram->counts;
    const auto sum = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
    if (sum > probe.batches)
      problems.add(
          fmt::format("probes[{}].gradients.noise_histogram counts {} batches, but there "
                      "are {}",
                      i, sum, probe.batches));
  }
  const ClipRule& own = record.spec.clip;
  const auto is_own = [&](const ProbedRule& probed) { return probed.rule == own; };
  const auto& rules = probe.rules;
  if (!probed_rules({own}).empty() && std::none_of(rules.begin(), rules.end(), is_own))
    problems.add(fmt::format("probes[{}] lacks the run's own clipping, {}", i, to_text(own)));
}

void check_probes(const RunRecord& record, const ExpectedRun& expected, FileProblems& problems) {
  const auto& probes = record.probes;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    if (i >= expected.probe_at.size() || probes[i].step != expected.probe_at[i]) {
      problems.add(
          fmt::format("probes[{}] is after step {}, which probe_at in sweep.json does not "
                      "list at this place",
                      i, probes[i].step));
      continue;
    }
    check_probe(probes[i], record, expected, i, problems);
  }
  const auto& at = expected.probe_at;
  const auto due = static_cast<std::size_t>(std::count_if(
      at.begin(), at.end(), [&](std::uint64_t step) { return step < record.totals.steps; }));
  const bool completed = record.outcome == Outcome::kCompleted;
  if (reached_outcome(record) && probes.size() < (completed ? at.size() : due))
    problems.add(fmt::format("\"probes\" has {}, but probe_at in sweep.json lists {} up to step {}",
                             probes.size(), completed ? at.size() : due, record.totals.steps));
}

void check_spikes(const RunRecord& record, FileProblems& problems) {
  const auto spikes = static_cast<std::uint64_t>(
      std::count_if(record.events.begin(), record.events.end(),
                    [](const Event& event) { return event.kind == EventKind::kSpike; }));
  if (record.totals.spikes != spikes)
    problems.add(
        fmt::format("totals.spikes is {}, but \"events\" has {}", record.totals.spikes, spikes));
}

}  // namespace

void check_record_against_plan(const RunRecord& record, const ExpectedRun& expected,
                               const Json& sweep, FileProblems& problems) {
  check_spec(record, expected, problems);
  check_settings(record, expected.run.setup, sweep, problems);
  check_id(record, problems);
  for (std::size_t i = 0; i < record.events.size(); ++i)
    check_action(record, i, expected.on_nonfinite, problems);
}

void check_record_hash(const Json& run, FileProblems& problems) {
  const Json& hashes = run["sha256"];
  if (!hashes.contains("record") && !hashes.contains("steps")) return;
  const std::string found = record_sha256(run);
  if (problems.empty() && hashes.value("record", "") != found)
    problems.add(
        fmt::format("its contents have the SHA-256 {}, but sha256.record is {}: they were "
                    "changed",
                    found, to_line(hashes.value("record", Json()))));
  // The hash is of everything before it.
  if (problems.empty() && std::prev(hashes.end()).key() != "record")
    problems.add("\"record\" must be the last key of sha256");
}

void check_record_against_itself(const RunRecord& record, const ExpectedRun& expected,
                                 FileProblems& problems) {
  check_outcome(record, expected, problems);
  check_epochs(record, expected.steps_per_epoch, problems);
  check_validation(record, problems);
  if (expected.has_hashes()) check_reason(record, problems);
  check_solved(record, expected.steps_per_epoch, problems);
  for (std::size_t i = 0; i < record.events.size(); ++i)
    check_event(record, i, expected.steps_per_epoch, problems);
  check_spikes(record, problems);
  check_skipped(record.totals, problems);
  check_probes(record, expected, problems);
}

}  // namespace clipsweep
