// How one run clips, as plain data: its mode, the thresholds, and the options of single modes. What
// a mode does is in clipping.h.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/clipping/clip_modes.h"
#include "clipsweep/io/json.h"
#include "clipsweep/io/option_table.h"

namespace clipsweep {

// The options of single modes, with the defaults of their papers.
struct ClipOptions {
  double norm_type = 2;               // p of the p-norm: 1, 2 or +inf
  double epsilon = 0;                 // added to the norm
  bool agc_clips_output = true;       // whether agc clips the output layer too
  std::uint64_t autoclip_window = 0;  // the last norms that count; 0: all
  std::uint64_t median_window = 100;  // of the last norms
  double zclip_decay = 0.97;          // of mean and variance
  std::uint64_t zclip_warmup = 25;
  double adagc_decay = 0.98;  // of the tensors' averages
  std::uint64_t adagc_warmup = 100;
  double adagc_warmup_norm = 1;             // limit of the global norm during the warm-up
  double threshold_decay = 1;               // a factor on the threshold
  std::uint64_t threshold_decay_every = 1;  // epochs
};

// One row of the table of those options, for the modes that use it.
struct ClipOptionEntry : SpecificOption<ClipOptions, ClipMode> {
  const char* slug;           // in a run's ID
  bool needs_epochs = false;  // means nothing for a gradient outside of training
};

const std::vector<ClipOptionEntry>& clip_options();

// A mode with its thresholds and options. A threshold of +inf measures without clipping.
struct ClipRule {
  ClipMode mode = ClipMode::kNone;
  double threshold = std::numeric_limits<double>::infinity();
  std::optional<double> output_threshold = std::nullopt;  // separate, for the output layer
  ClipOptions options = {};
};

// The rule as it is in an epoch (from 1): with the threshold of that epoch, which decays no more.
//
//   threshold * threshold_decay ^ floor((epoch - 1) / threshold_decay_every)
ClipRule rule_in_epoch(std::uint64_t epoch, const ClipRule& rule);

bool operator==(const ClipRule& a, const ClipRule& b);

// `none`, `value:0.5`
std::string to_text(const ClipRule& rule);

// The part of a run's ID, without what has its default: `global-norm-1_out-5_norm-inf`.
std::string slug_of(const ClipRule& rule);

// `{"mode": ..., "threshold": ...}`, and those of the mode's options that are not at their default.
Json to_json(const ClipRule& rule);

// Throws DataError if the JSON is not a rule. Ignores other keys.
ClipRule clip_rule_from_json(const Json& json);

}  // namespace clipsweep
