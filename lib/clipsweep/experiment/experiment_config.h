// Every setting of an experiment with its default, and where its value came from. Plain data: how
// the settings are named, read and checked stands in setting_table.h, and how file and flags come
// together in config_resolution.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clipsweep/clipping/clip_rule.h"
#include "clipsweep/experiment/optimizer_settings.h"
#include "clipsweep/experiment/task_table.h"
#include "clipsweep/model/initial_scheme.h"

namespace clipsweep {

// What becomes of a run whose loss, gradient, update or weights are not finite.
enum class NonfinitePolicy { kStop, kSkip, kContinue };

// Runs of which outcome are trained again from their beginning.
enum class Retry { kFailed, kInterrupted, kDiverged, kAll };

// What all runs of a sweep share and what decides their numbers.
struct TrainingSettings {
  std::string task = "fashion-mnist";
  std::optional<LengthRange> length;          // of a generated task's sequences, or its default
  double target_scale = 1;                    // the numbers to be learnt are multiplied by this
  std::optional<std::uint64_t> permute_seed;  // shuffles the pixels of every picture alike
  int layers = 1;
  int hidden = 10;
  std::optional<double> forget_bias;  // of an lstm; else its scheme's
  int batch_size = 32;
  int epochs = 10;
  int steps_per_epoch = 500;
  int shuffle_buffer = 5000;
  OptimizerSettings optimizer;
  NonfinitePolicy on_nonfinite = NonfinitePolicy::kStop;

  std::uint64_t steps() const {
    return static_cast<std::uint64_t>(epochs) * static_cast<std::uint64_t>(steps_per_epoch);
  }
};

// The lengths of a generated task's sequences.
LengthRange lengths_of(const TrainingSettings& training);

// Other remedies, to compare with clipping; 0 is off.
struct Regularization {
  double weight_decay = 0;            // L2: times the weights, added to the clipped gradient
  double decoupled_weight_decay = 0;  // times the learning rate: the share taken off the weights
  double l1 = 0;                      // times the weights' signs, added to the clipped gradient
};

bool operator==(const Regularization& a, const Regularization& b);

struct ExperimentConfig {
  TrainingSettings training;

  // The grid: cells; modes x thresholds, and pairs beside them, x thresholds of the output layer;
  // then learning rates, regularization and seeds.
  std::vector<CellChoice> cells = {{Cell::kLstm}};
  InitialScheme init;  // of the cells that name none
  std::vector<ClipMode> modes;
  std::vector<double> thresholds;
  std::vector<ClipRule> clips;
  std::vector<double> output_thresholds;  // empty: the output layer is clipped as all others
  ClipOptions clip_options;               // each for the modes that know it
  std::vector<double> learning_rates = {0.01};
  std::vector<double> weight_decays = {0};
  std::vector<double> decoupled_weight_decays = {0};
  std::vector<double> l1_penalties = {0};
  std::vector<std::uint64_t> seeds = {0};
  bool noise_floor = false;  // repeats each arm of mode none with perturbed initial weights

  // Of the test set: how many steps a run took to it is compared. By default the task's.
  std::optional<double> target_accuracy;

  std::string data_folder = "/usr/share/datasets/fashion-mnist";
  std::string engine = "auto";
  std::string device = "cpu";
  int workers = 0;  // 0: one per core
  int log_every = 1;
  int checkpoint_every = 1000;
  std::optional<Retry> retry;
  int through_time_every = 100;  // 0: the gradient through time is not measured
  std::optional<std::uint64_t> max_runs;

  // JSON key of each setting and where its value came from: `default`, `flag --lr`, `sweep.toml:3`.
  std::vector<std::pair<std::string, std::string>> origins;
};

// Whether a setting, by its key in JSON, has a value of the user's.
bool is_given(const ExperimentConfig& config, std::string_view key);
// Where that was: `--norm-type`, `sweep.toml:3`; `default` otherwise.
std::string where_given(const ExperimentConfig& config, std::string_view key);

// The rules of all arms in the order they were named, equal ones once. Throws ConfigError where a
// mode lacks a threshold, a threshold is none for its mode, or one has no mode that takes it.
std::vector<ClipRule> clip_rules(const ExperimentConfig& config);

// Each cell with its initial weights, in the order they were named, equal ones once.
std::vector<CellSetup> cell_setups(const ExperimentConfig& config);

// All combinations, L1 varying fastest.
std::vector<Regularization> regularizations(const ExperimentConfig& config);

}  // namespace clipsweep
