#include "clipsweep/experiment/axes.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/list_syntax.h"

namespace clipsweep {
namespace {

std::size_t place_in_table(std::string_view key) {
  const auto& table = setting_table();
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const Setting& setting) { return setting.key == key; });
  return static_cast<std::size_t>(found - table.begin());
}

// The distinct values of a list, in its order; the other settings have no influence on them.
SettingAxis axis_of(const Setting& setting, const ExperimentConfig& config, std::string_view text) {
  ExperimentConfig scratch;
  const std::string example = to_line(setting.value(config));
  SettingAxis axis{setting.key, {}, {}};
  std::set<std::string> seen;
  for (auto& item : parse_texts(text, example)) {
    try {
      setting.assign(scratch, item);
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("\"{}\": {}", printable(item), error.what()));
    }
    Json value = setting.value(scratch);
    if (!seen.insert(value.dump()).second) continue;
    axis.values.push_back(std::move(value));
    axis.texts.push_back(std::move(item));
    if (axis.values.size() > kMaxRunsOfAxes)
      throw ConfigError(
          fmt::format("more than {} values; a sweep over training settings has at "
                      "most that many runs",
                      with_thousands(kMaxRunsOfAxes)));
  }
  return axis;
}

// In a sweep over schedules the decay is that of the runs with schedule step.
void drop_decay_of_others(const ExperimentConfig& config, OptimizerSettings& settings) {
  if (!find_axis(config, "learning_rate_schedule") ||
      settings.learning_rate_schedule == LearningRateSchedule::kStep)
    return;
  const OptimizerSettings defaults;
  settings.learning_rate_decay = defaults.learning_rate_decay;
  settings.learning_rate_decay_every = defaults.learning_rate_decay_every;
}

// Throws ConfigError if the axes have too many combinations.
void check_count(const ExperimentConfig& config) {
  double count = 1;
  for (const auto& axis : config.axes) count *= static_cast<double>(axis.values.size());
  if (count > static_cast<double>(kMaxRunsOfAxes))
    throw ConfigError(fmt::format(
        "the lists of training settings have {:.3g} combinations; a sweep over training settings "
        "has at most {} runs",
        count, with_thousands(kMaxRunsOfAxes)));
}

}  // namespace

Json settings_of_setup(Json settings, const VariedSettings& varied) {
  const bool schedules_vary = settings.value("learning_rate_schedule", Json()).is_array();
  for (const auto& setting : varied.values()) settings[setting.key] = setting.value;
  if (schedules_vary && settings["learning_rate_schedule"] != to_text(LearningRateSchedule::kStep))
    for (const char* key : {"learning_rate_decay", "learning_rate_decay_every"}) settings[key] = 1U;
  return settings;
}

Json value_in(const Json& settings, const std::string& key) {
  return settings.contains(key) ? settings[key] : find_setting(key)->value(ExperimentConfig());
}

std::string text_of_value(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return to_line(value);
  throw DataError("must be a number or a text");
}

void assign_setting(const Setting& setting, ExperimentConfig& config, std::string_view text) {
  remove_axis(config, setting.key);
  if (!setting.may_be_list || !is_list(text)) return setting.assign(config, text);
  SettingAxis axis = axis_of(setting, config, text);
  setting.assign(config, axis.texts.front());
  if (axis.values.size() > 1) add_axis(config, std::move(axis));
}

void add_axis(ExperimentConfig& config, SettingAxis axis) {
  const auto later = std::find_if(config.axes.begin(), config.axes.end(), [&](const auto& other) {
    return place_in_table(other.key) > place_in_table(axis.key);
  });
  config.axes.insert(later, std::move(axis));
}

void remove_axis(ExperimentConfig& config, std::string_view key) {
  const auto has_key = [&](const SettingAxis& axis) { return axis.key == key; };
  config.axes.erase(std::remove_if(config.axes.begin(), config.axes.end(), has_key),
                    config.axes.end());
}

std::vector<TrainingCombination> training_combinations(const ExperimentConfig& config) {
  check_count(config);
  std::size_t count = 1;
  for (const auto& axis : config.axes) count *= axis.values.size();
  ExperimentConfig combined = config;
  std::vector<TrainingCombination> combinations;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<VariedSetting> varied;
    std::size_t block = count;  // combinations that have the same values of the axes so far
    for (const auto& axis : config.axes) {
      block /= axis.values.size();
      const std::size_t v = i / block % axis.values.size();
      const Setting& setting = *find_setting(axis.key);
      setting.assign(combined, axis.texts[v]);
      varied.push_back({axis.key, setting.flag, axis.values[v]});
    }
    combinations.push_back({combined.training, VariedSettings(std::move(varied))});
    drop_decay_of_others(config, combinations.back().training.optimizer);
  }
  return combinations;
}

VariedSettings varied_settings_from_json(const Json& json) {
  std::vector<VariedSetting> varied;
  for (const auto& setting : setting_table()) {
    const auto found = setting.may_be_list ? json.find(setting.key) : json.end();
    if (found == json.end()) continue;
    try {
      ExperimentConfig scratch;
      setting.assign(scratch, text_of_value(*found));
      // As it is read from a file: whole numbers are unsigned there.
      varied.push_back({setting.key, setting.flag, Json::parse(to_line(setting.value(scratch)))});
    } catch (const Error& error) {
      throw DataError(fmt::format("\"{}\": {}", setting.key, error.what()));
    }
  }
  return VariedSettings(std::move(varied));
}

}  // namespace clipsweep
