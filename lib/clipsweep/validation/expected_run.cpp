#include "clipsweep/validation/expected_run.h"

#include <string>

#include "clipsweep/base/error.h"
#include "clipsweep/experiment/axes.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/records/record_members.h"

namespace clipsweep {
namespace {

// The learning rate was constant in earlier versions, and then had only a decay.
OptimizerSettings schedule_in(const Json& settings) {
  OptimizerSettings schedule;
  if (settings.contains("learning_rate_decay")) {
    schedule.learning_rate_decay = number_member(settings, "learning_rate_decay");
    schedule.learning_rate_decay_every =
        static_cast<int>(count_member(settings, "learning_rate_decay_every"));
  }
  if (settings.contains("learning_rate_schedule")) {
    try {
      schedule.learning_rate_schedule =
          parse_learning_rate_schedule(string_member(settings, "learning_rate_schedule"));
    } catch (const ConfigError& error) {
      throw DataError(error.what());
    }
    schedule.learning_rate_warmup = count_member(settings, "learning_rate_warmup");
  }
  return schedule;
}

// A generated task with a range, such as "50-200", draws a length for each batch.
bool has_one_length(const Json& settings) {
  return !settings.contains("length") || !settings["length"].is_string() ||
         settings["length"].get<std::string>().find('-') == std::string::npos;
}

std::optional<std::uint64_t> optional_count(const Json& settings, const char* key) {
  return settings.contains(key) ? std::optional(count_member(settings, key)) : std::nullopt;
}

// Nothing if the setting is missing, or too large for any model.
std::optional<int> size_of(const Json& settings, const char* key) {
  constexpr std::uint64_t kMax = 1'000'000;
  const auto size = optional_count(settings, key);
  return size && *size <= kMax ? std::optional(static_cast<int>(*size)) : std::nullopt;
}

// Sweeps of versions that had no other optimizer do not name it. Their logs have no norms of
// updates, for which this is asked.
bool has_plain_sgd(const Json& settings, const RunSpec& run) {
  return settings.value("optimizer", Json()) == to_text(Optimizer::kSgd) &&
         settings.value("momentum", Json()) == 0 && run.regularization == Regularization{};
}

// Versions without Omega do not name its factor.
bool has_omega(const Json& settings) {
  return settings.contains("omega") && number_member(settings, "omega") != 0;
}

std::vector<std::uint64_t> probe_steps_of(const Json& settings) {
  std::vector<std::uint64_t> steps;
  if (!settings.contains("probe_at")) return steps;
  for (const auto& step : list_member(settings, "probe_at")) {
    if (!step.is_number_unsigned()) throw DataError("\"probe_at\" must hold whole numbers from 0");
    steps.push_back(step.get<std::uint64_t>());
  }
  return steps;
}

NonfinitePolicy policy_of(const Json& settings) {
  const auto found = settings.find("on_nonfinite");
  for (const auto policy : {NonfinitePolicy::kSkip, NonfinitePolicy::kContinue})
    if (found != settings.end() && *found == to_text(policy)) return policy;
  return NonfinitePolicy::kStop;
}

}  // namespace

ExpectedRun expected_run(const SweepFolder& sweep, const RunSpec& run, const RunRecord* record) {
  const Json settings = settings_of_setup(sweep.sweep["settings"], run.setup.varied);
  return {run,
          count_member(sweep.sweep, "log_every"),
          count_member(settings, "epochs"),
          count_member(settings, "steps_per_epoch"),
          record,
          schedule_in(settings),
          optional_count(settings, "through_time_every"),
          optional_count(settings, "smoothness_every").value_or(0),
          has_one_length(settings),
          policy_of(settings),
          size_of(settings, "hidden"),
          size_of(settings, "layers").value_or(1),
          has_omega(settings),
          has_plain_sgd(settings, run),
          probe_steps_of(settings),
          optional_count(settings, "probe_batches").value_or(0)};
}

}  // namespace clipsweep
