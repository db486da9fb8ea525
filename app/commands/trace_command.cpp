// `clipsweep trace`: everything needed to replay a run's first steps in another framework.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/measuring/weight_probe.h"
#include "clipsweep/tasks/make_task.h"
#include "clipsweep/training/cohort_trainer.h"
#include "commands/training_commands.h"
#include "output.h"

namespace clipsweep {
namespace {

// A tensor as nested lists.
Json nested(Span<const float> values, const std::vector<int>& shape) {
  Json list = Json::array();
  if (shape.size() == 1) {
    for (const float value : values) list.push_back(json_number(value));
    return list;
  }
  const auto rows = static_cast<std::size_t>(shape[0]);
  const auto columns = static_cast<std::size_t>(shape[1]);
  for (std::size_t i = 0; i < rows; ++i)
    list.push_back(nested(values.subspan(i * columns, columns), {shape[1]}));
  return list;
}

Json by_name(Span<const float> row, const ParameterLayout& layout) {
  Json tensors = Json::object();
  for (const auto& tensor : layout.tensors)
    tensors[tensor.name] = nested(part(row, tensor), tensor.shape);
  return tensors;
}

const RunSpec& chosen_run(const SweepPlan& plan, const std::string& name) {
  if (!name.empty()) return find_run(plan.runs, name);
  if (plan.runs.size() == 1) return plan.runs.front();
  throw ConfigError(fmt::format("trace: the plan has {}; name one with --run, for example {}",
                                counted(plan.runs.size(), "run"), plan.runs.front().id));
}

// The plan, with the IDs that earlier versions gave its runs if the run is named by such an ID.
SweepPlan plan_with(const std::string& run, const ExperimentConfig& config,
                    const DataChecksums& data) {
  DataHashes former_hashes = hashes_of(data);
  for (const auto& [task, checksum] : data)
    if (!checksum.former_sha256.empty()) former_hashes[task] = checksum.former_sha256;
  if (former_hashes != hashes_of(data)) {
    SweepPlan former = make_plan(config, former_hashes);
    const auto is_named = [&](const RunSpec& spec) { return spec.id == run; };
    if (std::any_of(former.runs.begin(), former.runs.end(), is_named)) return former;
  }
  return make_plan(config, hashes_of(data));
}

// The samples of the probes among the steps taken.
Json probes_json(const ProbeContext& context, std::uint64_t seed, std::uint64_t steps) {
  Json probes = Json::array();
  for (const std::uint64_t step : context.plan.probe_at)
    if (step <= steps)
      probes.push_back({{"step", step}, {"batches", probe_batches_json(seed, step, context)}});
  return probes;
}

void check_steps(std::uint64_t steps, const TrainingPlan& plan) {
  if (steps >= 1 && steps <= plan.training.steps()) return;
  throw ConfigError(
      fmt::format("--steps {}: must be a whole number from 1 to {}, the number of steps per run",
                  steps, plan.training.steps()));
}

}  // namespace

int run_trace(const TraceCommand& command, const MakeEngines& make_engines) {
  ExperimentConfig config = config_of(command.settings);
  if (command.run.empty() && !is_given(config, "seeds")) config.seeds = {0};
  const TrainingEngines engines = make_engines(config);
  const SweepTasks tasks(config);
  SweepPlan sweep = plan_with(command.run, config, tasks.data());
  sweep.log_every = 1;
  const RunSpec& run = chosen_run(sweep, command.run);
  const TrainingPlan plan = training_plan(sweep, run.setup);
  check_steps(command.steps, plan);
  const SetupTasks by_setup = tasks.tasks();
  const Task& task = by_setup.of(run.setup);
  const auto layout = layout_of(model_for(plan.training, run.setup.cell, task));
  const auto engine = engines.make(layout);

  const auto names = layout.names();
  Json batches = Json::array();
  Json steps = Json::array();
  std::optional<CohortTrainer> trainer;
  const auto sinks = [&](const RunSpec&) -> RunSinks {
    return {[&](const StepRecord& record) {
      std::string text;
      append_line(text, record, names);
      steps.push_back(Json::parse(text));
      batches.push_back(trainer->samples(0));
    }};
  };
  const std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> run_steps{0};
  trainer.emplace(CohortContext{plan, layout, task, stop, run_steps}, std::vector<RunStart>{{&run}},
                  *engine, sinks, [](const RunRecord&) {});
  Json initial = by_name(trainer->weights(0), layout);
  for (std::uint64_t step = 0; step < command.steps && trainer->active_runs() == 1; ++step)
    trainer->step();

  Json settings = settings_of(plan, run);
  settings["weight_decay"] = 0;  // list settings that are off as well, for replay scripts
  settings["decoupled_weight_decay"] = 0;
  settings["l1"] = 0;
  settings.update(to_json(run));
  settings.erase("id");
  Json trace = {{"run", run.id},
                {"settings", std::move(settings)},
                {"initial", std::move(initial)},
                {"batches", std::move(batches)},
                {"steps", std::move(steps)}};
  if (task.carries_states()) {
    Json& continues = trace["continues"] = Json::array();
    for (std::uint64_t step = 1; step <= trace["steps"].size(); ++step)
      continues.push_back(task.continues(step));
  }
  if (!plan.probe_at.empty())
    trace["probes"] = probes_json({plan, layout, task}, run.seed, trace["steps"].size());
  print_json_line(trace);
  return kSuccess;
}

}  // namespace clipsweep
