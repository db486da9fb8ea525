#include "clipsweep/experiment_config.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "clipsweep/error.h"

namespace clipsweep {

std::vector<ClipRule> clip_rules(const ExperimentConfig& config) {
  std::vector<ClipRule> rules;
  std::set<std::pair<ClipMode, double>> seen;
  const auto add = [&](const ClipRule& rule) {
    if (seen.insert({rule.mode, rule.threshold}).second) rules.push_back(rule);
  };
  bool threshold_used = config.thresholds.empty();
  for (const ClipMode mode : config.modes) {
    const auto& entry = entry_of(mode);
    if (!entry.takes_threshold) {
      add({mode});
      continue;
    }
    threshold_used = true;
    if (config.thresholds.empty())
      throw ConfigError(
          fmt::format("mode {} needs a threshold; add for example --threshold 0.5", entry.name));
    for (const double threshold : config.thresholds) add({mode, threshold});
  }
  if (!threshold_used)
    throw ConfigError(
        "a threshold is given, but no listed mode takes one; add a mode such as value, or leave "
        "--threshold out");
  for (const auto& rule : config.clips) add(rule);
  return rules;
}

}  // namespace clipsweep
