// What the probes of an arm's runs say together, step by step: the tail of the noise, and what the
// criteria predict of the arm's clipping. lib/docs/probe.md says what they assume.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "clipsweep/probing/probe_record.h"
#include "clipsweep/probing/tail_index.h"
#include "clipsweep/records/run_record.h"

namespace clipsweep {

// What the arm's own clipping makes of the gradients: means over its runs.
struct PredictedClipping {
  double clipped_share = 0;
  std::optional<double> cosine;
  std::optional<double> length_ratio;  // |mean of c_k| / |mean of g_k|
  // Geometric means. Their intervals allow for the error within each run, and for the spread
  // between runs if that is larger.
  std::optional<CriterionEstimate> comparison;
  std::optional<CriterionEstimate> stability;
  Prediction prediction = Prediction::kUnclear;  // by the clipping-comparison criterion
};

struct ArmProbe {
  std::uint64_t step = 0;
  std::uint64_t runs = 0;                     // with statistics at this step
  std::optional<TailIndex> noise_tail_index;  // pooled over the runs
  std::optional<TailIndex> norm_tail_index;
  std::optional<PredictedClipping> clipping;  // nothing if its mode is not probed
};

// runs: those of one arm. Steps without statistics in any run are left out.
std::vector<ArmProbe> probes_of_arm(const std::vector<const RunRecord*>& runs);

// The geometric mean of estimates, whose errors are independent; nothing without any.
std::optional<CriterionEstimate> geometric_mean(const std::vector<CriterionEstimate>& estimates);

}  // namespace clipsweep
