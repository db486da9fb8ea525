// The ordered list of all runs, before anything runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "clipsweep/clipping/clip_rule.h"
#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/io/json.h"

namespace clipsweep {

// One run: its place in the grid and its ID.
struct RunSpec {
  std::string id;
  CellSetup setup;
  ClipRule clip;
  double learning_rate = 0;
  std::uint64_t seed = 0;
  Regularization regularization = {};
  bool perturbed = false;  // begins with the last bit of each initial weight flipped: noise floor
};

struct SweepPlan {
  TrainingSettings training;
  Json training_json;  // the settings that all runs share, with the data's checksum
  int log_every = 1;
  int checkpoint_every = 1000;
  int through_time_every = 100;  // 0: never
  std::vector<RunSpec> runs;
};

// Crosses the axes: cells, then clips, then learning rates, then regularization, then seeds vary
// fastest. Equal runs appear once. For the noise floor, the runs of mode none appear once more,
// perturbed, last. Throws ConfigError above 1,000,000 runs.
SweepPlan make_plan(const ExperimentConfig& config, const std::string& data_sha256);

// All that a run is but its clipping, the seed first. Runs are kin if that is equal: they begin
// alike, and have the same gradients until one of them is clipped.
using SharedPrefixKey =
    std::tuple<std::uint64_t, Cell, InitialKind, double, double, double, double, double, bool>;
SharedPrefixKey kinship(const RunSpec& run);

// As they stand there.
std::vector<const RunSpec*> pointers_to(const std::vector<RunSpec>& runs);

// What all runs of an arm share: `value-0.5_lr-0.01`, `rnn-relu-identity_none_lr-0.01`. What has
// its default is left out.
std::string arm_name(const RunSpec& run);

// `{"id": ..., "mode": ..., "threshold": ..., "learning_rate": ..., "seed": ...}`; `cell`, `init`,
// settings of the mode, regularization and `perturbed` where they are not their default.
Json to_json(const RunSpec& run);
// Adds the kinds of regularization that are not off.
void add_json(Json& json, const Regularization& regularization);
// Adds cell and initial weights where they are not the default.
void add_json(Json& json, const CellSetup& setup);
// All settings that decide the numbers of a run but for its place in the grid.
Json settings_of(const SweepPlan& plan, const RunSpec& run);
// The ID of a run with these settings, as `settings_of` or an earlier version wrote them: a key
// that is missing had its default. Nothing if there is a key of a later version, whose default
// nobody here knows.
std::optional<std::string> id_by_settings(const RunSpec& run, const Json& settings);
// All runs, in the order of the plan.
Json runs_json(const SweepPlan& plan);

// Throws DataError if it is not one. An ID that is no plain slug is refused, since it names a
// folder.
RunSpec run_spec_from_json(const Json& json);

// The run that the text names: an ID, its 8 hex digits, or the beginning of just one ID. Throws
// ConfigError that lists close ones.
const RunSpec& find_run(const std::vector<RunSpec>& runs, const std::string& text);

}  // namespace clipsweep
