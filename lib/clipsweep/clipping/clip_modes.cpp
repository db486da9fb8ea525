#include "clipsweep/clipping/clip_modes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

// Whether a text of words between blanks contains this one.
bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::string_view first = words.substr(0, words.find(' '));
    if (first == word) return true;
    words.remove_prefix(std::min(words.size(), first.size() + 1));
  }
  return false;
}

// The spelling of the lookalikes: lower case, `_` for `-`.
std::string as_lookalike(std::string_view name) {
  std::string spelled(name);
  for (char& letter : spelled)
    letter =
        letter == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return spelled;
}

// What to write for another framework's name; empty if the name is not known.
std::string mode_hint(std::string_view name) {
  const std::string spelled = as_lookalike(name);
  for (const auto& entry : clip_modes())
    if (has_word(entry.aliases, spelled) || has_word(entry.lookalikes, spelled))
      return fmt::format("did you mean \"{}\"?", entry.name);
  return "";
}

}  // namespace

const ClipModeEntry& entry_of(ClipMode mode) {
  const auto place = static_cast<std::size_t>(mode);
  if (place < clip_modes().size()) return clip_modes()[place];
  throw std::logic_error("entry_of: a clipping mode is missing from the table");
}

const char* to_text(ClipMode mode) { return entry_of(mode).name; }

std::string output_threshold_modes() {
  std::vector<std::string> names;
  for (const auto& entry : clip_modes())
    if (entry.takes_output_threshold()) names.emplace_back(entry.name);
  return join(names);
}

ClipMode parse_clip_mode(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& entry : clip_modes()) {
    if (name == entry.name || has_word(entry.aliases, name)) return entry.mode;
    names.emplace_back(entry.name);
  }
  throw_unknown("clipping mode", name, names, mode_hint(name));
}

void check_threshold(ClipMode mode, double threshold, FloatType type) {
  if (threshold == std::numeric_limits<double>::infinity()) return;
  const auto& entry = entry_of(mode);
  if (entry.threshold == ThresholdKind::kPercentile) {
    if (threshold >= 0 && threshold <= 100) return;
    throw ConfigError(
        fmt::format("the threshold of mode {} is a percentile from 0 to 100, or inf to measure "
                    "without clipping, not {}",
                    entry.name, shortest(threshold)));
  }
  // The limit is compared with gradients of this type, so it must neither vanish nor overflow
  // there.
  const bool is_single = type == FloatType::kFloat32;
  const double limit = is_single ? static_cast<double>(static_cast<float>(threshold)) : threshold;
  if (limit > 0 && std::isfinite(limit)) return;
  throw ConfigError(fmt::format(
      "a threshold must be above 0 and at most {}, or inf to measure without clipping, not {}; to "
      "turn clipping off use mode none",
      is_single ? "3.4e38 (float32)" : "1.8e308 (float64)", shortest(threshold)));
}

}  // namespace clipsweep
