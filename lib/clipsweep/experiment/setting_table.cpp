#include "clipsweep/experiment/setting_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "clipsweep/base/error.h"
#include "clipsweep/base/name_table.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/list_syntax.h"

namespace clipsweep {
namespace {

constexpr NameTable<NonfinitePolicy, 3> kNonfinitePolicies = {
    {{NonfinitePolicy::kStop, "stop"},
     {NonfinitePolicy::kSkip, "skip"},
     {NonfinitePolicy::kContinue, "continue"}}};

constexpr NameTable<Retry, 4> kRetries = {{{Retry::kFailed, "failed"},
                                           {Retry::kInterrupted, "interrupted"},
                                           {Retry::kDiverged, "diverged"},
                                           {Retry::kAll, "all"}}};

[[noreturn]] void throw_unknown(std::string_view text, const std::vector<std::string>& names) {
  throw ConfigError(fmt::format("unknown name \"{}\"{}; allowed: {}", printable(text),
                                did_you_mean(text, names), join(names)));
}

template <typename Choice, std::size_t N>
Choice choose(std::string_view text, const NameTable<Choice, N>& table) {
  if (const auto choice = choice_in(table, text)) return *choice;
  throw_unknown(text, names_in(table));
}

std::string choose_name(std::string_view text, const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), text) == names.end()) throw_unknown(text, names);
  return std::string(text);
}

int parse_whole(std::string_view text, int least, int most) {
  const auto value = parse_count(text);
  if (!value || *value < static_cast<std::uint64_t>(least) ||
      *value > static_cast<std::uint64_t>(most))
    throw ConfigError(fmt::format("must be a whole number from {} to {}", with_thousands(least),
                                  with_thousands(most)));
  return static_cast<int>(*value);
}

double parse_share(std::string_view text) {
  const auto value = parse_number(text);
  if (!value || !(*value > 0 && *value <= 1))
    throw ConfigError("must be a share above 0 and up to 1, such as 0.6");
  return *value;
}

LengthRange parse_length(std::string_view text) {
  constexpr std::uint64_t kLongest = 100'000;
  const auto dash = text.find('-');
  const auto shortest = parse_count(text.substr(0, dash));
  const auto longest =
      dash == std::string_view::npos ? shortest : parse_count(text.substr(dash + 1));
  if (!shortest || !longest || *shortest < 1 || *longest < *shortest || *longest > kLongest)
    throw ConfigError(
        fmt::format("must be a length such as 200, or a range such as 50-200, up to {}",
                    with_thousands(kLongest)));
  return {static_cast<int>(*shortest), static_cast<int>(*longest)};
}

double parse_scale(std::string_view text) {
  const auto value = parse_number(text);
  if (!value || !(static_cast<float>(*value) > 0) || !std::isfinite(static_cast<float>(*value)))
    throw ConfigError("must be a finite number above 0");
  return *value;
}

double parse_bias(std::string_view text) {
  const auto value = parse_number(text);
  if (!value || !std::isfinite(static_cast<float>(*value)))
    throw ConfigError("must be a finite number, such as 1");
  return *value;
}

std::uint64_t parse_seed(std::string_view text) {
  if (const auto seed = parse_count(text)) return *seed;
  throw ConfigError("must be a whole number from 0");
}

bool parse_switch(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  throw ConfigError("must be true or false");
}

std::vector<double> parse_strengths(std::string_view text) {
  const auto strengths = parse_numbers(text);
  for (const double strength : strengths)
    if (!(strength >= 0 && std::isfinite(static_cast<float>(strength))))
      throw ConfigError("each must be a finite number from 0");
  return strengths;
}

// For any mode; whether it suits those listed is known when all are. Zero may be a percentile.
void check_any_threshold(double threshold) {
  if (threshold != 0) check_threshold(ClipMode::kValue, threshold);
}

void check_learning_rate(double rate) {
  const auto used = static_cast<float>(rate);  // as the update applies it
  if (used > 0 && std::isfinite(used)) return;
  throw ConfigError(
      fmt::format("a learning rate must be a finite number above 0 (up to 3.4e38, float32), not {}",
                  shortest(rate)));
}

