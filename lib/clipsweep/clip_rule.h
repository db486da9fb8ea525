// The clipping modes' names and what a threshold may be. What a mode does stands in clipping.h.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace clipsweep {

enum class ClipMode { kNone, kValue, kGlobalNorm, kTensorNorm, kScale };

// One line of the table of modes.
struct ClipModeEntry {
  ClipMode mode;
  const char* name;  // on the command line and in JSON
  bool takes_threshold;
  std::vector<std::string> aliases;  // what the frameworks call it
  const char* summary;
};

const std::vector<ClipModeEntry>& clip_modes();
const ClipModeEntry& entry_of(ClipMode mode);

// Throws ConfigError that lists the modes.
ClipMode parse_clip_mode(std::string_view name);

// How one run clips: a mode and what the user set. A threshold of +inf only measures.
struct ClipRule {
  ClipMode mode = ClipMode::kNone;
  double threshold = std::numeric_limits<double>::infinity();
};

inline bool operator==(const ClipRule& a, const ClipRule& b) {
  return a.mode == b.mode && a.threshold == b.threshold;
}

// `none`, `value:0.5`
std::string to_text(const ClipRule& rule);

// Throws ConfigError unless the threshold is above 0 (in float32 too) or +inf.
void check_threshold(double threshold);

}  // namespace clipsweep
