#include "clipsweep/experiment/experiment_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "clipsweep/base/error.h"
#include "clipsweep/io/json.h"

namespace clipsweep {
namespace {

// More than any sweep has runs; before they are crossed, so that they cannot fill the memory.
void check_rule_count(std::size_t some, std::size_t others) {
  constexpr std::size_t kMaxRules = 1'000'000;
  if (some * others > kMaxRules)
    throw ConfigError(
        "more than 1,000,000 pairs of modes and thresholds; no sweep has as many runs");
}

// Modes and pairs as they were named, before the output layer's thresholds and the options.
std::vector<ClipRule> named_rules(const ExperimentConfig& config) {
  check_rule_count(config.modes.size(), config.thresholds.size());
  std::vector<ClipRule> rules;
  bool threshold_used = config.thresholds.empty();
  for (const ClipMode mode : config.modes) {
    const auto& entry = entry_of(mode);
    if (!entry.takes_threshold()) {
      rules.push_back({mode});
      continue;
    }
    threshold_used = true;
    if (config.thresholds.empty())
      throw ConfigError(
          fmt::format("mode {} needs a threshold; add for example --threshold 0.5", entry.name));
    for (const double threshold : config.thresholds) {
      check_threshold(mode, threshold);
      rules.push_back({mode, threshold});
    }
  }
  if (!threshold_used)
    throw ConfigError(
        "a threshold is given, but no listed mode takes one; add a mode such as value, or leave "
        "--threshold out");
  rules.insert(rules.end(), config.clips.begin(), config.clips.end());
  return rules;
}

}  // namespace

std::vector<ClipRule> clip_rules(const ExperimentConfig& config) {
  std::vector<ClipRule> rules;
  std::set<std::string> seen;
  const auto add = [&](const ClipRule& rule) {
    if (seen.insert(to_line(to_json(rule))).second) rules.push_back(rule);
  };
  bool output_threshold_used = config.output_thresholds.empty();
  const auto named = named_rules(config);
  check_rule_count(named.size(), config.output_thresholds.size());
  for (ClipRule rule : named) {
    rule.options = config.clip_options;
    if (!entry_of(rule.mode).takes_output_threshold || config.output_thresholds.empty()) {
      add(rule);
      continue;
    }
    output_threshold_used = true;
    for (const double threshold : config.output_thresholds) {
      rule.output_threshold = threshold;
      add(rule);
    }
  }
  if (!output_threshold_used)
    throw ConfigError(
        "--output-threshold is given, but none of the listed modes knows it; it is for value, "
        "global-norm and tensor-norm");
  return rules;
}

std::vector<CellSetup> cell_setups(const ExperimentConfig& config) {
  std::vector<CellSetup> setups;
  for (const auto& choice : config.cells) {
    const CellSetup setup{choice.cell, choice.init.value_or(config.init)};
    if (std::find(setups.begin(), setups.end(), setup) == setups.end()) setups.push_back(setup);
  }
  return setups;
}

std::vector<Regularization> regularizations(const ExperimentConfig& config) {
  std::vector<Regularization> all;
  for (const double weight_decay : config.weight_decays)
    for (const double decoupled : config.decoupled_weight_decays)
      for (const double l1 : config.l1_penalties) all.push_back({weight_decay, decoupled, l1});
  return all;
}

bool operator==(const Regularization& a, const Regularization& b) {
  return a.weight_decay == b.weight_decay && a.decoupled_weight_decay == b.decoupled_weight_decay &&
         a.l1 == b.l1;
}

bool is_given(const ExperimentConfig& config, std::string_view key) {
  return where_given(config, key) != "default";
}

std::string where_given(const ExperimentConfig& config, std::string_view key) {
  constexpr std::string_view kFlag = "flag ";
  for (const auto& [name, origin] : config.origins)
    if (name == key)
      return origin.substr(origin.compare(0, kFlag.size(), kFlag) == 0 ? kFlag.size() : 0);
  return "default";
}

LengthRange lengths_of(const TrainingSettings& training) {
  if (training.length) return *training.length;
  const int length = task_entry(training.task).default_length;
  return {length, length};
}

}  // namespace clipsweep
