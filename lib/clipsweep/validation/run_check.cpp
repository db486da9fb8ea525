#include "clipsweep/validation/run_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "clipsweep/base/statistics.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/validation/history_check.h"
#include "clipsweep/validation/schemas.h"
#include "clipsweep/validation/step_log_check.h"
#include "clipsweep/validation/through_time_check.h"

namespace clipsweep {
namespace {

// The line on which a text stops being JSON.
std::optional<std::uint64_t> line_of_syntax_error(const std::string& text) {
  const auto position = syntax_error_position(text);
  if (!position) return std::nullopt;
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(*position);
  return 1 + static_cast<std::uint64_t>(std::count(text.begin(), end, '\n'));
}

std::optional<Json> parsed(const std::string& text, FileProblems& problems) {
  const std::string where = problems.path().string();
  try {
    return parse_json(text, where);
  } catch (const DataError& error) {
    const std::string message = error.what();
    problems.add(line_of_syntax_error(text), message.substr(where.size() + 2));
    return std::nullopt;
  }
}

// Up to rounding in the last digits: a sum may have been taken in another order.
bool agree(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b));
}

// How the learning rate falls; earlier versions had it constant.
OptimizerSettings decay_of(const Json& settings) {
  OptimizerSettings decay;
  if (settings.contains("learning_rate_decay")) {
    decay.learning_rate_decay = number_member(settings, "learning_rate_decay");
    decay.learning_rate_decay_every =
        static_cast<int>(count_member(settings, "learning_rate_decay_every"));
  }
  return decay;
}

// A generated task draws a length for each batch where it is given a range, "50-200".
bool has_one_length(const Json& settings) {
  return !settings.contains("length") || !settings["length"].is_string() ||
         settings["length"].get<std::string>().find('-') == std::string::npos;
}

std::optional<std::uint64_t> optional_count(const Json& settings, const char* key) {
  return settings.contains(key) ? std::optional(count_member(settings, key)) : std::nullopt;
}

// Of the model whose tensors have these names.
std::vector<std::string> gates_of_tensors(const std::vector<std::string>& names) {
  const CellEntry* const entry = cell_of_tensor(names.front());
  return gate_letters(entry ? entry->cell : Cell::kRnnTanh);
}

NonfinitePolicy policy_of(const Json& settings) {
  const auto found = settings.find("on_nonfinite");
  for (const auto policy : {NonfinitePolicy::kSkip, NonfinitePolicy::kContinue})
    if (found != settings.end() && *found == to_text(policy)) return policy;
  return NonfinitePolicy::kStop;
}

bool is_nonfinite_event(const Event& event) { return is_nonfinite(event.kind); }

// Checks run.json; each member looks at one side of it.
class RecordChecker {
 public:
  RecordChecker(const RunRecord& record, const ExpectedLog& expected, FileProblems& problems)
      : record_(record), expected_(expected), problems_(problems) {}

  void check(const Json& sweep, const CheckedLog& log) {
    check_plan();
    check_settings(sweep);
    check_id();
    check_outcome();
    for (std::size_t i = 0; i < record_.events.size(); ++i) check_action(i);
    check_epochs();
    check_solved();
    for (std::size_t i = 0; i < record_.events.size(); ++i) check_event(i, log);
    check_spikes();
    if (log.header) check_gates(*log.header);
    if (log.whole && expected_.log_every == 1) {
      check_totals(log.sums);
      check_quantiles(log.sums.finite_norms);
      check_epoch_means(log.sums.epochs);
    }
  }

 private:
  std::uint64_t planned_steps() const { return expected_.epochs * expected_.steps_per_epoch; }

  void check_plan() {
    const Json found = to_json(record_.spec);
    const Json planned = to_json(expected_.run);
    for (const auto& [key, value] : planned.items())
      if (!found.contains(key) || found[key] != value)
        problems_.add(fmt::format("\"{}\" is {}, but {} in the plan", key,
                                  to_line(found.value(key, Json(nullptr))), to_line(value)));
    for (const auto& [key, value] : found.items())
      if (!planned.contains(key))
        problems_.add(fmt::format("\"{}\" is {}, but not there in the plan", key, to_line(value)));
  }

  // The hash at the end of the ID is over the run's settings.
  void check_id() {
    const auto id = id_by_settings(record_.spec, record_.settings);
    if (id && *id != record_.spec.id)
      problems_.add(
          fmt::format("\"id\" is {}, but the settings here make it {}: they are not "
                      "those that the run was trained with",
                      record_.spec.id, *id));
    const Json spec = to_json(record_.spec);
    for (const char* key : {"cell", "init"})
      if (spec.contains(key) && record_.settings.contains(key) &&
          record_.settings[key] != spec[key])
        problems_.add(fmt::format("settings.{} is {}, but \"{}\" is {}", key,
                                  printable(to_line(record_.settings[key])), key,
                                  to_line(spec[key])));
  }

