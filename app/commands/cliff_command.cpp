// `clipsweep cliff`: the loss around the weights before one step of a run, for a figure.
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/log_file.h"
#include "clipsweep/landscape/cliff.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/tasks/make_task.h"
#include "commands/training_commands.h"
#include "messages.h"
#include "output.h"
#include "progress.h"

namespace clipsweep {
namespace {

constexpr std::uint64_t kMinPoints = 3;
constexpr std::uint64_t kMaxPoints = 401;
constexpr double kMaxSpan = 1e6;

RunRecord finished_run(const SweepFolder& sweep, const RunSpec& run) {
  auto record = read_run(sweep, run);
  if (!record || !reached_outcome(*record))
    throw ConfigError(fmt::format("cliff: {} has not finished; finish the sweep first", run.id));
  return *std::move(record);
}

std::uint64_t chosen_step(const CliffCommand& command, const RunRecord& record) {
  const std::uint64_t steps = record.totals.steps;
  if (command.step > steps)
    throw ConfigError(
        fmt::format("--step {}: must be a whole number from 1 to {}, the number of steps of {}",
                    command.step, steps, record.spec.id));
  if (command.step > 0) return command.step;
  if (const auto step = step_of_largest_spike(record.events)) return *step;
  throw ConfigError(fmt::format("cliff: {} has no spike; name a step with --step N, from 1 to {}",
                                record.spec.id, steps));
}

CliffOptions options_of(const CliffCommand& command, const RunRecord& record) {
  if (command.points < kMinPoints || command.points > kMaxPoints)
    throw ConfigError(fmt::format("--points {}: must be a whole number from {} to {}",
                                  command.points, kMinPoints, kMaxPoints));
  CliffOptions options{chosen_step(command, record), static_cast<std::size_t>(command.points)};
  if (command.span.empty()) return options;
  const auto span = parse_number(command.span);
  if (!span || !(*span > 0) || !(*span <= kMaxSpan))
    throw ConfigError(fmt::format("--span {}: must be a number above 0, at most {:g}",
                                  printable(command.span), kMaxSpan));
  options.span = *span;
  return options;
}

// The settings that the run was trained with, its engine included.
ExperimentConfig config_of_run(const CliffCommand& command, const SweepFolder& sweep,
                               const RunRecord& record) {
  ExperimentConfig config = config_from_settings(record.settings);
  config.cells = {{record.spec.setup.cell}};
  config.engine = record.engine;
  config.device = record.simd == "cuda" ? "cuda" : "cpu";
  const Json& settings = member(sweep.sweep, "settings");
  if (settings.contains("data")) config.data_folder = string_member(settings, "data");
  if (!command.data.empty()) config.data_folder = command.data;
  return config;
}

void check_data(const DataChecksum& data, const RunRecord& record) {
  const std::string found = string_member(record.settings, "data_sha256");
  if (found == data.sha256 || found == data.former_sha256) return;
  throw ConfigError(
      "cliff: the data are not those that the run was trained on; name theirs with --data PATH");
}

// The step in the run's log; nothing if it was not logged.
std::optional<StepRecord> logged_step(const SweepFolder& sweep, const RunSpec& run,
                                      std::uint64_t step, const ParameterLayout& layout) {
  std::optional<StepRecord> found;
  const fs::path log = steps_path(sweep.folder, run.id);
  if (!is_there(stored_log(log))) return found;
  read_step_log(log, [&](const Json& json, std::uint64_t, std::string_view) {
    if (count_member(json, "step") == step) found = step_record_from_json(json, layout.names());
  });
  return found;
}

// With a line of progress: the run is trained again up to the step.
Cliff measured_cliff(const TrainingPlan& plan, const ParameterLayout& layout, const Task& task,
                     const RunSpec& run, GradientEngine& engine, const CliffOptions& options) {
  const std::atomic<bool> stop{false};
  SweepProgress progress;
  CohortContext context{plan, layout, task, stop, progress.run_steps};
  context.means = &progress.means;
  say(fmt::format("Training the run again up to step {}.\n", with_thousands(options.step)));
  const ProgressLine line(progress, run_steps_of(options));
  return measure_cliff(context, run, engine, options);
}

std::string mark_loss_text(float loss) {
  if (std::isnan(loss)) return "NaN";
  return std::isinf(loss) ? "Inf" : fmt::format("{:.4g}", loss);
}

std::string mark_text(const char* name, const CliffMark& mark) {
  return fmt::format("  {:<10}  {:>10.4g}  {:>10}\n", name,
                     std::sqrt(mark.along * mark.along + mark.across * mark.across +
                               mark.off_plane * mark.off_plane),
                     mark_loss_text(mark.loss));
}

// The run and the file have lines of their own: their names may be long.
void print_cliff(const Cliff& cliff, const RunSpec& run, const SweepFolder& sweep,
                 const fs::path& file) {
  print("{}\nstep {}, gradient norm {:.4g}\n\n", run.id, with_thousands(cliff.record.step),
        cliff.record.grad_norm_raw);
  print("  {:<10}  {:>10}  {:>10}\n", "", "distance", "loss");
  print("  {:<10}  {:>10}  {:>10.4g}\n", "before", 0, cliff.record.loss);
  print("{}", mark_text("unclipped", cliff.unclipped));
  if (cliff.clipped) print("{}", mark_text("as taken", *cliff.clipped));
  print("\nWritten: {}\n", without_controls(file.string()));
  print("Figure:  clipsweep report {}\n", without_controls(shell_word(sweep.folder.string())));
}

void warn_of_difference(const Cliff& cliff, const StepRecord& logged, const RunRecord& record,
                        const std::string& engine) {
  if (is_same_step(cliff.record, logged)) return;
  complain(fmt::format(
      "warning: trained again with {}, step {} has the loss {} and the gradient norm {}, but the "
      "log of {} has {} and {}",
      engine, cliff.record.step, cliff.record.loss, cliff.record.grad_norm_raw,
      engine_description(record.engine, record.simd), logged.loss, logged.grad_norm_raw));
}

}  // namespace

int run_cliff(const CliffCommand& command, const MakeEngines& make_engines) {
  const SweepFolder sweep = open_sweep_folder(command.folder);
  const RunSpec& run = find_run(sweep.runs, command.run);
  const RunRecord record = finished_run(sweep, run);
  const CliffOptions options = options_of(command, record);
  const ExperimentConfig config = config_of_run(command, sweep, record);
  const TrainingEngines engines = make_engines(config);
  const auto [task, data] = make_task_with_data(config);
  check_data(data, record);
  TrainingPlan plan = training_plan(make_plan(config, data.sha256));
  plan.log_every = 1;
  plan.through_time_every = 0;
  const auto layout = layout_of(model_for(plan.training, run.setup.cell, *task));
  const auto engine = engines.make(layout);
  const Cliff cliff = measured_cliff(plan, layout, *task, run, *engine, options);
  const auto logged = logged_step(sweep, run, options.step, layout);
  if (logged)
    warn_of_difference(cliff, *logged, record, engine_description(engine->name(), engine->simd()));
  const fs::path file = cliff_path(sweep.folder, run.id, options.step);
  write_file(file, to_page(to_json(cliff, run, logged)) + "\n");
  print_cliff(cliff, run, sweep, file);
  return kSuccess;
}

}  // namespace clipsweep
