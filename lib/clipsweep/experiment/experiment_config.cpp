#include "clipsweep/experiment/experiment_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <unordered_set>

#include "clipsweep/base/error.h"
#include "clipsweep/base/name_table.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/json.h"

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

// Checked before lists are crossed, so that they cannot fill the memory.
void check_rule_count(std::size_t modes, std::size_t thresholds) {
  constexpr std::size_t kMaxRules = 1'000'000;
  if (modes * thresholds > kMaxRules)
    throw ConfigError(
        "more than 1,000,000 pairs of modes and thresholds; a sweep has at most 1,000,000 runs");
}

// Modes and pairs in the order given, without thresholds of the output layer and options.
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
      throw ConfigError(fmt::format("mode {} needs a threshold; add for example --threshold {}",
                                    entry.name, shortest(entry.example)));
    for (const double threshold : config.thresholds) {
      check_threshold(mode, threshold);
      rules.push_back({mode, threshold});
    }
  }
  if (!threshold_used)
    throw ConfigError(
        "a threshold is given, but none of the listed modes takes one; add a mode such as value, "
        "or "
        "remove --threshold");
  rules.insert(rules.end(), config.clips.begin(), config.clips.end());
  return rules;
}

// Compares rules that have the same options. `a == b` compares them as JSON, which takes seconds
// for a million rules.
struct HaveSameThresholds {
  bool operator()(const ClipRule& a, const ClipRule& b) const {
    return a.mode == b.mode && a.threshold == b.threshold &&
           a.output_threshold == b.output_threshold;
  }
};

struct HashOfRule {
  std::size_t operator()(const ClipRule& rule) const {
    constexpr std::size_t kOdd = 0x9e3779b97f4a7c15;  // 2^64 divided by the golden ratio
    const std::size_t thresholds = std::hash<double>{}(rule.threshold) * kOdd +
                                   std::hash<std::optional<double>>{}(rule.output_threshold);
    return thresholds * kOdd + static_cast<std::size_t>(rule.mode);
  }
};

}  // namespace

const char* to_text(NonfinitePolicy policy) { return name_in(kNonfinitePolicies, policy); }

std::vector<std::string> nonfinite_policy_names() { return names_in(kNonfinitePolicies); }

NonfinitePolicy parse_nonfinite_policy(std::string_view name) {
  return parse_choice(kNonfinitePolicies, "policy", name);
}

const char* to_text(Retry retry) { return name_in(kRetries, retry); }

std::vector<std::string> retry_names() { return names_in(kRetries); }

Retry parse_retry(std::string_view name) { return parse_choice(kRetries, "outcome", name); }

std::vector<ClipRule> clip_rules(const ExperimentConfig& config) {
  std::vector<ClipRule> rules;
  std::unordered_set<ClipRule, HashOfRule, HaveSameThresholds> seen;
  const auto add = [&](const ClipRule& rule) {
    if (seen.insert(rule).second) rules.push_back(rule);
  };
  bool output_threshold_used = config.output_thresholds.empty();
  const auto named = named_rules(config);
  check_rule_count(named.size(), config.output_thresholds.size());
  for (ClipRule rule : named) {
    rule.options = config.clip_options;
    if (!entry_of(rule.mode).takes_output_threshold() || config.output_thresholds.empty()) {
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
        fmt::format("--output-threshold has no effect on the listed modes; it applies to {}",
                    output_threshold_modes()));
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

const SettingAxis* find_axis(const ExperimentConfig& config, std::string_view key) {
  for (const auto& axis : config.axes)
    if (axis.key == key) return &axis;
  return nullptr;
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