  void check_settings(const Json& sweep) {
    const Json& planned = sweep["settings"];
    for (const auto& [key, value] : record_.settings.items()) {
      // What became an axis is checked with the plan.
      const Setting* setting = find_setting(key);
      if (setting && setting->group != SettingGroup::kTraining) continue;
      if (planned.contains(key) && planned[key] != value)
        problems_.add(fmt::format("settings.{} is {}, but {} in sweep.json", key,
                                  printable(to_line(value)), printable(to_line(planned[key]))));
    }
    if (record_.settings["data_sha256"] != sweep["data"]["sha256"])
      problems_.add("settings.data_sha256 is not that of the data in sweep.json");
  }

  void check_outcome() {
    const auto& events = record_.events;
    const bool diverged = record_.outcome == Outcome::kDiverged;
    const std::uint64_t steps = record_.totals.steps;
    if (steps > planned_steps())
      problems_.add(
          fmt::format("totals.steps is {}, but the run was to take {}", steps, planned_steps()));
    if (diverged && std::none_of(events.begin(), events.end(), is_nonfinite_event))
      problems_.add("the outcome is \"diverged\", but no event says where a NaN or Inf was");
    const auto is_stop = [](const Event& event) { return event.action == Action::kStopped; };
    if (diverged && expected_.on_nonfinite == NonfinitePolicy::kStop &&
        std::none_of(events.begin(), events.end(), is_stop))
      problems_.add("the outcome is \"diverged\", but no event stopped the run");
    if (record_.outcome == Outcome::kCompleted && steps < planned_steps())
      problems_.add(fmt::format("the outcome is \"completed\", but only {} of {} were taken", steps,
                                counted(planned_steps(), "step")));
    for (const auto& event : events)
      if (event.action == Action::kStopped && (!diverged || event.step != steps))
        problems_.add(fmt::format("an event stopped the run at step {}, but it {} and took {}",
                                  event.step, to_text(record_.outcome), counted(steps, "step")));
  }

  // What was done about a NaN or Inf is what the settings ask for; a gradient that random-step
  // replaces does no harm.
  void check_action(std::size_t i) {
    const Event& event = record_.events[i];
    const bool is_replaced =
        event.phase == Phase::kGradient && record_.spec.clip.mode == ClipMode::kRandomStep;
    if (!is_nonfinite_event(event) || is_replaced) return;
    const Action action = expected_.on_nonfinite == NonfinitePolicy::kStop   ? Action::kStopped
                          : expected_.on_nonfinite == NonfinitePolicy::kSkip ? Action::kSkipped
                                                                             : Action::kContinued;
    if (event.action != action)
      problems_.add(fmt::format("events[{}] has the action \"{}\", but \"on_nonfinite\" is \"{}\"",
                                i, to_text(event.action), to_text(expected_.on_nonfinite)));
  }

  void check_epochs() {
    const auto& epochs = record_.epochs;
    for (std::size_t i = 0; i < epochs.size(); ++i)
      if (epochs[i].epoch != i + 1)
        problems_.add(fmt::format("epochs[{}] is epoch {}, not {}", i, epochs[i].epoch, i + 1));
    const std::uint64_t steps = record_.totals.steps;
    const std::uint64_t whole = steps / expected_.steps_per_epoch;
    // The last step may end the run before its epoch is evaluated.
    const std::uint64_t least = record_.outcome == Outcome::kCompleted || steps == 0
                                    ? whole
                                    : (steps - 1) / expected_.steps_per_epoch;
    if (epochs.size() < least || epochs.size() > whole)
      problems_.add(fmt::format("\"epochs\" has {} entries, but {} at {} an epoch make {}",
                                epochs.size(), counted(steps, "step"), expected_.steps_per_epoch,
                                whole));
  }

  void check_solved() {
    if (!record_.solved_at_step) return;
    const std::uint64_t epoch = *record_.solved_at_step / expected_.steps_per_epoch;
    if (epoch * expected_.steps_per_epoch != *record_.solved_at_step || epoch == 0 ||
        epoch > record_.epochs.size())
      problems_.add(fmt::format("solved_at_step is {}, which is the end of no epoch in \"epochs\"",
                                *record_.solved_at_step));
  }