std::string as_key(std::string_view name) {
  std::string key(name);
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

template <typename Number>
Json array_of(const std::vector<Number>& values) {
  Json array = Json::array();
  for (const auto& value : values) array.push_back(json_number(static_cast<double>(value)));
  return array;
}

template <typename Field>
Setting text_choice(const char* flag, const char* help, SettingGroup group, Field field,
                    std::vector<std::string> names) {
  return {flag,
          flag,
          "NAME",
          fmt::format("{}: {}", help, join(names)),
          group,
          [=](auto& config, auto text) { field(config) = choose_name(text, names); },
          [=](const auto& config) { return field(config); }};
}

template <typename Field>
Setting whole_number(const char* flag, const char* help, SettingGroup group, Field field, int least,
                     int most) {
  return {flag,
          as_key(flag),
          "N",
          help,
          group,
          [=](auto& config, auto text) { field(config) = parse_whole(text, least, most); },
          [=](const auto& config) { return field(config); }};
}

template <typename Field>
Setting strength_list(const char* flag, const char* help, Field field) {
  return {flag,
          as_key(flag),
          "LIST",
          help,
          SettingGroup::kGrid,
          [=](auto& config, auto text) { field(config) = parse_strengths(text); },
          [=](const auto& config) { return array_of(field(config)); }};
}

std::vector<Setting> training_settings() {
  const auto group = SettingGroup::kTraining;
  constexpr int kMany = 1'000'000'000;
  return {
      text_choice(
          "task", "What is learnt", group,
          [](auto& config) -> auto& { return config.training.task; }, task_names()),
      {"length", "length", "N",
       "Length of generated sequences, or a range 50-200 from which each batch draws one", group,
       [](auto& config, auto text) { config.training.length = parse_length(text); },
       [](const auto& config) {
         return task_entry(config.training.task).is_generated()
                    ? Json(to_text(lengths_of(config.training)))
                    : Json(nullptr);
       }},
      {"target-scale", "target_scale", "X",
       "Factor of the numbers that adding and sine ask for: large ones make gradients explode",
       group, [](auto& config, auto text) { config.training.target_scale = parse_scale(text); },
       [](const auto& config) { return json_number(config.training.target_scale); }},
      {"permute-seed", "permute_seed", "N",
       "Shuffles the pixels of fashion-mnist-pixels, all pictures alike", group,
       [](auto& config, auto text) { config.training.permute_seed = parse_seed(text); },
       [](const auto& config) {
         const auto& seed = config.training.permute_seed;
         return seed ? Json(*seed) : Json(nullptr);
       }},
      whole_number(
          "layers", "Recurrent layers, one above the other", group,
          [](auto& config) -> auto& { return config.training.layers; }, 1, 16),
      whole_number(
          "hidden", "Units of a recurrent layer", group,
          [](auto& config) -> auto& { return config.training.hidden; }, 1, 4096),
      {"forget-bias", "forget_bias", "X",
       "Initial bias of an lstm's forget gate, in place of that of --init", group,
       [](auto& config, auto text) { config.training.forget_bias = parse_bias(text); },
       [](const auto& config) { return json_optional(config.training.forget_bias); }},
      whole_number(
          "batch-size", "Samples a step", group,
          [](auto& config) -> auto& { return config.training.batch_size; }, 1, 60'000),
      whole_number(
          "epochs", "Epochs a run; the test set is evaluated after each", group,
          [](auto& config) -> auto& { return config.training.epochs; }, 1, 1'000'000),
      whole_number(
          "steps-per-epoch", "Steps an epoch", group,
          [](auto& config) -> auto& { return config.training.steps_per_epoch; }, 1, kMany),
      whole_number(
          "shuffle-buffer", "Samples that the shuffling buffer holds", group,
          [](auto& config) -> auto& { return config.training.shuffle_buffer; }, 1, 10'000'000),
      {"on-nonfinite", "on_nonfinite", "NAME",
       "What to do about a NaN or Inf: stop the run, skip the update, continue", group,
       [](auto& config, auto text) {
         config.training.on_nonfinite = choose(text, kNonfinitePolicies);
       },
       [](const auto& config) { return to_text(config.training.on_nonfinite); }},
  };
}

// The optimizer, and what optimizers can be told, from their own table.
std::vector<Setting> optimizer_settings() {
  const auto group = SettingGroup::kTraining;
  std::vector<Setting> settings = {
      {"optimizer", "optimizer", "NAME", "How a step is taken: " + join(optimizer_names()), group,
       [](auto& config, auto text) { config.training.optimizer.optimizer = parse_optimizer(text); },
       [](const auto& config) { return to_text(config.training.optimizer.optimizer); }}};
  for (const auto& option : optimizer_options()) {
    const auto assign = option.assign;
    const auto value = option.value;
    settings.push_back({option.flag, option.key, option.value_name, option.help, group,
                        [=](auto& config, auto text) { assign(config.training.optimizer, text); },
                        [=](const auto& config) { return value(config.training.optimizer); }});
  }
  return settings;
}

std::string cell_help() {
  return fmt::format("Recurrent cells: {}; each may name its initial weights: rnn-relu:identity",
                     join(cell_names()));
}

std::string mode_help() {
  std::vector<std::string> names;
  for (const auto& entry : clip_modes()) names.emplace_back(entry.name);
  return fmt::format("Clipping modes, crossed with the thresholds: {}", join(names));
}

std::vector<Setting> grid_settings() {
  const auto group = SettingGroup::kGrid;
  return {
      {"cell", "cell", "LIST", cell_help(), group,
       [](auto& config, auto text) { config.cells = parse_cells(text); },
       [](const auto& config) {
         Json cells = Json::array();
         for (const auto& choice : config.cells) cells.push_back(to_text(choice));
         return cells;
       }},
      {"init", "init", "NAME",
       fmt::format("How initial weights are drawn: {}", initial_scheme_forms()), group,
       [](auto& config, auto text) { config.init = parse_initial_scheme(text); },
       [](const auto& config) { return to_text(config.init); }},
      {"mode", "mode", "LIST", mode_help(), group,
       [](auto& config, auto text) { config.modes = parse_modes(text); },
       [](const auto& config) {
         Json names = Json::array();
         for (const auto mode : config.modes) names.push_back(entry_of(mode).name);
         return names;
       }},
      {"threshold", "threshold", "LIST", "Thresholds of those modes; inf only measures", group,
       [](auto& config, auto text) {
         config.thresholds = parse_numbers(text);
         for (const double threshold : config.thresholds) check_any_threshold(threshold);
       },
       [](const auto& config) { return array_of(config.thresholds); }},
      {"clip", "clip", "LIST", "Pairs instead, such as none,value:0.5,global-norm:1", group,
       [](auto& config, auto text) { config.clips = parse_clips(text); },
       [](const auto& config) {
         Json pairs = Json::array();
         for (const auto& rule : config.clips) pairs.push_back(to_text(rule));
         return pairs;
       }},
      {"output-threshold", "output_threshold", "LIST",
       "Thresholds of the output layer's tensors alone, for value, global-norm and tensor-norm",
       group,
       [](auto& config, auto text) {
         config.output_thresholds = parse_numbers(text);
         for (const double threshold : config.output_thresholds)
           check_threshold(ClipMode::kValue, threshold);
       },
       [](const auto& config) { return array_of(config.output_thresholds); }},
      {"lr", "learning_rate", "LIST", "Learning rates, such as 0.01 or logspace(1e-3,1,4)", group,
       [](auto& config, auto text) {
         config.learning_rates = parse_numbers(text);
         for (const double rate : config.learning_rates) check_learning_rate(rate);
       },
       [](const auto& config) { return array_of(config.learning_rates); }},
      strength_list(
          "weight-decay", "L2 penalties, added to the gradient after clipping",
          [](auto& config) -> auto& { return config.weight_decays; }),
      strength_list(
          "decoupled-weight-decay",
          "Weight decay as in SGDW and AdamW: shares of the weights that a step of "
          "learning rate 1 takes off",
          [](auto& config) -> auto& { return config.decoupled_weight_decays; }),
      strength_list(
          "l1", "L1 penalties, added to the gradient after clipping",
          [](auto& config) -> auto& { return config.l1_penalties; }),
      {"seeds", "seeds", "LIST", "Seeds: a count (10 is 0-9), a range 0-9 or a list 0,3,7", group,
       [](auto& config, auto text) { config.seeds = parse_seeds(text); },
       [](const auto& config) { return array_of(config.seeds); }},
      {"noise-floor", "noise_floor", "",
       "Repeats the runs of mode none with the last bit of each initial weight flipped: how far "
       "rounding alone moves them",
       group, [](auto& config, auto text) { config.noise_floor = parse_switch(text); },
       [](const auto& config) { return config.noise_floor; }},
  };
}

// What single modes can be told, from their own table.
std::vector<Setting> mode_settings() {
  std::vector<Setting> settings;
  for (const auto& option : clip_options()) {
    std::string flag = option.key;
    std::replace(flag.begin(), flag.end(), '_', '-');
    const auto assign = option.assign;
    const auto value = option.value;
    settings.push_back({flag, option.key, option.value_name, option.help, SettingGroup::kClipping,
                        [=](auto& config, auto text) { assign(config.clip_options, text); },
                        [=](const auto& config) { return value(config.clip_options); }});
  }
  return settings;
}

std::vector<Setting> execution_settings() {
  const auto group = SettingGroup::kExecution;
  return {
      {"data", "data", "DIR", "Folder with the four IDX files, gzipped or not", group,
       [](auto& config, auto text) {
         if (text.empty()) throw ConfigError("must name a folder with IDX files");
         if (text.find('\0') != text.npos) throw ConfigError("must not hold a NUL character");
         config.data_folder = std::string(text);
       },
       [](const auto& config) { return config.data_folder; }},
      text_choice("engine", "What computes the gradients", group,
                  [](auto& config) -> auto& { return config.engine; },
                  {"auto", "reference", "fused"}),
      text_choice("device", "Where the gradients are computed", group,
                  [](auto& config) -> auto& { return config.device; }, {"cpu", "cuda"}),
      whole_number(
          "workers", "Threads that train; 0 is one per core", group,
          [](auto& config) -> auto& { return config.workers; }, 0, 1024),
      whole_number(
          "log-every", "Log every Nth step (steps with an event always)", group,
          [](auto& config) -> auto& { return config.log_every; }, 1, 1'000'000'000),
      whole_number(
          "checkpoint-every",
          "Save the state of every run each N steps, and after each epoch, to go on from", group,
          [](auto& config) -> auto& { return config.checkpoint_every; }, 1, 1'000'000'000),
      {"retry", "retry", "NAME",
       "Train runs of this outcome again from their beginning: " + join(names_in(kRetries)), group,
       [](auto& config, auto text) { config.retry = choose(text, kRetries); },
       [](const auto& config) {
         return config.retry ? Json(name_in(kRetries, *config.retry)) : Json(nullptr);
       }},
      whole_number(
          "through-time-every",
          "Measure the gradient through time every Nth step, and where there is an event; 0 is off",
          group, [](auto& config) -> auto& { return config.through_time_every; }, 0, 1'000'000'000),
      {"target-accuracy", "target_accuracy", "X",
       "Test accuracy (0 to 1) to which the steps of a run are counted and compared", group,
       [](auto& config, auto text) { config.target_accuracy = parse_share(text); },
       [](const auto& config) {
         const double of_task = task_entry(config.training.task).target_accuracy;
         return json_number(config.target_accuracy.value_or(of_task));
       }},
      {"max-runs", "max_runs", "N",
       "Stop after N runs with exit code 75; the same command continues", group,
       [](auto& config, auto text) {
         config.max_runs = static_cast<std::uint64_t>(parse_whole(text, 1, 1'000'000'000));
       },
       [](const auto& config) { return config.max_runs ? Json(*config.max_runs) : Json(nullptr); }},
  };
}

}  // namespace

const std::vector<Setting>& setting_table() {
  static const std::vector<Setting> kTable = [] {
    std::vector<Setting> table = training_settings();
    for (auto& setting : optimizer_settings()) table.push_back(std::move(setting));
    for (auto& setting : grid_settings()) table.push_back(std::move(setting));
    for (auto& setting : mode_settings()) table.push_back(std::move(setting));
    for (auto& setting : execution_settings()) table.push_back(std::move(setting));
    return table;
  }();
  return kTable;
}

const Setting* find_setting(std::string_view name) {
  const std::string key = as_key(name);
  for (const auto& setting : setting_table())
    if (setting.key == key || as_key(setting.flag) == key) return &setting;
  return nullptr;
}

Json settings_json(const ExperimentConfig& config, SettingGroup group) {
  Json settings = Json::object();
  for (const auto& setting : setting_table())
    if (setting.group == group) settings[setting.key] = setting.value(config);
  return settings;
}

Json settings_json(const ExperimentConfig& config) {
  Json settings = Json::object();
  for (const auto& setting : setting_table()) settings[setting.key] = setting.value(config);
  return settings;
}

Json origins_json(const ExperimentConfig& config) {
  Json origins = Json::object();
  for (const auto& [key, origin] : config.origins) origins[key] = origin;
  return origins;
}

const char* to_text(NonfinitePolicy policy) { return name_in(kNonfinitePolicies, policy); }

}  // namespace clipsweep
