#include "clipsweep/clip_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "clipsweep/error.h"
#include "clipsweep/text.h"

namespace clipsweep {

const std::vector<ClipModeEntry>& clip_modes() {
  static const std::vector<ClipModeEntry> kModes = {
      {ClipMode::kNone, "none", false, {}, "leaves the gradient as it is"},
      {ClipMode::kValue,
       "value",
       true,
       {"clipvalue", "clip_grad_value_"},
       "limits each element to [-threshold, threshold]"},
      {ClipMode::kGlobalNorm,
       "global-norm",
       true,
       {"global_clipnorm", "clip_grad_norm_", "global_norm"},
       "scales the whole gradient down to norm = threshold"},
      {ClipMode::kTensorNorm,
       "tensor-norm",
       true,
       {"clipnorm", "tensor_norm"},
       "scales each parameter tensor's gradient by its own norm"},
      {ClipMode::kScale,
       "scale",
       true,
       {},
       "always rescales the whole gradient to norm = threshold"},
  };
  return kModes;
}

const ClipModeEntry& entry_of(ClipMode mode) {
  for (const auto& entry : clip_modes())
    if (entry.mode == mode) return entry;
  throw std::logic_error("entry_of: a clipping mode is missing from the table");
}

ClipMode parse_clip_mode(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& entry : clip_modes()) {
    if (name == entry.name || std::count(entry.aliases.begin(), entry.aliases.end(), name))
      return entry.mode;
    names.emplace_back(entry.name);
  }
  throw ConfigError(fmt::format("unknown clipping mode \"{}\"{}; allowed: {}", printable(name),
                                did_you_mean(name, names), join(names)));
}

std::string to_text(const ClipRule& rule) {
  const auto& entry = entry_of(rule.mode);
  return entry.takes_threshold ? fmt::format("{}:{}", entry.name, shortest(rule.threshold))
                               : entry.name;
}

void check_threshold(double threshold) {
  // The limit acts on float32 gradients, so it must neither vanish nor overflow there.
  const auto limit = static_cast<float>(threshold);
  if (limit > 0 && (std::isfinite(limit) || std::isinf(threshold))) return;
  throw ConfigError(fmt::format(
      "a threshold must be above 0 and at most 3.4e38 (float32), or inf to only measure, not {}; "
      "to switch clipping off use mode none",
      shortest(threshold)));
}

}  // namespace clipsweep
