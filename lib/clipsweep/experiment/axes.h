// Training settings as axes: the user may give a LIST of values to some of them (`listed` in the
// table of settings). All lists are crossed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/io/json.h"
#include "clipsweep/model/setup.h"

namespace clipsweep {

// The most runs of a sweep whose axes include training settings.
inline constexpr std::size_t kMaxRunsOfAxes = 100'000;

// Assigns one value or, where the setting may be a list, several; equal values count once. Throws
// ConfigError that says what is allowed, without the place.
void assign_setting(const Setting& setting, ExperimentConfig& config, std::string_view text);

// Adds an axis, of one value or more, in the order of the table.
void add_axis(ExperimentConfig& config, SettingAxis axis);
// Removes the axis of a setting, if it has one.
void remove_axis(ExperimentConfig& config, std::string_view key);

// One combination of the values of all axes.
struct TrainingCombination {
  TrainingSettings training;
  VariedSettings varied;
};

// All combinations; the last axis varies fastest. One without varied settings if there are no axes.
// Where schedules vary, the decay of the learning rate is that of the combinations with step.
// Throws ConfigError if there are more than kMaxRunsOfAxes.
std::vector<TrainingCombination> training_combinations(const ExperimentConfig& config);

// The settings of one setup, from those in sweep.json, where a setting that varies is a list.
Json settings_of_setup(Json settings, const VariedSettings& varied);

// The value, or list of values, of a setting that may vary in settings as JSON. Versions that did
// not have the setting trained with what is its default today.
Json value_in(const Json& settings, const std::string& key);

// The text that a setting reads as this value, a number or a text.
std::string text_of_value(const Json& value);

// The settings of a run, log header or `sweep.json` entry that vary: the members of the JSON object
// that are axes of some sweep. Throws DataError if a value is not one of its setting.
VariedSettings varied_settings_from_json(const Json& json);

}  // namespace clipsweep
