#include "clipsweep/experiment/config_resolution.h"

#include <fmt/format.h>

#include <algorithm>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/data/sequence_files.h"
#include "clipsweep/experiment/axes.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/probing/probe_record.h"

namespace clipsweep {
namespace {

bool gives(const std::vector<Assignment>& assignments, std::string_view flag) {
  return std::any_of(assignments.begin(), assignments.end(),
                     [&](const auto& one) { return find_setting(one.name)->flag == flag; });
}

void check_names(const std::vector<Assignment>& assignments) {
  std::vector<const Setting*> seen;
  for (const auto& assignment : assignments) {
    const Setting* setting = find_setting(assignment.name);
    if (!setting) {
      std::vector<std::string> names = {"lr"};  // besides learning_rate
      for (const auto& known : setting_table()) names.push_back(known.key);
      throw ConfigError(
          fmt::format("{}: {}; the keys are the options of clipsweep sweep --help, with _ for -",
                      assignment.where, unknown_name("key", assignment.name, names)));
    }
    if (std::count(seen.begin(), seen.end(), setting))
      throw ConfigError(fmt::format("{}: \"{}\" is given twice; give all values in one list",
                                    assignment.where, setting->key));
    seen.push_back(setting);
  }
}

// The file's assignments that no flag replaces. A flag for the modes or for the pairs replaces
// both.
std::vector<Assignment> without_replaced(const std::vector<Assignment>& from_file,
                                         const std::vector<Assignment>& from_flags) {
  const bool flags_name_modes = gives(from_flags, "mode");
  const bool flags_name_pairs = gives(from_flags, "clip");
  std::vector<Assignment> kept;
  for (const auto& assignment : from_file) {
    const auto& flag = find_setting(assignment.name)->flag;
    const bool replaced =
        gives(from_flags, flag) ||
        ((flag == "mode" || flag == "clip") && (flags_name_modes || flags_name_pairs)) ||
        (flag == "threshold" && flags_name_pairs && !flags_name_modes);
    if (!replaced) kept.push_back(assignment);
  }
  return kept;
}

void assign_all(const std::vector<Assignment>& assignments, ExperimentConfig& config) {
  for (const auto& assignment : assignments) {
    const Setting& setting = *find_setting(assignment.name);
    try {
      assign_setting(setting, config, trimmed(assignment.text));
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("{}: {}", assignment.where, error.what()));
    }
    for (auto& [key, origin] : config.origins)
      if (key == setting.key) origin = assignment.origin;
  }
}

// If flags name only modes without a threshold, the file's thresholds are dropped.
void drop_unused_thresholds(const std::vector<Assignment>& from_flags, ExperimentConfig& config) {
  const bool unused = std::none_of(config.modes.begin(), config.modes.end(),
                                   [](ClipMode mode) { return entry_of(mode).takes_threshold(); });
  if (unused && gives(from_flags, "mode") && !gives(from_flags, "threshold"))
    config.thresholds.clear();
  std::vector<ClipMode> modes = config.modes;
  for (const auto& rule : config.clips) modes.push_back(rule.mode);
  const bool output_unused = std::none_of(modes.begin(), modes.end(), [](ClipMode mode) {
    return entry_of(mode).takes_output_threshold();
  });
  const bool flags_name_modes = gives(from_flags, "mode") || gives(from_flags, "clip");
  if (output_unused && flags_name_modes && !gives(from_flags, "output-threshold"))
    config.output_thresholds.clear();
}

// An option without effect is a mistake, unless it comes from the file and flags replaced the
// file's modes.
void refuse_unused_options(const std::vector<Assignment>& from_flags,
                           const ExperimentConfig& config, const std::vector<ClipRule>& rules) {
  const bool flags_name_modes = gives(from_flags, "mode") || gives(from_flags, "clip");
  for (const auto& option : clip_options()) {
    if (!is_given(config, option.key)) continue;
    if (flags_name_modes && !gives(from_flags, find_setting(option.key)->flag)) continue;
    if (std::any_of(rules.begin(), rules.end(),
                    [&](const ClipRule& rule) { return option.applies_to(rule.mode); }))
      continue;
    throw ConfigError(fmt::format("{}: {} has no effect on the listed modes; it applies to {}",
                                  where_given(config, option.key), option.key,
                                  option.choice_names()));
  }
}

// Checks each threshold for each mode, once all modes are known.
void check_thresholds(const std::vector<Assignment>& from_file,
                      const std::vector<Assignment>& from_flags, const ExperimentConfig& config) {
  std::string where;
  for (const auto* assignments : {&from_file, &from_flags})
    for (const auto& assignment : *assignments)
      if (find_setting(assignment.name)->flag == "threshold") where = assignment.where;
  for (const ClipMode mode : config.modes) {
    if (!entry_of(mode).takes_threshold()) continue;
    try {
      for (const double threshold : config.thresholds) check_threshold(mode, threshold);
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("{}: mode {}: {}", where, entry_of(mode).name, error.what()));
    }
  }
}

