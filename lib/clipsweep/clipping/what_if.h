// Counts on how many steps other thresholds would have acted. The counts include every step, also
// those that a log with `log_every` above 1 leaves out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace clipsweep {

// 0.001, 0.002, 0.005, 0.01, ... 1000.
inline constexpr std::array<double, 19> kWhatIfThresholds = {
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};

// The number of steps on which each mode would have acted, per threshold.
struct WhatIfCounts {
  using Counts = std::array<std::uint64_t, kWhatIfThresholds.size()>;

  std::uint64_t steps = 0;  // with a finite gradient
  Counts value{};
  Counts global_norm{};
  Counts tensor_norm{};

  // Counts one step. The arguments are what the modes compare with their thresholds: the largest
  // element, the norm and the largest tensor norm of the gradient, all finite.
  void add_step(double largest_element, double norm, double largest_tensor_norm);

  WhatIfCounts& operator+=(const WhatIfCounts& other);

  template <typename Archive>
  void archive(Archive& archive) {
    archive(steps, value, global_norm, tensor_norm);
  }
};

}  // namespace clipsweep
