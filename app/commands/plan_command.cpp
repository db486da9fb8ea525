#include "commands/plan_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>

#include "clipsweep/base/error.h"
#include "clipsweep/base/simd.h"
#include "clipsweep/base/table.h"
#include "clipsweep/base/text.h"
#include "clipsweep/base/wall_clock.h"
#include "clipsweep/engine/engine_choice.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/files.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/tasks/make_task.h"
#include "clipsweep/training/speed_estimate.h"
#include "machine.h"
#include "progress.h"
#include "sibling_process.h"
#include "version.h"

namespace clipsweep {
namespace {

constexpr std::size_t kMaxRunsShown = 20;

// A measurement and the time it was made.
struct DatedMeasurement {
  SpeedMeasurements measurements;
  std::string measured;
};

// Where the measurement for a plan of this shape is kept, so that the next look is instant. Empty
// if the machine has no place for caches.
fs::path cache_path(const ExperimentConfig& config) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if (!(cache && *cache) && !(home && *home)) return {};
  const fs::path folder = cache && *cache ? fs::path(cache) : fs::path(home) / ".cache";
  const std::string shape =
      fmt::format("{} {} {} {} {} {}", kVersion, kGitRevision, cpu_model(), simd_name(),
                  worker_count(config), settings_json(config).dump());
  return folder / "clipsweep" / fmt::format("speed-{}.json", sha256_of(shape).substr(0, 16));
}

// Older ones may tell of a machine that was busy then.
bool is_fresh(const fs::path& path) {
  std::error_code error;
  const auto written = fs::last_write_time(path, error);
  return !error && fs::file_time_type::clock::now() - written < std::chrono::hours(1);
}

std::optional<DatedMeasurement> read_cached(const fs::path& path) {
  if (!is_fresh(path)) return std::nullopt;
  try {
    const Json json = parse_json(read_file(path, 4096), path.string());
    return DatedMeasurement{speed_measurements_from_json(member(json, "speed")),
                            string_member(json, "measured")};
  } catch (const DataError&) {
    return std::nullopt;  // missing or damaged: it is measured again
  }
}

void write_cached(const fs::path& path, const DatedMeasurement& dated) {
  if (path.empty()) return;
  const Json json = {{"measured", dated.measured}, {"speed", to_json(dated.measurements)}};
  try {
    make_folder(path.parent_path());
    write_file(path, to_page(json) + "\n");
  } catch (const StorageError&) {
    // Only the next look gets slower.
  }
}

std::vector<std::string> measure_arguments(int argc, const char* const* argv) {
  std::vector<std::string> arguments = {"measure"};
  for (int i = 2; i < argc; ++i)
    if (std::string(argv[i]) != "--json") arguments.emplace_back(argv[i]);
  return arguments;
}

SpeedMeasurements measure(const ExperimentConfig& config, const SweepPlan& plan,
                          const EngineChoices& choices, int argc, const char* const* argv) {
  if (!needs_reference(choices))
    return measure_speed(plan, *make_task(config), worker_count(config), make_fused_engine,
                         cohort_sizes_for(choices));
  const std::string output = output_of_training_process(measure_arguments(argc, argv));
  return speed_measurements_from_json(parse_json(output, "measurement"));
}

DatedMeasurement measurement_for(const ExperimentConfig& config, const SweepPlan& plan,
                                 const EngineChoices& choices, int argc, const char* const* argv) {
  const fs::path path = cache_path(config);
  if (auto cached = read_cached(path)) return *cached;
  const DatedMeasurement dated{measure(config, plan, choices, argc, argv), utc_now()};
  write_cached(path, dated);
  return dated;
}

std::string value_text(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::vector<std::string> parts;
  for (const auto& part : value) parts.push_back(value_text(part));
  const std::string text = join(parts, ",");
  return text.size() <= 40 ? text
                           : fmt::format("{} ... ({} values)", text.substr(0, 24), parts.size());
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

// "12,345 run-steps/s a worker, 16 a cohort"
std::string speed_text(const SpeedMeasurement& measurement) {
  return fmt::format(
      "{} run-steps/s a worker, {} a cohort",
      rate_text(static_cast<double>(measurement.cohort) / measurement.seconds_per_step),
      counted(measurement.cohort, "run"));
}

// Whether runs that differ in their clipping alone are trained together, by the fused engine.
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

void print_estimate(const ExperimentConfig& config, const SweepPlan& plan,
                    const EngineChoices& choices, const DatedMeasurement& dated) {
  const auto& measurements = dated.measurements;
  const CostEstimate cost = estimate_cost(plan, measurements);
  fmt::print("time  about {} on {} (measured here {})\n", duration_text(cost.seconds),
             counted(worker_count(config), "worker"), dated.measured);
  for (const auto& [cell, measurement] : measurements)
    fmt::print("      {}{}\n", measurements.size() > 1 ? fmt::format("{}: ", to_text(cell)) : "",
               speed_text(measurement));
  if (has_kin_together(plan, worker_count(config), choices))
    fmt::print("      less while clipping has not acted: equal runs are computed once\n");
  const double steps = static_cast<double>(plan.runs.size()) *
                       std::max(1.0, static_cast<double>(plan.training.steps()) / plan.log_every);
  fmt::print("disk  about {} of logs ({:.0f} bytes a step)\n", bytes_text(cost.bytes),
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

// What plan says of each cell.
Json cells_json(const EngineChoices& choices, const SpeedMeasurements& measurements) {
  Json speed = to_json(measurements);
  Json cells = Json::object();
  for (const auto& [cell, choice] : choices)
    cells[to_text(cell)] = {{"engine", engine_json(choice)}, {"measurement", speed[to_text(cell)]}};
  return cells;
}

Json plan_json(const ExperimentConfig& config, const SweepPlan& plan, const EngineChoices& choices,
               const DatedMeasurement& dated) {
  const CostEstimate cost = estimate_cost(plan, dated.measurements);
  return {{"schema", "clipsweep/plan-1"},
          {"settings", settings_json(config)},
          {"origins", origins_json(config)},
          {"cells", cells_json(choices, dated.measurements)},
          {"runs", runs_json(plan)},
          {"estimate",
           {{"seconds", json_number(cost.seconds)},
            {"bytes", json_number(cost.bytes)},
            {"measured", dated.measured}}}};
}

}  // namespace

int run_plan(const CommandLine& line, int argc, const char* const* argv) {
  const ExperimentConfig config = config_of(line);
  const SweepPlan plan = make_plan(config, checksum_of_task_data(config).sha256);
  const EngineChoices choices = choose_engines(config);
  if (line.json) {
    const auto dated = measurement_for(config, plan, choices, argc, argv);
    fmt::print("{}\n", to_page(plan_json(config, plan, choices, dated)));
    return kSuccess;
  }
  print_settings(config);
  print_runs(plan);
  fmt::print("\n{}\n", grid_text(plan));
  print_engines(choices);
  std::fflush(stdout);  // the measurement takes a second
  print_estimate(config, plan, choices, measurement_for(config, plan, choices, argc, argv));
  return kSuccess;
}

}  // namespace clipsweep
