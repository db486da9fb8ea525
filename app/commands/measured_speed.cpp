#include "commands/measured_speed.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/simd.h"
#include "clipsweep/base/wall_clock.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/io/files.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/tasks/make_task.h"
#include "machine.h"
#include "sibling_process.h"
#include "version.h"

namespace clipsweep {
namespace {

// One file per program, machine and settings. Empty if there is no folder for caches.
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

// The machine may have been busy when an older one was measured.
bool is_fresh(const fs::path& path) {
  std::error_code error;
  const auto written = fs::last_write_time(path, error);
  return !error && fs::file_time_type::clock::now() - written < std::chrono::hours(1);
}

std::optional<MeasuredSpeed> read_cached(const fs::path& path) {
  if (!is_fresh(path)) return std::nullopt;
  try {
    const Json json = parse_json(read_file(path, 4096), path.string());
    return MeasuredSpeed{speed_measurements_from_json(member(json, "speed")),
                         string_member(json, "measured")};
  } catch (const DataError&) {
    return std::nullopt;  // missing or corrupt: it is measured again
  }
}

void write_cached(const fs::path& path, const MeasuredSpeed& speed) {
  if (path.empty()) return;
  const Json json = {{"measured", speed.measured}, {"speed", to_json(speed.measurements)}};
  try {
    make_folder(path.parent_path());
    write_file(path, to_page(json) + "\n");
  } catch (const StorageError&) {
    // Without the cache the next call is only slower.
  }
}

// `plan ARGUMENTS` as `measure ARGUMENTS`
std::vector<std::string> measure_arguments(std::vector<std::string> arguments) {
  arguments.front() = "measure";
  return arguments;
}

SpeedMeasurements measure(const ExperimentConfig& config, const SweepPlan& plan,
                          const EngineChoices& choices, const std::vector<std::string>& arguments) {
  if (!needs_reference(choices))
    return measure_speed(plan, SweepTasks(config).tasks(), worker_count(config), make_fused_engine,
                         cohort_sizes_for(choices));
  const std::string output = output_of_training_process(measure_arguments(arguments));
  return speed_measurements_from_json(parse_json(output, "measurement"));
}

}  // namespace

MeasuredSpeed measured_speed(const ExperimentConfig& config, const SweepPlan& plan,
                             const EngineChoices& choices,
                             const std::vector<std::string>& arguments) {
  const fs::path path = cache_path(config);
  if (auto cached = read_cached(path)) return *cached;
  if (needs_reference(choices))
    if (std::string problem = sibling_problem("clipsweep-train"); !problem.empty())
      return {{}, "", std::move(problem)};
  const MeasuredSpeed speed{measure(config, plan, choices, arguments), utc_now()};
  write_cached(path, speed);
  return speed;
}

}  // namespace clipsweep
