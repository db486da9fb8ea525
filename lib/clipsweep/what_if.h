// How often thresholds would have acted, by the norms that were logged without clipping.
#pragma once

#include <cstdint>
#include <vector>

#include "clipsweep/clip_rule.h"
#include "clipsweep/logged_norms.h"

namespace clipsweep {

// Shares of the steps on which one threshold would have acted.
struct WhatIf {
  double threshold = 0;
  double value = 0;
  double global_norm = 0;
  double tensor_norm = 0;
};

// 0.01, 0.02, 0.05, ... 100, and the finite thresholds of these rules in the modes above;
// ascending.
std::vector<double> what_if_thresholds(const std::vector<ClipRule>& rules);

// One entry for each threshold; nothing without steps.
std::vector<WhatIf> what_if(LoggedNorms norms, const std::vector<double>& thresholds);

}  // namespace clipsweep
