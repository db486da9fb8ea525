// The one table of settings: from it come the flags, the keys of the sweep file, the checks, the
// help texts, `sweep.json` and the part of a run's ID that its settings decide.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/io/json.h"

namespace clipsweep {

enum class SettingGroup {
  kTraining,   // shared by all runs, decides their numbers, part of a run's ID
  kGrid,       // an axis of the sweep
  kClipping,   // for the modes that know it, part of the IDs of their runs
  kExecution,  // how the sweep is carried out and read; changes no number of a run
};

struct Setting {
  std::string flag;        // without the dashes; in the sweep file with `_` for `-`
  std::string key;         // in JSON and TOML
  std::string value_name;  // empty: the flag takes no value and means `true`
  std::string help;
  SettingGroup group;
  // Reads and checks. Throws ConfigError that says what is allowed, without the place.
  std::function<void(ExperimentConfig&, std::string_view)> assign;
  std::function<Json(const ExperimentConfig&)> value;
};

const std::vector<Setting>& setting_table();

// By flag or key, `-` and `_` alike; nullptr if there is none.
const Setting* find_setting(std::string_view name);

// `{"task": ..., "hidden": ...}`: the settings of one group.
Json settings_json(const ExperimentConfig& config, SettingGroup group);
// All groups in the order of the table.
Json settings_json(const ExperimentConfig& config);

// `{"task": "default", "learning_rate": "flag --lr", ...}`
Json origins_json(const ExperimentConfig& config);

const char* to_text(NonfinitePolicy policy);

}  // namespace clipsweep