void refuse_noise_without_baseline(const ExperimentConfig& config,
                                   const std::vector<ClipRule>& rules) {
  if (!config.noise_floor) return;
  if (std::any_of(rules.begin(), rules.end(),
                  [](const ClipRule& rule) { return rule.mode == ClipMode::kNone; }))
    return;
  throw ConfigError(fmt::format(
      "{}: needs runs of mode none, which is not in the sweep; add none to --clip or --mode",
      where_given(config, "noise_floor")));
}

// The optimizers of a sweep: one, or those of its axis.
std::vector<Optimizer> optimizers_of(const ExperimentConfig& config) {
  const SettingAxis* axis = find_axis(config, "optimizer");
  if (!axis) return {config.training.optimizer.optimizer};
  std::vector<Optimizer> optimizers;
  for (const auto& name : axis->texts) optimizers.push_back(parse_optimizer(name));
  return optimizers;
}

// If a flag replaces the optimizer, the file's options that do not apply to the new ones are
// ignored.
void drop_unused_optimizer_options(const std::vector<Assignment>& from_flags,
                                   ExperimentConfig& config) {
  auto& settings = config.training.optimizer;
  if (!gives(from_flags, "optimizer")) return;
  const auto optimizers = optimizers_of(config);
  for (const auto& option : optimizer_options()) {
    const bool applies = std::all_of(optimizers.begin(), optimizers.end(),
                                     [&](Optimizer each) { return option.applies_to(each); });
    if (applies || gives(from_flags, option.flag)) continue;
    remove_axis(config, option.key);
    option.assign(settings, to_line(option.value({})));
    for (auto& [key, origin] : config.origins)
      if (key == option.key) origin = "default";
  }
}

// The schedules of a sweep: one, or those of its axis.
std::vector<LearningRateSchedule> schedules_of(const ExperimentConfig& config) {
  const SettingAxis* axis = find_axis(config, "learning_rate_schedule");
  if (!axis) return {config.training.optimizer.learning_rate_schedule};
  std::vector<LearningRateSchedule> schedules;
  for (const auto& name : axis->texts) schedules.push_back(parse_learning_rate_schedule(name));
  return schedules;
}

bool has_step_schedule(const ExperimentConfig& config) {
  const auto schedules = schedules_of(config);
  return std::find(schedules.begin(), schedules.end(), LearningRateSchedule::kStep) !=
         schedules.end();
}

// If a flag replaces the schedule, the file's decay, which belongs to another one, is ignored.
void drop_unused_decay(const std::vector<Assignment>& from_flags, ExperimentConfig& config) {
  auto& settings = config.training.optimizer;
  if (!gives(from_flags, "lr-schedule") || has_step_schedule(config)) return;
  const OptimizerSettings defaults;
  const auto drop = [&](const char* flag, std::string_view key, auto OptimizerSettings::*member) {
    if (gives(from_flags, flag)) return;
    remove_axis(config, key);
    settings.*member = defaults.*member;
    for (auto& [name, origin] : config.origins)
      if (name == key) origin = "default";
  };
  drop("lr-decay", "learning_rate_decay", &OptimizerSettings::learning_rate_decay);
  drop("lr-decay-every", "learning_rate_decay_every",
       &OptimizerSettings::learning_rate_decay_every);
}

// The decay of the learning rate applies to schedule step, which the sweep must have.
void check_decay(const ExperimentConfig& config) {
  if (!is_given(config, "learning_rate_schedule")) return;
  std::vector<std::string> others;
  for (const auto schedule : schedules_of(config))
    if (schedule != LearningRateSchedule::kStep) others.emplace_back(to_text(schedule));
  if (others.empty()) return;
  const bool is_varied = find_axis(config, "learning_rate_decay") != nullptr;
  if (has_step_schedule(config)) {
    if (is_varied)
      throw ConfigError(fmt::format(
          "{}: a list of learning_rate_decay has no effect with --lr-schedule {}; give one factor, "
          "which then applies to step, or only --lr-schedule step",
          where_given(config, "learning_rate_decay"), join(others)));
    return;
  }
  for (const char* key : {"learning_rate_decay", "learning_rate_decay_every"})
    if (is_given(config, key))
      throw ConfigError(
          fmt::format("{}: {} has no effect with --lr-schedule {}; it applies to step",
                      where_given(config, key), key, join(others)));
}

