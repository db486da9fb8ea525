// `clipsweep plan`: the runs, where each setting comes from, and what they will cost.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "clipsweep/base/error.h"
#include "clipsweep/base/simd.h"
#include "clipsweep/base/table.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/tasks/make_task.h"
#include "commands/inspection_commands.h"
#include "commands/measured_speed.h"
#include "machine.h"
#include "progress.h"

namespace clipsweep {
namespace {

constexpr std::size_t kMaxRunsShown = 20;

std::string value_text(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::vector<std::string> parts;
  for (const auto& part : value) parts.push_back(value_text(part));
  const std::string text = join(parts, ",");
  return text.size() <= 33 ? text
                           : fmt::format("{} ... ({} values)", text.substr(0, 17), parts.size());
}

std::string bytes_text(double bytes) {
  if (bytes < 1e6) return fmt::format("{:.0f} kB", bytes / 1e3);
  if (bytes < 1e9) return fmt::format("{:.0f} MB", bytes / 1e6);
  if (bytes < 1e12) return fmt::format("{:.1f} GB", bytes / 1e9);
  return fmt::format("{} TB", with_thousands(static_cast<std::uint64_t>(bytes / 1e12)));
}

void print_settings(const ExperimentConfig& config) {
  Table table({{"setting", Align::kLeft}, {"value", Align::kLeft}, {"from", Align::kLeft}});
  for (const auto& setting : setting_table()) {
    const std::string value = value_text(setting.value(config));
    for (const auto& [key, origin] : config.origins)
      if (key == setting.key) table.add_row({key, value, origin});
  }
  fmt::print("{}\n", table.text());
}

void print_runs(const SweepPlan& plan) {
  Table table({{"run", Align::kLeft}});
  for (std::size_t i = 0; i < std::min(plan.runs.size(), kMaxRunsShown); ++i)
    table.add_row({plan.runs[i].id});
  fmt::print("{}", table.text());
  if (plan.runs.size() > kMaxRunsShown)
    fmt::print("... and {} more; --json lists all\n",
               with_thousands(plan.runs.size() - kMaxRunsShown));
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
                     counted(plan.training.steps(), "step"));
}

// "12,345 run-steps/s per worker, 16 runs per cohort"
std::string speed_text(const SpeedMeasurement& measurement) {
  return fmt::format(
      "{} run-steps/s per worker, {} per cohort",
      rate_text(static_cast<double>(measurement.cohort) / measurement.seconds_per_step),
      counted(measurement.cohort, "run"));
}

// Whether the fused engine trains runs together that differ only in their clipping.
bool has_kin_together(const SweepPlan& plan, std::size_t workers, const EngineChoices& choices) {
  if (needs_reference(choices)) return false;
  const auto cohorts = make_cohorts(pointers_to(plan.runs), workers, cohort_sizes_for(choices));
  return std::any_of(cohorts.begin(), cohorts.end(), [](const auto& cohort) {
    const auto are_kin = [](const auto* a, const auto* b) { return kinship(*a) == kinship(*b); };
    return std::adjacent_find(cohort.begin(), cohort.end(), are_kin) != cohort.end();
  });
}

void print_estimate(const ExperimentConfig& config, const SweepPlan& plan,
                    const EngineChoices& choices, const MeasuredSpeed& speed) {
  const auto& measurements = speed.measurements;
  const CostEstimate cost = estimate_cost(plan, measurements);
  fmt::print("time  about {} on {} (measured here {})\n", duration_text(cost.seconds),
             counted(worker_count(config), "worker"), speed.measured);
  for (const auto& [cell, measurement] : measurements)
    fmt::print("      {}{}\n", measurements.size() > 1 ? fmt::format("{}: ", to_text(cell)) : "",
               speed_text(measurement));
  if (has_kin_together(plan, worker_count(config), choices))
    fmt::print("      less if clipping acts late: until then identical runs are computed once\n");
  const double steps = static_cast<double>(plan.runs.size()) *
                       std::max(1.0, static_cast<double>(plan.training.steps()) / plan.log_every);
  fmt::print("disk  about {} of logs ({:.0f} bytes per step)\n", bytes_text(cost.bytes),
             cost.bytes / steps);
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
    fmt::print("{}the {} engine{} ({})\n", prefix, to_text(choice.name), simd, choice.reason);
  }
}

// Engine and speed of each cell.
Json cells_json(const EngineChoices& choices, const SpeedMeasurements& measurements) {
  Json speed = to_json(measurements);
  Json cells = Json::object();
  for (const auto& [cell, choice] : choices)
    cells[to_text(cell)] = {{"engine", engine_json(choice)}, {"measurement", speed[to_text(cell)]}};
  return cells;
}

Json plan_json(const ExperimentConfig& config, const SweepPlan& plan, const EngineChoices& choices,
               const MeasuredSpeed& speed) {
  const CostEstimate cost = estimate_cost(plan, speed.measurements);
  return {{"schema", "clipsweep/plan-1"},
          {"settings", settings_json(config)},
          {"origins", origins_json(config)},
          {"cells", cells_json(choices, speed.measurements)},
          {"runs", runs_json(plan)},
          {"estimate",
           {{"seconds", json_number(cost.seconds)},
            {"bytes", json_number(cost.bytes)},
            {"measured", speed.measured}}}};
}

}  // namespace

int run_plan(const PlanCommand& command, const std::vector<std::string>& arguments) {
  const ExperimentConfig config = config_of(command.settings);
  const SweepPlan plan = make_plan(config, checksum_of_task_data(config).sha256);
  const EngineChoices choices = choose_engines(config);
  if (command.json) {
    const auto speed = measured_speed(config, plan, choices, arguments);
    fmt::print("{}\n", to_page(plan_json(config, plan, choices, speed)));
    return kSuccess;
  }
  print_settings(config);
  print_runs(plan);
  fmt::print("\n{}\n", grid_text(plan));
  print_engines(choices);
  std::fflush(stdout);  // the measurement takes a second
  print_estimate(config, plan, choices, measured_speed(config, plan, choices, arguments));
  return kSuccess;
}

}  // namespace clipsweep