  void check_event(std::size_t i, const CheckedLog& log) {
    const Event& event = record_.events[i];
    if (event.step > record_.totals.steps)
      problems_.add(fmt::format("events[{}] is at step {}, but the run took {}", i, event.step,
                                counted(record_.totals.steps, "step")));
    if (i > 0 && event.step < record_.events[i - 1].step)
      problems_.add(
          fmt::format("events[{}] is at step {}, before the one above it", i, event.step));
    if (event.epoch != (event.step - 1) / expected_.steps_per_epoch + 1)
      problems_.add(fmt::format("events[{}] is at step {}, which is not in epoch {}", i, event.step,
                                event.epoch));
    if (event.tensor && log.header) check_element(i, event, *log.header);
  }

  void check_element(std::size_t i, const Event& event, const StepLogHeader& header) {
    const auto& names = header.tensor_names;
    const auto found = std::find(names.begin(), names.end(), *event.tensor);
    if (found == names.end()) {
      problems_.add(
          fmt::format("events[{}] names the tensor \"{}\", which the model has not; it has {}", i,
                      printable(*event.tensor), join(names)));
      return;
    }
    const auto& shape = header.tensor_shapes[static_cast<std::size_t>(found - names.begin())];
    const auto size = std::accumulate(shape.begin(), shape.end(), std::uint64_t{1},
                                      std::multiplies<std::uint64_t>());
    if (event.index && *event.index >= size)
      problems_.add(fmt::format("events[{}] has the index {}, but {} has {}", i, *event.index,
                                *event.tensor, counted(size, "element")));
  }

  void check_spikes() {
    const auto spikes = static_cast<std::uint64_t>(
        std::count_if(record_.events.begin(), record_.events.end(),
                      [](const Event& event) { return event.kind == EventKind::kSpike; }));
    require_equal("totals.spikes", record_.totals.spikes, spikes, "events");
  }

  void check_gates(const StepLogHeader& header) {
    const auto gates = gates_of_tensors(header.tensor_names);
    for (std::size_t i = 0; i < record_.epochs.size(); ++i) {
      const EpochRecord& epoch = record_.epochs[i];
      if (epoch.gate_norms && !epoch.gate_norms->empty())
        require_gates(fmt::format("epochs[{}].gate_norms", i), *epoch.gate_norms, gates);
      for (const auto& layer : epoch.spectral_radius.value_or(std::vector<LayerRadii>{}))
        check_radii(fmt::format("epochs[{}].spectral_radius", i), layer, header, gates);
    }
    for (std::size_t i = 0; i < record_.events.size(); ++i)
      if (const auto& norms = record_.events[i].gate_norms)
        require_gates(fmt::format("events[{}].gate_norms", i), *norms, gates);
  }

  void check_radii(const std::string& place, const LayerRadii& layer, const StepLogHeader& header,
                   const std::vector<std::string>& gates) {
    std::vector<std::string> recurrent;
    for (const auto& name : header.tensor_names)
      if (is_recurrent({name, {}, 0})) recurrent.push_back(name);
    if (std::find(recurrent.begin(), recurrent.end(), layer.tensor) == recurrent.end())
      problems_.add(fmt::format("{} names the tensor \"{}\", but the model's recurrent ones are {}",
                                place, printable(layer.tensor), join(recurrent)));
    require_gates(fmt::format("{}.{}", place, printable(layer.tensor)), layer.radii, gates);
  }

  void require_gates(const std::string& place, const GateNumbers& numbers,
                     const std::vector<std::string>& gates) {
    std::vector<std::string> names;
    for (const auto& [name, number] : numbers) names.push_back(name);
    if (names != gates)
      problems_.add(fmt::format("{} has the gates {}, but the model {}", place,
                                printable(join(names)), join(gates)));
  }

  void check_totals(const StepSums& sums) {
    const auto& totals = record_.totals;
    require_equal("totals.steps", totals.steps, sums.steps, "steps.jsonl");
    require_equal("totals.clipped_steps", totals.clipped_steps, sums.clipped_steps, "steps.jsonl");
    require_equal("totals.skipped_steps", totals.skipped_steps, sums.skipped_steps, "steps.jsonl");
    require_equal("totals.what_if.steps", totals.what_if.steps, sums.what_if.steps, "steps.jsonl");
    if (totals.what_if.value != sums.what_if.value ||
        totals.what_if.global_norm != sums.what_if.global_norm ||
        totals.what_if.tensor_norm != sums.what_if.tensor_norm)
      problems_.add("totals.what_if does not count what steps.jsonl has");
    if (totals.nonfinite_steps < sums.nonfinite_steps)
      problems_.add(fmt::format("totals.nonfinite_steps is {}, but steps.jsonl has {}",
                                totals.nonfinite_steps, sums.nonfinite_steps));
  }