// What the learning rate does over the steps of a run.
void check_schedule(const ExperimentConfig& config) {
  const auto& settings = config.training.optimizer;
  const bool is_step = settings.learning_rate_schedule == LearningRateSchedule::kStep;
  if (is_step && settings.learning_rate_decay == 1)
    throw ConfigError(fmt::format(
        "{}: step has no effect while the decay factor is 1; add for example --lr-decay 0.1",
        where_given(config, "learning_rate_schedule")));
  const bool may_be_step = is_step || !find_axis(config, "learning_rate_schedule");
  if (may_be_step && is_given(config, "learning_rate_decay_every") &&
      settings.learning_rate_decay == 1)
    throw ConfigError(
        fmt::format("{}: has no effect while the decay factor is 1; add for example --lr-decay 0.1",
                    where_given(config, "learning_rate_decay_every")));
  if (settings.learning_rate_warmup > config.training.steps())
    throw ConfigError(fmt::format(
        "{}: a warm-up of {} never ends, because a run has {} (epochs x steps per epoch)",
        where_given(config, "learning_rate_warmup"), counted(settings.learning_rate_warmup, "step"),
        with_thousands(config.training.steps())));
}

// The decay of the thresholds, whose last ones must be thresholds too.
void check_threshold_decay(const ExperimentConfig& config, const std::vector<ClipRule>& rules) {
  if (is_given(config, "threshold_decay_every") && config.clip_options.threshold_decay == 1)
    throw ConfigError(fmt::format(
        "{}: has no effect while the decay factor is 1; add for example --threshold-decay 0.5",
        where_given(config, "threshold_decay_every")));
  for (const auto& rule : rules) {
    const auto last = rule_in_epoch(static_cast<std::uint64_t>(config.training.epochs), rule);
    try {
      check_threshold(last.mode, last.threshold);
      if (last.output_threshold) check_threshold(last.mode, *last.output_threshold);
    } catch (const ConfigError&) {
      throw ConfigError(fmt::format(
          "{}: in the last of {} epochs nothing is left of the threshold of {} (below 1.4e-45, "
          "float32); use a factor closer to 1 or a larger --threshold-decay-every",
          where_given(config, "threshold_decay"), config.training.epochs, to_text(rule)));
    }
  }
}

// Which options apply to which optimizer.
void check_optimizer_settings(const ExperimentConfig& config) {
  const auto& settings = config.training.optimizer;
  for (const auto& option : optimizer_options())
    if (is_given(config, option.key) && !option.applies_to(settings.optimizer))
      throw ConfigError(fmt::format("{}: {} has no effect with --optimizer {}; it applies to {}",
                                    where_given(config, option.key), option.key,
                                    to_text(settings.optimizer), option.choice_names()));
  if (settings.nesterov && settings.momentum == 0)
    throw ConfigError(fmt::format("{}: requires momentum above 0; add for example --momentum 0.9",
                                  where_given(config, "nesterov")));
}

[[noreturn]] void refuse(const ExperimentConfig& config, const char* key, const std::string& why) {
  throw ConfigError(
      fmt::format("{}: --task {} {}", where_given(config, key), config.training.task, why));
}

// The settings of the user's own sequences.
void check_sequence_settings(const ExperimentConfig& config) {
  if (task_entry(config.training.task).samples == Samples::kSequences) {
    if (!is_given(config, "data"))
      throw ConfigError(
          "--task sequences: no data are named; add --data FILE.npz, NAME_TRAIN.ts or a folder");
    return;
  }
  for (const char* key : {"scale", "test_share", "allow_nonfinite"})
    if (is_given(config, key))
      refuse(config, key, fmt::format("has no use for it; {} applies to --task sequences", key));
  if (is_given(config, "data") && is_sequence_file(config.data_folder))
    refuse(config, "data", "reads no such file; add --task sequences");
}

