#include "clipsweep/clipping/what_if.h"

namespace clipsweep {

void WhatIfCounts::add_step(double largest_element, double norm, double largest_tensor_norm) {
  ++steps;
  for (std::size_t i = 0; i < kWhatIfThresholds.size(); ++i) {
    value[i] += largest_element > kWhatIfThresholds[i] ? 1 : 0;
    global_norm[i] += norm > kWhatIfThresholds[i] ? 1 : 0;
    tensor_norm[i] += largest_tensor_norm > kWhatIfThresholds[i] ? 1 : 0;
  }
}

WhatIfCounts& WhatIfCounts::operator+=(const WhatIfCounts& other) {
  steps += other.steps;
  for (std::size_t i = 0; i < kWhatIfThresholds.size(); ++i) {
    value[i] += other.value[i];
    global_norm[i] += other.global_norm[i];
    tensor_norm[i] += other.tensor_norm[i];
  }
  return *this;
}

}  // namespace clipsweep