  void check_quantiles(std::vector<double> norms) {
    const auto& quantiles = record_.totals.grad_norm_raw;
    if (quantiles.has_value() == norms.empty())
      problems_.add("totals.grad_norm_raw must be null if, and only if, no norm was finite");
    if (!quantiles || norms.empty()) return;
    std::sort(norms.begin(), norms.end());
    const auto check = [&](const char* name, double value, double probability) {
      require_agreement(fmt::format("totals.grad_norm_raw.{}", name), value,
                        quantile_of_sorted(norms, probability));
    };
    check("median", quantiles->median, 0.5);
    check("p90", quantiles->p90, 0.9);
    check("p99", quantiles->p99, 0.99);
    check("max", quantiles->max, 1);
  }

  void check_epoch_means(const std::vector<EpochSums>& sums) {
    const auto steps = static_cast<double>(expected_.steps_per_epoch);
    for (std::size_t i = 0; i < std::min(record_.epochs.size(), sums.size()); ++i) {
      const EpochRecord& epoch = record_.epochs[i];
      const auto check = [&](const char* key, double value, double sum) {
        require_agreement(fmt::format("epochs[{}].{}", i, key), value, sum / steps);
      };
      check("train_loss", epoch.train_loss, sums[i].loss);
      check("train_accuracy", epoch.train_accuracy, sums[i].accuracy);
      check("clipped_share", epoch.clipped_share, static_cast<double>(sums[i].clipped_steps));
    }
  }

  void require_equal(const char* key, std::uint64_t told, std::uint64_t found, const char* where) {
    if (told != found)
      problems_.add(fmt::format("{} is {}, but {} has {}", key, told, where, found));
  }

  void require_agreement(const std::string& key, double told, double found) {
    if (!agree(told, found))
      problems_.add(fmt::format("{} is {}, but steps.jsonl gives {}", key,
                                to_line(json_number(told)), to_line(json_number(found))));
  }

  const RunRecord& record_;
  const ExpectedLog& expected_;
  FileProblems& problems_;
};

std::optional<RunRecord> read_checked_record(FileProblems& problems) {
  const auto json = read_checked_json("run", problems);
  if (!json) return std::nullopt;
  try {
    RunRecord record = run_record_from_json(*json);
    check_histories(*json, record, problems);
    return record;
  } catch (const DataError& error) {
    problems.add(error.what());
    return std::nullopt;
  }
}

// Where nobody may look there is something: whoever reads it will be told.
bool is_there_or_hidden(const fs::path& path) {
  try {
    return is_there(path);
  } catch (const DataError&) {
    return true;
  }
}

fs::path relative_path(const fs::path& path, const fs::path& folder) {
  return path.lexically_relative(folder);
}

}  // namespace

CheckedRun check_run(const SweepFolder& sweep, const RunSpec& run, std::vector<Problem>& problems) {
  FileProblems run_problems(sweep.folder,
                            relative_path(run_path(sweep.folder, run.id), sweep.folder));
  FileProblems log_problems(sweep.folder,
                            relative_path(steps_path(sweep.folder, run.id), sweep.folder));
  CheckedRun checked;
  const bool has_run_json = is_there_or_hidden(run_problems.path());
  if (has_run_json) checked.record = read_checked_record(run_problems);
  checked.damaged = has_run_json && !checked.record;

  const Json& settings = sweep.sweep["settings"];
  const ExpectedLog expected = {run,
                                count_member(sweep.sweep, "log_every"),
                                count_member(settings, "epochs"),
                                count_member(settings, "steps_per_epoch"),
                                checked.record ? &*checked.record : nullptr,
                                decay_of(settings),
                                optional_count(settings, "through_time_every"),
                                has_one_length(settings),
                                policy_of(settings)};
  CheckedLog log;
  if (has_run_json || is_there_or_hidden(log_problems.path()))
    log = check_step_log(expected, log_problems);
  if (checked.record)
    RecordChecker(*checked.record, expected, run_problems).check(sweep.sweep, log);
  FileProblems through_time_problems(
      sweep.folder, relative_path(through_time_path(sweep.folder, run.id), sweep.folder));
  check_through_time(expected, through_time_problems);
  checked.steps = log.steps;
  run_problems.move_to(problems);
  log_problems.move_to(problems);
  through_time_problems.move_to(problems);
  return checked;
}

std::optional<Json> read_checked_json(const char* kind, FileProblems& problems) {
  std::string text;
  try {
    text = read_file(problems.path());
  } catch (const DataError& error) {
    problems.add(error);
    return std::nullopt;
  }
  auto json = parsed(text, problems);
  if (!json) return std::nullopt;
  const auto violations = schema_violations(kind, *json);
  for (const auto& violation : violations) problems.add(violation);
  if (!violations.empty()) return std::nullopt;
  return json;
}

}  // namespace clipsweep