// Which samples are held out.
void check_split_settings(const ExperimentConfig& config) {
  const TaskEntry& task = task_entry(config.training.task);
  if (is_given(config, "validation_share") && task.is_generated())
    refuse(config, "validation_share",
           "generates its samples and has no training set; validation_share applies to images, "
           "sequences and text");
  if (!is_given(config, "split_seed")) return;
  if (task.is_generated()) refuse(config, "split_seed", "generates its samples and splits nothing");
  if (task.is_text())
    refuse(config, "split_seed",
           "draws nothing: the validation and the test part are the end of the text");
  if (config.training.test_share || config.training.validation_share) return;
  refuse(config, "split_seed",
         fmt::format("is not split; add for example {} 0.2",
                     task.samples == Samples::kSequences ? "--test-share" : "--validation-share"));
}

void check_text_settings(const ExperimentConfig& config) {
  const TaskEntry& task = task_entry(config.training.task);
  if (is_given(config, "symbols") && task.samples != Samples::kText)
    refuse(config, "symbols", "reads no text; symbols applies to text");
  if (is_given(config, "carry_state") && !task.is_text())
    refuse(config, "carry_state",
           "starts each sequence afresh, so there is no state to carry; carry_state applies to "
           "text, markov and reber");
  if (task.samples == Samples::kText && !is_given(config, "data"))
    throw ConfigError(
        "--task text: no text is named; add --data FILE, or a folder with files .txt, .md or .pod");
  if (!task.is_text()) return;
  const LengthRange length = lengths_of(config.training);
  if (length.shortest != length.longest)
    refuse(config, "length", "is read in pieces of one length; give one number");
}

// What a probe needs.
void check_probe_settings(const ExperimentConfig& config, const std::vector<ClipRule>& rules) {
  if (config.probe_at.empty()) {
    if (is_given(config, "probe_batches"))
      throw ConfigError(
          fmt::format("{}: has no effect without a probe; add for example "
                      "--probe-at 0,{}",
                      where_given(config, "probe_batches"), config.training.steps()));
    return;
  }
  if (config.probe_at.back() > config.training.steps())
    throw ConfigError(fmt::format(
        "{}: step {} is beyond the end of a run, which has {}", where_given(config, "probe_at"),
        with_thousands(config.probe_at.back()), counted(config.training.steps(), "step")));
  const std::size_t probed = probed_rules(rules).size();
  if (probed > kMaxProbedRules)
    throw ConfigError(fmt::format(
        "{}: the grid has {} clipping rules that a probe would test; at most {} are possible",
        where_given(config, "probe_at"), with_thousands(probed), kMaxProbedRules));
}

// Which settings apply to which task.
void check_task_settings(const ExperimentConfig& config) {
  const TaskEntry& task = task_entry(config.training.task);
  check_sequence_settings(config);
  check_split_settings(config);
  check_text_settings(config);
  if (is_given(config, "length") && !task.has_length())
    refuse(config, "length",
           fmt::format("has {}; length applies to generated tasks and text",
                       task.samples == Samples::kSequences
                           ? "sequences of the length that the data have"
                           : "images of a fixed size"));
  if (is_given(config, "permute_seed") && config.training.task != "fashion-mnist-pixels")
    refuse(config, "permute_seed",
           "has no pixels to shuffle; permute_seed applies to fashion-mnist-pixels");
  if (config.training.read_columns && task.samples != Samples::kImages)
    refuse(config, "read_columns", "has no images; read_columns applies to fashion-mnist");
  if (is_given(config, "target_scale") && task.target != Target::kNumber)
    refuse(config, "target_scale",
           task.samples == Samples::kSequences
               ? "has the targets that are in the data; target_scale applies to adding and sine"
               : "is a classification task; target_scale applies to adding and sine");
  if (is_given(config, "data") && task.is_generated())
    refuse(config, "data", "generates its samples and reads no data");
  if (is_given(config, "shuffle_buffer") && task.has_length())
    refuse(config, "shuffle_buffer",
           task.is_text() ? "is read from its beginning to its end and not shuffled"
                          : "generates its samples and does not shuffle");
  if (task.has_length() && lengths_of(config.training).shortest < task.shortest_length)
    refuse(config, "length",
           fmt::format("needs sequences of at least {} time steps", task.shortest_length));
}

