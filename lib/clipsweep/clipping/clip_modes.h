// The clipping modes by name: **the one list of them**. The help, the checks, the schemas and the
// tests read it. To add a mode, add its value to the enum and its row to the table; the compiler
// then asks for its case in clipping.cpp, where its function goes.
#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include "clipsweep/base/span.h"

namespace clipsweep {

enum class ClipMode {
  kNone,
  kValue,
  kGlobalNorm,
  kTensorNorm,
  kScale,
  kSmooth,
  kSkip,
  kCarry,
  kTensorRms,
  kAgc,
  kAutoclip,
  kMedian,
  kZclip,
  kAdagc,
  kBackprop,
  kUpdateNorm,
  kRandomStep
};

// Whether a mode changes the gradient that backpropagation gives. `backprop` acts inside of it,
// `update-norm` after the optimizer.
constexpr bool acts_on_gradient(ClipMode mode) {
  return mode != ClipMode::kBackprop && mode != ClipMode::kUpdateNorm;
}

enum class ThresholdKind {
  kNone,        // the mode takes none
  kPositive,    // above 0 in float32
  kPercentile,  // from 0 to 100
};

// Whether a mode accepts a separate threshold for the output layer's tensors.
enum class OutputThreshold { kNo, kYes };

// One row of the table of modes.
struct ClipModeEntry {
  ClipMode mode;
  const char* name;  // on the command line and in JSON
  ThresholdKind threshold;
  OutputThreshold output_threshold;
  double example;               // a usual threshold, for messages and tests
  std::string_view aliases;     // names in other frameworks, which are accepted; between blanks
  std::string_view lookalikes;  // further names that users try, for which this mode is suggested
  const char* summary;

  constexpr bool takes_threshold() const { return threshold != ThresholdKind::kNone; }
  constexpr bool takes_output_threshold() const {
    return output_threshold == OutputThreshold::kYes;
  }
};

// clang-format off
inline constexpr ClipModeEntry kClipModes[] = {
    {ClipMode::kNone, "none", ThresholdKind::kNone, OutputThreshold::kNo, 0,
     "", "off no",
     "leaves the gradient as it is"},
    {ClipMode::kValue, "value", ThresholdKind::kPositive, OutputThreshold::kYes, 0.5,
     "clipvalue clip_grad_value_", "clip_grad_value clip_by_value clip_value clamp",
     "limits each element to [-threshold, threshold]"},
    {ClipMode::kGlobalNorm, "global-norm", ThresholdKind::kPositive, OutputThreshold::kYes, 1,
     "global_clipnorm clip_grad_norm_ global_norm",
     "clip_grad_norm clip_by_global_norm max_norm max_grad_norm grad_clip grad_clip_norm "
     "grad_norm gradient_clip_val gradient_clipping norm l2_norm",
     "scales the whole gradient down to norm = threshold"},
    {ClipMode::kTensorNorm, "tensor-norm", ThresholdKind::kPositive, OutputThreshold::kYes, 1,
     "clipnorm tensor_norm", "clip_by_norm clip_norm",
     "scales each parameter tensor's gradient by its own norm"},
    {ClipMode::kScale, "scale", ThresholdKind::kPositive, OutputThreshold::kNo, 1,
     "", "normalize normalized_gradient",
     "always rescales the whole gradient to norm = threshold"},
    {ClipMode::kSmooth, "smooth", ThresholdKind::kPositive, OutputThreshold::kNo, 1,
     "", "smoothed smooth_clip soft soft_clip",
     "multiplies the whole gradient by threshold / (threshold + norm)"},
    {ClipMode::kSkip, "skip", ThresholdKind::kPositive, OutputThreshold::kNo, 10,
     "", "skip_step skip_large_updates drop reject",
     "does not take a step whose gradient has a norm above the threshold"},
    {ClipMode::kCarry, "carry", ThresholdKind::kPositive, OutputThreshold::kNo, 1,
     "u-clip", "u_clip uclip carry_over",
     "global-norm; adds what it cut off to the next gradient (U-Clip)"},
    {ClipMode::kTensorRms, "tensor-rms", ThresholdKind::kPositive, OutputThreshold::kNo, 0.1,
     "clip_by_block_rms tensor_rms", "block_rms rms",
     "scales each parameter tensor's gradient by its root mean square"},
    {ClipMode::kAgc, "agc", ThresholdKind::kPositive, OutputThreshold::kNo, 0.01,
     "adaptive_grad_clip", "adaptive adaptive_gradient_clipping",
     "limits each unit's gradient to a share of its weights' norm"},
    {ClipMode::kAutoclip, "autoclip", ThresholdKind::kPercentile, OutputThreshold::kNo, 10,
     "", "percentile",
     "limits the norm to a percentile of the norms so far"},
    {ClipMode::kMedian, "median", ThresholdKind::kPositive, OutputThreshold::kNo, 2,
     "", "running_median clipping_scale",
     "limits the norm to a multiple of the median of the last norms"},
    {ClipMode::kZclip, "zclip", ThresholdKind::kPositive, OutputThreshold::kNo, 2.5,
     "", "z_score zscore",
     "limits norms far above their moving average"},
    {ClipMode::kAdagc, "adagc", ThresholdKind::kPositive, OutputThreshold::kNo, 1.05,
     "", "",
     "limits each tensor's norm to a multiple of its moving average"},
    {ClipMode::kBackprop, "backprop", ThresholdKind::kPositive, OutputThreshold::kNo, 0.001,
     "", "state_gradient",
     "limits each error derivative inside backpropagation through time"},
    {ClipMode::kUpdateNorm, "update-norm", ThresholdKind::kPositive, OutputThreshold::kNo, 0.01,
     "update_norm", "update_clipping clip_update max_update_norm",
     "scales the optimizer's update down to norm = threshold"},
    {ClipMode::kRandomStep, "random-step", ThresholdKind::kPositive, OutputThreshold::kNo, 1,
     "random_step", "random",
     "replaces a too large gradient by a random one of norm = threshold"},
};
// clang-format on

// The rows are found by their place.
constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < std::size(kClipModes); ++i)
    if (kClipModes[i].mode != static_cast<ClipMode>(i)) return false;
  return true;
}
static_assert(rows_are_in_order(), "kClipModes needs a row per ClipMode, in the enum's order");

inline Span<const ClipModeEntry> clip_modes() { return {kClipModes, std::size(kClipModes)}; }

// Throws std::logic_error if the mode has no row.
const ClipModeEntry& entry_of(ClipMode mode);

const char* to_text(ClipMode mode);

// `value, global-norm, tensor-norm`: the modes that accept a threshold for the output layer.
std::string output_threshold_modes();

// Accepts names and aliases. Throws ConfigError that suggests a mode and lists all.
ClipMode parse_clip_mode(std::string_view name);

enum class FloatType { kFloat32, kFloat64 };

// Throws ConfigError unless the mode accepts the threshold, rounded to this type. +inf, which
// measures without clipping, is accepted by every mode.
void check_threshold(ClipMode mode, double threshold, FloatType type = FloatType::kFloat32);

}  // namespace clipsweep
