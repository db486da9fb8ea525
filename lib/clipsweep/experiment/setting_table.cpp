#include "clipsweep/experiment/setting_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "clipsweep/base/error.h"
#include "clipsweep/base/parse_values.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/list_syntax.h"
#include "clipsweep/probing/probe_record.h"

namespace clipsweep {
namespace {

constexpr std::uint64_t kBillion = 1'000'000'000;

// ---- Parsers of single settings -----------------------------------------------------------------

LengthRange parse_length(std::string_view text) {
  constexpr std::uint64_t kMaxLength = 100'000;
  const auto dash = text.find('-');
  const auto shortest = parse_count(text.substr(0, dash));
  const auto longest =
      dash == std::string_view::npos ? shortest : parse_count(text.substr(dash + 1));
  if (!shortest || !longest || *shortest < 1 || *longest < *shortest || *longest > kMaxLength)
    throw ConfigError(
        fmt::format("must be a length such as 200, or a range such as 50-200, up to {}",
                    with_thousands(kMaxLength)));
  return {static_cast<int>(*shortest), static_cast<int>(*longest)};
}

// Thresholds for any mode: whether they suit the listed modes is checked when all modes are known.
// Zero may be a percentile.
std::vector<double> parse_thresholds(std::string_view text) {
  auto thresholds = parse_numbers(text);
  for (const double threshold : thresholds)
    if (threshold != 0) check_threshold(ClipMode::kValue, threshold);
  return thresholds;
}

std::vector<double> parse_output_thresholds(std::string_view text) {
  auto thresholds = parse_numbers(text);
  for (const double threshold : thresholds) check_threshold(ClipMode::kValue, threshold);
  return thresholds;
}

std::vector<double> parse_learning_rates(std::string_view text) {
  auto rates = parse_numbers(text);
  for (const double rate : rates) {
    const auto used = static_cast<float>(rate);  // as the update applies it
    if (!(used > 0 && std::isfinite(used)))
      throw ConfigError(fmt::format(
          "a learning rate must be a finite number above 0 (up to 3.4e38, float32), not {}",
          shortest(rate)));
  }
  return rates;
}

std::vector<std::uint64_t> parse_probe_steps(std::string_view text) {
  auto steps = parse_steps(text);
  if (steps.size() > kMaxProbes)
    throw ConfigError(
        fmt::format("lists {} probes; at most {} are possible", steps.size(), kMaxProbes));
  return steps;
}

std::vector<double> parse_strengths(std::string_view text) {
  auto strengths = parse_numbers(text);
  for (const double strength : strengths)
    if (!(strength >= 0 && std::isfinite(static_cast<float>(strength))))
      throw ConfigError("each must be a finite number from 0");
  return strengths;
}

// ---- The rows -----------------------------------------------------------------------------------

std::vector<OptionEntry<TrainingSettings>> training_options() {
  using Training = TrainingSettings;
  return {
      listed(choice("task", &Training::task, task_names(), "Task to learn")),
      listed(option("length", "N", &Training::length, parse_length,
                    "Length of generated sequences, or a range such as 50-200 from which each "
                    "batch draws one; of the pieces in which a text is read",
                    [](const Training& training) {
                      return training.length || task_entry(training.task).has_length()
                                 ? Json(to_text(lengths_of(training)))
                                 : Json(nullptr);
                    })),
      listed(option("target-scale", "X", &Training::target_scale, parse_positive_in_float32,
                    "Factor on the targets of adding and sine; large ones make gradients explode")),
      option("permute-seed", "N", &Training::permute_seed, parse_seed,
             "Shuffles the pixels of fashion-mnist-pixels, in every image the same way"),
      toggle("read-columns", &Training::read_columns,
             "Reads images column by column instead of row by row; EMNIST is stored transposed"),
      with_names(option(
                     "symbols", "NAME", &Training::symbols,
                     [](std::string_view text) {
                       return parse_name("kind of symbols", text, {"bytes", "utf8"}) == "utf8"
                                  ? SymbolKind::kUtf8
                                  : SymbolKind::kByte;
                     },
                     "What counts as one symbol of a text: bytes, utf8 (characters)",
                     [](const Training& training) {
                       return Json(training.symbols == SymbolKind::kUtf8 ? "utf8" : "bytes");
                     }),
                 {"bytes", "utf8"}),
      with_names(
          option(
              "carry-state", "NAME", &Training::carry_state,
              [](std::string_view text) {
                return parse_name("choice", text, {"yes", "no"}) == "yes";
              },
              "Whether each batch of a text begins with the states with which the batch "
              "before ended: yes, no (zeros)",
              [](const Training& training) { return Json(training.carry_state ? "yes" : "no"); }),
          {"yes", "no"}),
      with_names(option("scale", "NAME", &Training::scale, parse_scaling,
                        "How the inputs of sequences are scaled, each by the training set: " +
                            join(scaling_names())),
                 scaling_names()),
      option("test-share", "X", &Training::test_share, parse_fraction,
             "Share of the sequences held out as test set, if the data have none"),
      option("validation-share", "X", &Training::validation_share, parse_fraction,
             "Share of your training set held out to choose arms by; the test set then only "
             "judges the chosen ones"),
      option("split-seed", "N", &Training::split_seed, parse_seed,
             "Draws the samples of --test-share and --validation-share; the same for all runs"),
      toggle("allow-nonfinite", &Training::allow_nonfinite,
             "Accepts sequences with NaN or Inf among their inputs"),
      listed(whole("layers", &Training::layers, 1, 16, "Number of stacked recurrent layers")),
      listed(whole("hidden", &Training::hidden, 1, 4096, "Units per recurrent layer")),
      listed(option("forget-bias", "X", &Training::forget_bias, parse_finite_in_float32,
                    "Initial bias of the LSTM's forget gate; overrides --init")),
      listed(option("omega", "X", &Training::omega, parse_nonnegative_in_float32,
                    "Factor of Pascanu's regularizer Omega, which keeps the norm of the error on "
                    "its way back through time; for plain cells, 0 is off")),
      listed(whole("batch-size", &Training::batch_size, 1, 60'000, "Samples per step")),
      whole("epochs", &Training::epochs, 1, 1'000'000,
            "Epochs per run; the test set is evaluated after each"),
      whole("steps-per-epoch", &Training::steps_per_epoch, 1, kBillion, "Steps per epoch"),
      whole("shuffle-buffer", &Training::shuffle_buffer, 1, 10'000'000,
            "Samples in the shuffle buffer"),
      with_names(option("on-nonfinite", "NAME", &Training::on_nonfinite, parse_nonfinite_policy,
                        "What to do about a NaN or Inf: stop the run, skip the update, continue"),
                 nonfinite_policy_names()),
  };
}

std::vector<OptionEntry<OptimizerSettings>> optimizer_rows() {
  std::vector<OptionEntry<OptimizerSettings>> rows = {
      listed(with_names(option("optimizer", "NAME", &OptimizerSettings::optimizer, parse_optimizer,
                               "Optimizer: " + join(optimizer_names())),
                        optimizer_names()))};
  for (const auto& entry : optimizer_options()) rows.push_back(entry);
  return rows;
}

std::vector<std::string> mode_names() {
  std::vector<std::string> names;
  for (const auto& entry : clip_modes()) names.emplace_back(entry.name);
  return names;
}

// `none`, `value:0.5`: each mode with a usual threshold.
std::vector<std::string> clip_examples() {
  std::vector<std::string> examples;
  for (const auto& entry : clip_modes())
    examples.push_back(entry.takes_threshold()
                           ? fmt::format("{}:{}", entry.name, shortest(entry.example))
                           : entry.name);
  return examples;
}

std::vector<OptionEntry<ExperimentConfig>> grid_options() {
  using Config = ExperimentConfig;
  return {
      with_names(option("cell", "LIST", &Config::cells, parse_cells,
                        fmt::format("Recurrent cells: {}; each may name its initial weights, as in "
                                    "rnn-relu:identity",
                                    join(cell_names()))),
                 cell_names()),
      with_names(option("init", "NAME", &Config::init, parse_initial_scheme,
                        fmt::format("Initial weights: {}", initial_scheme_forms())),
                 initial_scheme_names()),
      with_names(option("mode", "LIST", &Config::modes, parse_modes,
                        fmt::format("Clipping modes, crossed with the thresholds: {}",
                                    join(mode_names()))),
                 mode_names()),
      option("threshold", "LIST", &Config::thresholds, parse_thresholds,
             "Thresholds for --mode; inf measures without clipping"),
      with_names(
          option("clip", "LIST", &Config::clips, parse_clips,
                 "mode:threshold pairs instead of --mode and --threshold, such as none,value:0.5"),
          clip_examples()),
      option("output-threshold", "LIST", &Config::output_thresholds, parse_output_thresholds,
             fmt::format("Separate thresholds for the output layer's tensors, for modes {}",
                         output_threshold_modes())),
      option({"lr", "learning_rate"}, "LIST", &Config::learning_rates, parse_learning_rates,
             "Learning rates, such as 0.01 or logspace(1e-3,1,4)"),
      option("weight-decay", "LIST", &Config::weight_decays, parse_strengths,
             "L2 penalties, added to the gradient after clipping"),
      option("decoupled-weight-decay", "LIST", &Config::decoupled_weight_decays, parse_strengths,
             "Decoupled weight decay (SGDW, AdamW): fraction of the weights removed per step at "
             "learning rate 1"),
      option("l1", "LIST", &Config::l1_penalties, parse_strengths,
             "L1 penalties, added to the gradient after clipping"),
      option("seeds", "LIST", &Config::seeds, parse_seeds,
             "Seeds: a count (10 is 0-9), a range 0-9 or a list 0,3,7"),
      toggle("noise-floor", &Config::noise_floor,
             "Repeats the runs of mode none with the last bit of each initial weight flipped: "
             "measures how much rounding alone changes the results"),
  };
}

std::vector<OptionEntry<ExperimentConfig>> execution_options() {
  using Config = ExperimentConfig;
  return {
      option(
          "data", "PATH", &Config::data_folder, parse_folder,
          "Folder with the four IDX files of a data set, plain or gzipped (FOLDER/emnist-letters: "
          "its files emnist-letters-*); of sequences: a file .npz, .ts or .tsv, or its folder; "
          "of text: a file, or a folder with files .txt, .md or .pod"),
      choice("engine", &Config::engine, {"auto", "reference", "fused"},
             "Engine that computes the gradients"),
      choice("device", &Config::device, {"cpu", "cuda"}, "Device that computes the gradients"),
      whole("workers", &Config::workers, 0, 1024, "Training threads; 0 is one per core"),
      whole("log-every", &Config::log_every, 1, kBillion,
            "Log every Nth step (steps with an event always)"),
      whole("checkpoint-every", &Config::checkpoint_every, 1, kBillion,
            "Checkpoint every run every N steps and after each epoch"),
      toggle("save-weights", &Config::save_weights,
             "Keeps each run's final weights as weights.npz, with PyTorch's names"),
      toggle("compress", &Config::compress,
             "Compresses the logs of finished runs (gzip, a fifth of the size)"),
      with_names(option("retry", "NAME", &Config::retry, parse_retry,
                        "Train runs with this outcome again from scratch: " + join(retry_names())),
                 retry_names()),
      whole("through-time-every", &Config::through_time_every, 0, kBillion,
            "Measure the gradient through time every Nth step and at events; 0 is off"),
      whole("smoothness-every", &Config::smoothness_every, 0, kBillion,
            "Measure the local smoothness and the sharpness every Nth step, a multiple of "
            "--log-every; 0 is off"),
      option("probe-at", "LIST", &Config::probe_at, parse_probe_steps,
             "Numbers of steps after which the weights are probed (0: the initial weights): the "
             "noise of the gradient, the bias of clipping, and whether clipping should help"),
      whole("probe-batches", &Config::probe_batches, kMinProbeBatches, kMaxProbeBatches,
            "Batches of a probe, drawn independently of training"),
      option("target-accuracy", "X", &Config::target_accuracy, parse_fraction,
             "Target test accuracy (0 to 1); runs are compared by the number of steps they need to "
             "reach it",
             [](const Config& config) {
               const double default_target = task_entry(config.training.task).target_accuracy;
               return json_number(config.target_accuracy.value_or(default_target));
             }),
      whole("max-runs", &Config::max_runs, 0, kBillion,
            "Stop after N runs with exit code 75; rerun the same command to continue. 0 only "
            "writes the plan to DIR"),
  };
}

std::vector<OptionEntry<ExperimentConfig>> process_options() {
  const auto parse = [](std::string_view text) { return parse_shard(text); };
  return {
      option(
          "shard", "I/N", &ExperimentConfig::shard, parse,
          "Train part I of N, such as 2/4, of the runs; other processes train the other parts in "
          "the same folder. slurm is the part of a task in a job array"),
  };
}

std::vector<Setting> make_table() {
  std::vector<Setting> table;
  const auto training = &ExperimentConfig::training;
  for (const auto& row : training_options())
    table.push_back({within(training, row), SettingGroup::kTraining});
  for (const auto& row : optimizer_rows())
    table.push_back(
        {within(training, within(&TrainingSettings::optimizer, row)), SettingGroup::kTraining});
  for (const auto& row : grid_options()) table.push_back({row, SettingGroup::kGrid});
  for (const auto& row : clip_options())
    table.push_back({within(&ExperimentConfig::clip_options, row), SettingGroup::kClipping});
  for (const auto& row : execution_options()) table.push_back({row, SettingGroup::kExecution});
  for (const auto& row : process_options()) table.push_back({row, SettingGroup::kProcess});
  return table;
}

}  // namespace

const std::vector<Setting>& setting_table() {
  static const std::vector<Setting> kTable = make_table();
  return kTable;
}

const Setting* find_setting(std::string_view name) {
  const std::string key = key_of_flag(name);
  for (const auto& setting : setting_table())
    if (setting.key == key || key_of_flag(setting.flag) == key) return &setting;
  return nullptr;
}

Json setting_json(const ExperimentConfig& config, const Setting& setting) {
  const SettingAxis* axis = find_axis(config, setting.key);
  if (axis && axis->values.size() > 1) return axis->values;
  const SettingAxis* tasks = find_axis(config, "task");
  if (!tasks || setting.group != SettingGroup::kTraining) return setting.value(config);
  // The default may depend on the task.
  Json values = Json::array();
  ExperimentConfig scratch = config;
  for (const auto& task : tasks->texts) {
    scratch.training.task = task;
    Json value = setting.value(scratch);
    if (std::find(values.begin(), values.end(), value) == values.end())
      values.push_back(std::move(value));
  }
  return values.size() == 1 ? values.front() : values;
}

Json settings_json(const ExperimentConfig& config, SettingGroup group) {
  Json settings = Json::object();
  for (const auto& setting : setting_table())
    if (setting.group == group) settings[setting.key] = setting_json(config, setting);
  return settings;
}

Json settings_json(const ExperimentConfig& config) {
  Json settings = Json::object();
  for (const auto& setting : setting_table())
    if (setting.group != SettingGroup::kProcess)
      settings[setting.key] = setting_json(config, setting);
  return settings;
}

Json origins_json(const ExperimentConfig& config) {
  Json origins = Json::object();
  for (const auto& [key, origin] : config.origins)
    if (find_setting(key)->group != SettingGroup::kProcess) origins[key] = origin;
  return origins;
}

}  // namespace clipsweep
