// The ordered list of all runs of a sweep, made before training starts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "clipsweep/clipping/clip_rule.h"
#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/io/json.h"
#include "clipsweep/model/setup.h"

namespace clipsweep {

// One run: its place in the grid and its ID.
struct RunSpec {
  std::string id;
  Setup setup;
  ClipRule clip;
  double learning_rate = 0;
  std::uint64_t seed = 0;
  Regularization regularization = {};
  bool perturbed = false;  // noise floor: the last bit of each initial weight is flipped
};

// How all runs are logged and saved.
struct LoggingPlan {
  int log_every = 1;
  int checkpoint_every = 1000;
  bool save_weights = false;
  bool compress = false;                // the logs of finished runs
  int through_time_every = 100;         // 0: never
  int smoothness_every = 0;             // 0: never
  std::vector<std::uint64_t> probe_at;  // steps after which the weights are probed, ascending
  int probe_batches = 100;
  std::vector<ClipRule> probed_rules;  // that probes test; the same for all runs
};

// The training settings of one setup, and the same as JSON with the data's checksum.
struct SetupTraining {
  TrainingSettings training;
  Json training_json;
};

// What a run's training needs to know of the plan.
struct TrainingPlan : LoggingPlan, SetupTraining {};

struct SweepPlan : LoggingPlan {
  std::map<std::string, SetupTraining> trainings;  // by VariedSettings::slug
  std::vector<RunSpec> runs;
};

// Throws std::logic_error if the plan lacks the run's setup.
const SetupTraining& training_of(const SweepPlan& plan, const Setup& setup);
TrainingPlan training_plan(const SweepPlan& plan, const Setup& setup);
// That of a plan in which no training setting varies.
TrainingPlan training_plan(const SweepPlan& plan);

// The SHA-256 of the data of each task.
using DataHashes = std::map<std::string, std::string>;

// Crosses the axes in the order training settings, cells, clips, learning rates, regularization,
// seeds; seeds vary fastest. Equal runs appear once. For the noise floor, the runs of mode none
// appear a second time, perturbed, at the end. Throws ConfigError above 1,000,000 runs, or
// kMaxRunsOfAxes if training settings vary.
SweepPlan make_plan(const ExperimentConfig& config, const DataHashes& data_sha256);
// The same if all tasks have this data.
SweepPlan make_plan(const ExperimentConfig& config, const std::string& data_sha256);

// How long a step of a run takes, relative to that of other runs of its sweep: an estimate by the
// settings that vary.
double relative_cost(const Setup& setup);

// Everything that identifies a run except its clipping, the seed first. Runs with equal keys start
// identically and have equal gradients until one of them is clipped.
using SharedPrefixKey = std::tuple<std::uint64_t, Cell, InitialKind, double, double, double, double,
                                   double, bool, std::string>;
SharedPrefixKey shared_prefix_key(const RunSpec& run);

// Pointers to the elements, in order.
std::vector<const RunSpec*> pointers_to(const std::vector<RunSpec>& runs);

// The part of the ID that all runs of an arm share, without what has its default:
// `value-0.5_lr-0.01`, `rnn-relu-identity_none_lr-0.01`, `length-20_none_lr-0.01`.
std::string arm_name(const RunSpec& run);

// `{"id": ..., "mode": ..., "threshold": ..., "learning_rate": ..., "seed": ...}`, the training
// settings that vary, and `cell`, `init`, the mode's options, regularization and `perturbed` if
// they are not at their default.
Json to_json(const RunSpec& run);
// Adds the kinds of regularization that are not 0.
void add_json(Json& json, const Regularization& regularization);
// All settings that determine a run's numbers, except its place in the grid.
Json settings_of(const SetupTraining& training, const RunSpec& run);
Json settings_of(const SweepPlan& plan, const RunSpec& run);
// The ID of a run with these settings, as written by `settings_of` or an earlier version; a missing
// key has its default. nullopt if a key is unknown (written by a newer version).
std::optional<std::string> id_by_settings(const RunSpec& run, const Json& settings);
// The ID of a run with all settings of its setup that vary. The run may have a shorter one, from
// before some of them varied.
std::string full_id(const RunSpec& run);
// All runs, in the order of the plan.
Json runs_json(const SweepPlan& plan);

// Throws DataError if the JSON is not a run. The ID names a folder, so it must be a plain slug.
RunSpec run_spec_from_json(const Json& json);

// Finds a run by its ID, the ID's 8 hex digits, or an unambiguous beginning of the ID. Throws
// ConfigError that suggests one.
const RunSpec& find_run(const std::vector<RunSpec>& runs, const std::string& text);

}  // namespace clipsweep
