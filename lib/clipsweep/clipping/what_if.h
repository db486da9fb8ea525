// How often thresholds would have acted on gradients as they were: counted step by step, so that a
// thinned log or a later question takes nothing away.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace clipsweep {

// 0.001, 0.002, 0.005, 0.01, ... 1000.
inline constexpr std::array<double, 19> kWhatIfThresholds = {
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};

// For each of those thresholds, on how many steps each mode would have acted.
struct WhatIfCounts {
  using Counts = std::array<std::uint64_t, kWhatIfThresholds.size()>;

  std::uint64_t steps = 0;  // of finite gradient
  Counts value{};
  Counts global_norm{};
  Counts tensor_norm{};

  // Counts a step by what the modes compare: the gradient's largest element, its norm and the
  // largest norm of its tensors, all finite.
  void add_step(double largest_element, double norm, double largest_tensor_norm);

  WhatIfCounts& operator+=(const WhatIfCounts& other);

  template <typename Archive>
  void archive(Archive& archive) {
    archive(steps, value, global_norm, tensor_norm);
  }
};

}  // namespace clipsweep
