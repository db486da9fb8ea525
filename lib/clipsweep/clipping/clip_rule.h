// The clipping modes' names, what a threshold may be, and the settings that some of them have. What
// a mode does stands in clipping.h.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/io/json.h"

namespace clipsweep {

enum class ClipMode {
  kNone,
  kValue,
  kGlobalNorm,
  kTensorNorm,
  kScale,
  kTensorRms,
  kAgc,
  kAutoclip,
  kZclip,
  kAdagc,
  kBackprop,
  kRandomStep
};

enum class ThresholdKind {
  kNone,        // the mode takes none
  kPositive,    // above 0 in float32
  kPercentile,  // from 0 to 100
};

// One line of the table of modes.
struct ClipModeEntry {
  ClipMode mode;
  const char* name;  // on the command line and in JSON
  ThresholdKind threshold;
  bool takes_output_threshold;
  std::vector<std::string> aliases;  // what the frameworks call it
  const char* summary;

  bool takes_threshold() const { return threshold != ThresholdKind::kNone; }
};

const std::vector<ClipModeEntry>& clip_modes();
const ClipModeEntry& entry_of(ClipMode mode);

// Throws ConfigError that lists the modes.
ClipMode parse_clip_mode(std::string_view name);

enum class FloatType { kFloat32, kFloat64 };

// Throws ConfigError unless the threshold is one of the mode's kind, as gradients of this type know
// it, or +inf, which only measures.
void check_threshold(ClipMode mode, double threshold, FloatType type = FloatType::kFloat32);

// The settings of single modes, with the defaults of their papers.
struct ClipOptions {
  double norm_type = 2;          // p of the p-norm: 1, 2 or +inf
  double epsilon = 0;            // added to the norm
  bool agc_clips_output = true;  // whether agc clips the output layer too
  double zclip_decay = 0.97;     // of mean and variance
  std::uint64_t zclip_warmup = 25;
  double adagc_decay = 0.98;  // of the tensors' averages
  std::uint64_t adagc_warmup = 100;
  double adagc_warmup_norm = 1;  // limit of the global norm meanwhile
};

// One line of the table of those settings.
struct ClipOptionEntry {
  const char* key;         // in JSON and TOML; the flag has - for _
  const char* slug;        // in a run's ID
  const char* value_name;  // in the help
  const char* help;
  std::vector<ClipMode> modes;  // that know it
  // Reads and checks. Throws ConfigError that says what is allowed.
  void (*assign)(ClipOptions&, std::string_view);
  Json (*value)(const ClipOptions&);
};

const std::vector<ClipOptionEntry>& clip_options();
bool applies_to(ClipMode mode, const ClipOptionEntry& option);

// How one run clips: a mode and what the user set. A threshold of +inf only measures.
struct ClipRule {
  ClipMode mode = ClipMode::kNone;
  double threshold = std::numeric_limits<double>::infinity();
  std::optional<double> output_threshold = std::nullopt;  // of the output layer, if it has its own
  ClipOptions options = {};
};

bool operator==(const ClipRule& a, const ClipRule& b);

// `none`, `value:0.5`
std::string to_text(const ClipRule& rule);

// `global-norm-1_out-5_norm-inf`: as a part of a run's ID. What has its default is left out.
std::string slug_of(const ClipRule& rule);

// `{"mode": ..., "threshold": ...}` and, where it is not the default, what the mode's settings are.
Json to_json(const ClipRule& rule);

// Throws DataError if it is not one. Other keys are not looked at.
ClipRule clip_rule_from_json(const Json& json);

}  // namespace clipsweep