// Which settings apply to which cell.
void check_cell_settings(const ExperimentConfig& config) {
  try {
    for (const auto& setup : cell_setups(config)) check_initial_scheme(setup.init, setup.cell);
  } catch (const ConfigError& error) {
    throw ConfigError(
        fmt::format("{}: {}; or give one cell its own scheme, as in --cell lstm,rnn-relu:identity",
                    where_given(config, "init"), error.what()));
  }
  const bool has_forget_gate =
      std::any_of(config.cells.begin(), config.cells.end(),
                  [](const auto& each) { return forget_gate_of(each.cell).has_value(); });
  if (config.training.forget_bias && !has_forget_gate)
    throw ConfigError(
        fmt::format("{}: none of the listed cells has a forget gate; forget_bias applies to lstm",
                    where_given(config, "forget_bias")));
  for (const auto& each : config.cells)
    if (find_axis(config, "forget_bias") && !forget_gate_of(each.cell))
      throw ConfigError(
          fmt::format("{}: a list of forget_bias gives equal runs with --cell {}, which has no "
                      "forget gate; sweep {} on its own",
                      where_given(config, "forget_bias"), to_text(each.cell), to_text(each.cell)));
}

// Omega is defined for some cells only.
void check_omega_setting(const ExperimentConfig& config) {
  const SettingAxis* axis = find_axis(config, "omega");  // of a list of several values
  if (!axis && config.training.omega == 0) return;
  for (const auto& each : config.cells)
    if (!cell_entry(each.cell).has_omega)
      throw ConfigError(
          fmt::format("{}: the regularizer Omega is not defined for --cell {}; omega applies to {}",
                      where_given(config, "omega"), to_text(each.cell), join(cells_with_omega())));
}

// What applies to which task and optimizer, in each combination of the training settings.
void check_combinations(const ExperimentConfig& config) {
  ExperimentConfig combined = config;
  for (const auto& [training, varied] : training_combinations(config)) {
    combined.training = training;
    try {
      check_task_settings(combined);
      check_optimizer_settings(combined);
      check_schedule(combined);
    } catch (const ConfigError& error) {
      if (varied.values().empty()) throw;
      throw ConfigError(fmt::format("{} (in the combination {})", error.what(), varied.text()));
    }
  }
}

// The measured numbers stand in the lines of logged steps.
void check_smoothness_settings(const ExperimentConfig& config) {
  if (config.smoothness_every % config.log_every == 0) return;
  throw ConfigError(fmt::format(
      "{}: {} is not a multiple of log_every ({}), and only logged steps are measured; give for "
      "example {}",
      where_given(config, "smoothness_every"), config.smoothness_every, config.log_every,
      (config.smoothness_every / config.log_every + 1) * config.log_every));
}

}  // namespace

ExperimentConfig resolve_config(const std::vector<Assignment>& from_file,
                                const std::vector<Assignment>& from_flags) {
  check_names(from_file);
  check_names(from_flags);
  ExperimentConfig config;
  for (const auto& setting : setting_table()) config.origins.emplace_back(setting.key, "default");
  assign_all(without_replaced(from_file, from_flags), config);
  assign_all(from_flags, config);
  drop_unused_thresholds(from_flags, config);
  drop_unused_optimizer_options(from_flags, config);
  drop_unused_decay(from_flags, config);
  if (config.modes.empty() && config.clips.empty()) {
    if (!config.thresholds.empty())
      throw ConfigError(
          "a threshold without a mode; add the modes with --mode value,global-norm, or give pairs "
          "with --clip value:0.5");
    config.clips = {{ClipMode::kNone}, {ClipMode::kValue, 0.5}};
  }
  check_thresholds(from_file, from_flags, config);
  const auto rules = clip_rules(config);
  refuse_unused_options(from_flags, config, rules);
  refuse_noise_without_baseline(config, rules);
  check_cell_settings(config);
  check_omega_setting(config);
  check_decay(config);
  check_combinations(config);
  check_threshold_decay(config, rules);
  check_probe_settings(config, rules);
  check_smoothness_settings(config);
  return config;
}

ExperimentConfig config_from_settings(const Json& settings) {
  const ExperimentConfig defaults;
  ExperimentConfig config;
  for (const auto& setting : setting_table()) {
    config.origins.emplace_back(setting.key, "default");
    if (setting.group != SettingGroup::kTraining || !settings.contains(setting.key)) continue;
    const Json& value = settings[setting.key];
    if (value.is_null() || value == setting.value(defaults)) continue;
    try {
      setting.assign(config, value.is_string() ? value.get<std::string>() : to_line(value));
    } catch (const ConfigError& error) {
      throw DataError(fmt::format("settings.{}: {}", setting.key, error.what()));
    }
  }
  return config;
}

}  // namespace clipsweep
