// `clipsweep plan`: the runs, where each setting comes from, and what they will cost.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/simd.h"
#include "clipsweep/base/table.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/experiment/sweep_parts.h"
#include "clipsweep/records/sweep_manifest.h"
#include "clipsweep/tasks/make_task.h"
#include "commands/inspection_commands.h"
#include "commands/measured_speed.h"
#include "commands/plan_warnings.h"
#include "machine.h"
#include "messages.h"
#include "output.h"
#include "progress.h"

namespace clipsweep {
namespace {

constexpr std::size_t kMaxRunsShown = 20;

// A plan and the folder that it would be trained in.
struct PlanInFolder {
  SweepPlan whole;
  SweepPlan plan;  // the runs of --shard
  SweepPlan left;  // those of them that have not reached an outcome in the folder
  Json parts;      // of --shard: how much each has, and how much of it is complete
};

// The end of a long text, which is what tells paths apart.
std::string end_of(const std::string& text, std::size_t max_size) {
  return text.size() <= max_size ? text : "..." + text.substr(text.size() - max_size + 3);
}

// What leaves room in 80 columns for the longest name and the longest flag.
constexpr std::size_t kMaxValue = 27;

std::string value_text(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return end_of(value.get<std::string>(), kMaxValue);
  if (!value.is_array()) return value.dump();
  std::vector<std::string> parts;
  for (const auto& part : value) parts.push_back(value_text(part));
  const std::string text = join(parts, ",");
  if (text.size() <= kMaxValue) return text;
  const std::string count = fmt::format("... ({} values)", parts.size());
  return text.substr(0, kMaxValue - count.size()) + count;
}

// Those that were given, or all of them.
void print_settings(const ExperimentConfig& config, bool all) {
  Table table({{"setting", Align::kLeft}, {"value", Align::kLeft}, {"from", Align::kLeft}});
  std::size_t shown = 0;
  for (const auto& setting : setting_table()) {
    const std::string value = value_text(setting_json(config, setting));
    if (!all && !is_given(config, setting.key)) continue;
    table.add_row({setting.key, value, where_given(config, setting.key)});
    ++shown;
  }
  if (shown > 0) print("{}", table.text());
  if (!all)
    print("{} their default; --verbose shows them\n",
          shown > 0 ? "All others have" : "All settings have");
  print("\n");
}

void print_runs(const SweepPlan& plan) {
  Table table({{"run", Align::kLeft}});
  for (std::size_t i = 0; i < std::min(plan.runs.size(), kMaxRunsShown); ++i)
    table.add_row({plan.runs[i].id});
  print("{}", table.text());
  if (plan.runs.size() > kMaxRunsShown)
    print("... and {} more; --json lists all\n", with_thousands(plan.runs.size() - kMaxRunsShown));
}

// "30 runs: 3 arms x 10 seeds, 5,000 steps each"
std::string grid_text(const SweepPlan& plan) {
  std::set<std::string> arms;
  std::set<std::uint64_t> seeds;
  for (const auto& run : plan.runs) {
    arms.insert(arm_name(run));
    seeds.insert(run.seed);
  }
  return fmt::format("{}: {} x {}, {} each", counted(plan.runs.size(), "run"),
                     counted(arms.size(), "arm"), counted(seeds.size(), "seed"),
                     counted(plan.trainings.begin()->second.training.steps(), "step"));
}

void print_part(const Shard& shard, const SweepPlan& plan) {
  print("Part {} of it: {}\n", to_text(shard), counted(plan.runs.size(), "run"));
}

// How much of the plan is already in the folder.
void print_progress(const PlanInFolder& planned) {
  const std::size_t complete = planned.plan.runs.size() - planned.left.runs.size();
  print("{} complete in the folder, {} to train\n", with_thousands(complete),
        with_thousands(planned.left.runs.size()));
}

// Run-steps per second of a worker.
double rate_of(const SpeedMeasurement& measurement) {
  return static_cast<double>(measurement.cohort) / measurement.seconds_per_step;
}

// A line per cell: `lstm: 12,345 run-steps/s per worker, 16 runs per cohort`. If training settings
// vary, only the slowest and the fastest.
void print_speed(const SpeedMeasurements& measurements) {
  const auto [slowest, fastest] =
      std::minmax_element(measurements.begin(), measurements.end(),
                          [](auto& a, auto& b) { return rate_of(a.second) < rate_of(b.second); });
  if (!slowest->first.varied.empty()) {
    print("      {} to {} run-steps/s per worker, by setup\n", rate_text(rate_of(slowest->second)),
          rate_text(rate_of(fastest->second)));
    return;
  }
  for (const auto& [kind, measurement] : measurements)
    print("      {}{} run-steps/s per worker, {} per cohort\n",
          measurements.size() > 1 ? fmt::format("{}: ", to_text(kind)) : "",
          rate_text(rate_of(measurement)), counted(measurement.cohort, "run"));
}

// Whether the fused engine trains runs together that differ only in their clipping.
bool has_kin_together(const SweepPlan& plan, std::size_t workers, const EngineChoices& choices) {
  if (needs_reference(choices)) return false;
  const auto cohorts = make_cohorts(pointers_to(plan.runs), workers, cohort_sizes_for(choices));
  return std::any_of(cohorts.begin(), cohorts.end(), [](const auto& cohort) {
    const auto are_kin = [](const auto* a, const auto* b) {
      return shared_prefix_key(*a) == shared_prefix_key(*b);
    };
    return std::adjacent_find(cohort.begin(), cohort.end(), are_kin) != cohort.end();
  });
}

// What is left of a plan.
void print_estimate(const ExperimentConfig& config, const SweepPlan& plan,
                    const EngineChoices& choices, const MeasuredSpeed& speed) {
  const auto& measurements = speed.measurements;
  const CostEstimate cost = estimate_cost(plan, measurements);
  print("time  about {} on {} (measured here {})\n", duration_text(cost.seconds),
        counted(worker_count(config), "worker"), speed.measured);
  print_speed(measurements);
  if (has_kin_together(plan, worker_count(config), choices))
    print("      less if clipping acts late: until then identical runs are computed once\n");
  print("disk  about {} ({:.0f} bytes per logged step{})\n", bytes_text(cost.bytes),
        cost.bytes_per_line, plan.compress ? " before compression" : "");
  print("      more if there are events: each is logged with the steps before it\n");
}

Json engine_json(const EngineChoice& choice) {
  Json engine = {{"name", to_text(choice.name)}, {"reason", choice.reason}};
  if (choice.name == EngineName::kFused) engine["simd"] = simd_name();
  return engine;
}

void print_engines(const EngineChoices& choices) {
  for (const auto& [cell, choice] : choices) {
    const std::string simd =
        choice.name == EngineName::kFused ? fmt::format(" with {}", simd_name()) : "";
    const std::string prefix = choices.size() > 1 ? fmt::format("{}: ", to_text(cell)) : "";
    print("{}the {} engine{} ({})\n", prefix, to_text(choice.name), simd, choice.reason);
  }
}

// Engine and speed of each cell and, if training settings vary, of each setup.
Json cells_json(const EngineChoices& choices, const SpeedMeasurements& measurements) {
  Json speed = to_json(measurements);
  Json cells = Json::object();
  for (const auto& [kind, measurement] : measurements)
    cells[to_text(kind)] = {{"engine", engine_json(choices.at(kind.cell))},
                            {"measurement", speed[to_text(kind)]}};
  return cells;
}

SweepPlan with_runs(SweepPlan plan, const std::vector<const RunSpec*>& runs) {
  std::vector<RunSpec> specs;
  for (const auto* run : runs) specs.push_back(*run);
  plan.runs = std::move(specs);
  return plan;
}

using RunPointers = std::vector<const RunSpec*>;

RunPointers common_runs(const RunPointers& runs, const std::set<const RunSpec*>& others) {
  RunPointers common;
  std::copy_if(runs.begin(), runs.end(), std::back_inserter(common),
               [&](const auto* run) { return others.count(run) > 0; });
  return common;
}

// `[{"runs": 5, "complete": 2}, ...]`, one entry per part; null if there are very many.
Json parts_json(const SweepPlan& plan, const Shard& shard, const std::set<const RunSpec*>& left) {
  constexpr std::uint64_t kMaxListed = 100'000;
  if (shard.count > kMaxListed) return nullptr;
  Json parts = Json::array();
  for (const auto& part : all_parts(plan.runs, shard.count))
    parts.push_back(
        {{"runs", part.size()}, {"complete", part.size() - common_runs(part, left).size()}});
  return parts;
}

PlanInFolder plan_in_folder(const ExperimentConfig& config, const std::string& folder) {
  DataChecksums data = checksums_of_data(config);
  if (!folder.empty())
    for (auto& [task, checksum] : data) checksum = named_as_in(folder, std::move(checksum));
  SweepPlan whole = make_plan(config, hashes_of(data));
  if (!folder.empty()) adopt_ids_of(folder, whole);
  const RunPointers all = pointers_to(whole.runs);
  RunPointers unfinished = all;
  if (!folder.empty())
    if (const auto sweep = find_sweep(folder, config, whole, data.at(config.training.task)))
      unfinished = plan_status(all, *sweep, config.retry).unfinished;
  const std::set<const RunSpec*> left(unfinished.begin(), unfinished.end());
  const RunPointers part = config.shard ? runs_of_shard(whole.runs, *config.shard) : all;
  PlanInFolder planned{whole, with_runs(whole, part), with_runs(whole, common_runs(part, left)),
                       nullptr};
  if (config.shard) planned.parts = parts_json(whole, *config.shard, left);
  return planned;
}

std::vector<std::string> all_warnings(const PlanInFolder& planned, const MeasuredSpeed& speed,
                                      const std::string& folder) {
  std::vector<std::string> warnings = plan_warnings(planned.whole);
  const auto add = [&](const std::vector<std::string>& more) {
    warnings.insert(warnings.end(), more.begin(), more.end());
  };
  if (!speed.problem.empty()) {
    warnings.push_back("no estimate of time and disk space: " + speed.problem);
    return warnings;
  }
  add(threshold_warnings(planned.whole, speed.measurements));
  if (!folder.empty())
    add(disk_warnings(folder, estimate_cost(planned.left, speed.measurements).bytes));
  return warnings;
}

// Null if nothing was measured.
Json estimate_json(const SweepPlan& plan, const MeasuredSpeed& speed) {
  if (!speed.problem.empty()) return nullptr;
  const CostEstimate cost = estimate_cost(plan, speed.measurements);
  return {{"seconds", json_number(cost.seconds)},
          {"bytes", json_number(cost.bytes)},
          {"measured", speed.measured}};
}

Json plan_json(const ExperimentConfig& config, const PlanInFolder& planned,
               const EngineChoices& choices, const MeasuredSpeed& speed,
               const std::string& folder) {
  Json json = {{"schema", "clipsweep/plan-1"},
               {"settings", settings_json(config)},
               {"origins", origins_json(config)},
               {"cells", cells_json(choices, speed.measurements)},
               {"runs", runs_json(planned.plan)},
               {"complete", planned.plan.runs.size() - planned.left.runs.size()},
               {"warnings", all_warnings(planned, speed, folder)},
               {"estimate", estimate_json(planned.left, speed)}};
  if (config.shard)
    json["shard"] = {
        {"index", config.shard->index}, {"count", config.shard->count}, {"parts", planned.parts}};
  return json;
}

}  // namespace

int run_plan(const PlanCommand& command, const std::vector<std::string>& arguments) {
  ExperimentConfig config = config_of(command.settings);
  if (!command.out.empty()) config = with_axes_of(command.out, std::move(config));
  const PlanInFolder planned = plan_in_folder(config, command.out);
  const SweepPlan& plan = planned.plan;
  const EngineChoices choices = choose_engines(config);
  if (command.json) {
    const auto speed = measured_speed(config, plan, choices, arguments);
    print_json(plan_json(config, planned, choices, speed, command.out));
    return kSuccess;
  }
  print_settings(config, command.verbose);
  print_runs(plan);
  print("\n{}\n", grid_text(planned.whole));
  if (config.shard) print_part(*config.shard, plan);
  if (!command.out.empty()) print_progress(planned);
  print_engines(choices);
  std::fflush(stdout);  // the measurement takes a second
  const MeasuredSpeed speed = measured_speed(config, plan, choices, arguments);
  if (!planned.left.runs.empty() && speed.problem.empty())
    print_estimate(config, planned.left, choices, speed);
  std::fflush(stdout);  // before the warnings
  for (const auto& warning : all_warnings(planned, speed, command.out))
    complain("warning: " + warning);
  return kSuccess;
}

}  // namespace clipsweep
