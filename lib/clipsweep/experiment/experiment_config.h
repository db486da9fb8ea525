// Every setting of an experiment with its default, and where its value came from. Plain data:
// setting_table.h names, reads and checks the settings, config_resolution.h combines file and
// flags.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clipsweep/clipping/clip_rule.h"
#include "clipsweep/data/scaling.h"
#include "clipsweep/experiment/optimizer_settings.h"
#include "clipsweep/experiment/shard.h"
#include "clipsweep/experiment/task_table.h"
#include "clipsweep/io/json.h"
#include "clipsweep/model/initial_scheme.h"

namespace clipsweep {

// What counts as one symbol of a text.
enum class SymbolKind { kByte, kUtf8 };

// What to do with a run whose loss, gradient, update or weights are not finite.
enum class NonfinitePolicy { kStop, kSkip, kContinue };

// `stop`, `skip`, `continue`
const char* to_text(NonfinitePolicy policy);
std::vector<std::string> nonfinite_policy_names();
// Throws ConfigError that suggests a name and lists all.
NonfinitePolicy parse_nonfinite_policy(std::string_view name);

// The outcome of runs that are to be trained again from scratch.
enum class Retry { kFailed, kInterrupted, kDiverged, kAll };

// `failed`, `interrupted`, `diverged`, `all`
const char* to_text(Retry retry);
std::vector<std::string> retry_names();
// Throws ConfigError that suggests a name and lists all.
Retry parse_retry(std::string_view name);

// The settings that all runs of a sweep share and that determine their numbers.
struct TrainingSettings {
  std::string task = "fashion-mnist";
  std::optional<LengthRange> length;          // of generated sequences; by default the task's
  double target_scale = 1;                    // factor on numeric targets
  std::optional<std::uint64_t> permute_seed;  // shuffles the pixels, in every image the same way
  bool read_columns = false;                  // reads images by columns instead of by rows
  SymbolKind symbols = SymbolKind::kByte;     // of a text
  bool carry_state = true;                    // from batch to batch, of a text
  Scaling scale = Scaling::kNone;             // of the inputs of the user's sequences
  std::optional<double> test_share;           // of the user's sequences, if they have no test set
  std::optional<double> validation_share;     // of the training set, held out to choose arms by
  std::uint64_t split_seed = 0;               // draws which, of both
  bool allow_nonfinite = false;               // NaN and Inf in the user's inputs
  int layers = 1;
  int hidden = 10;
  std::optional<double> forget_bias;  // of an LSTM; by default its initial scheme's
  int batch_size = 32;
  double omega = 0;  // factor of the regularizer Omega (engine/omega.h)
  int epochs = 10;
  int steps_per_epoch = 500;
  int shuffle_buffer = 5000;
  OptimizerSettings optimizer;
  NonfinitePolicy on_nonfinite = NonfinitePolicy::kStop;

  std::uint64_t steps() const {
    return static_cast<std::uint64_t>(epochs) * static_cast<std::uint64_t>(steps_per_epoch);
  }
  RunLength run_length() const { return {static_cast<std::uint64_t>(steps_per_epoch), steps()}; }
};

// The lengths of a generated task's sequences.
LengthRange lengths_of(const TrainingSettings& training);

// A training setting that varies: its values without duplicates. A single value is an axis, too, if
// the setting varies in the sweep that the folder of results holds.
struct SettingAxis {
  std::string key;                 // in JSON
  std::vector<std::string> texts;  // as the user wrote them
  std::vector<Json> values;        // as in sweep.json
};

struct ExperimentConfig {
  TrainingSettings training;      // of settings that vary, the first value
  std::vector<SettingAxis> axes;  // the settings that vary, in the order of the table

  // The other axes of the grid: cells; modes x thresholds and explicit pairs, x thresholds of the
  // output layer; then learning rates, regularization and seeds.
  std::vector<CellChoice> cells = {{Cell::kLstm}};
  InitialScheme init;  // of cells without their own
  std::vector<ClipMode> modes;
  std::vector<double> thresholds;
  std::vector<ClipRule> clips;
  std::vector<double> output_thresholds;  // empty: the output layer has no separate threshold
  ClipOptions clip_options;               // each for the modes that use it
  std::vector<double> learning_rates = {0.01};
  std::vector<double> weight_decays = {0};
  std::vector<double> decoupled_weight_decays = {0};
  std::vector<double> l1_penalties = {0};
  std::vector<std::uint64_t> seeds = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  bool noise_floor = false;  // repeats each arm of mode none with perturbed initial weights

  // Test accuracy; runs are compared by the steps they need to reach it. By default the task's.
  std::optional<double> target_accuracy;

  std::string data_folder = "/usr/share/datasets/fashion-mnist";
  std::string engine = "auto";
  std::string device = "cpu";
  int workers = 0;  // 0: one per core
  int log_every = 1;
  int checkpoint_every = 1000;
  bool save_weights = false;  // of each run at its end
  bool compress = false;      // the logs of finished runs
  std::optional<Retry> retry;
  int through_time_every = 100;         // 0: the gradient through time is not measured
  int smoothness_every = 0;             // 0: local smoothness and sharpness are not measured
  std::vector<std::uint64_t> probe_at;  // steps after which the weights are probed, ascending
  int probe_batches = 100;
  std::optional<std::uint64_t> max_runs;
  std::optional<Shard> shard;  // nullopt: all runs

  // JSON key of each setting and where its value came from: `default`, `flag --lr`, `sweep.toml:3`.
  std::vector<std::pair<std::string, std::string>> origins;
};

// Whether the user gave a value for the setting with this JSON key.
bool is_given(const ExperimentConfig& config, std::string_view key);
// The axis of the setting with this JSON key; nullptr if it does not vary.
const SettingAxis* find_axis(const ExperimentConfig& config, std::string_view key);
// Where the value was given: `--norm-type`, `sweep.toml:3`; `default` if it was not.
std::string where_given(const ExperimentConfig& config, std::string_view key);

// The clipping rules of all arms in the order they were named, without duplicates. Throws
// ConfigError if a mode lacks a threshold, a threshold is not valid for its mode, or no mode takes
// a threshold that was given.
std::vector<ClipRule> clip_rules(const ExperimentConfig& config);

// Each cell with its initial weights, in the order they were named, without duplicates.
std::vector<CellSetup> cell_setups(const ExperimentConfig& config);

// All combinations, L1 varying fastest.
std::vector<Regularization> regularizations(const ExperimentConfig& config);

}  // namespace clipsweep
