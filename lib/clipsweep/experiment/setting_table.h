// The one table of settings: it produces the flags, the keys of the sweep file, the checks, the
// help, `sweep.json` and the settings' part of a run's ID.
#pragma once

#include <string_view>
#include <vector>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/io/json.h"
#include "clipsweep/io/option_table.h"

namespace clipsweep {

enum class SettingGroup {
  kTraining,   // shared by all runs, determines their numbers, part of a run's ID
  kGrid,       // an axis of the sweep
  kClipping,   // for the modes that use it, part of the IDs of their runs
  kExecution,  // how the sweep is run and read; changes no number of a run
  kProcess,    // which runs this process trains; sweep.json, which all processes share, lacks it
};

struct Setting : OptionEntry<ExperimentConfig> {
  SettingGroup group;
};

const std::vector<Setting>& setting_table();

// Finds a setting by flag or key, `-` and `_` being equal; nullptr if there is none.
const Setting* find_setting(std::string_view name);

// The value of a setting; of one that varies, the list of its values.
Json setting_json(const ExperimentConfig& config, const Setting& setting);

// `{"task": ..., "hidden": ...}`: the settings of one group.
Json settings_json(const ExperimentConfig& config, SettingGroup group);
// The settings of the sweep: all groups but kProcess, in the order of the table.
Json settings_json(const ExperimentConfig& config);

// `{"task": "default", "learning_rate": "flag --lr", ...}` of the same settings
Json origins_json(const ExperimentConfig& config);

}  // namespace clipsweep
