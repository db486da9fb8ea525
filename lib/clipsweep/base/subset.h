// A random part of numbered rows, and the rows of an array that belong to it or to the rest.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "clipsweep/base/random.h"

namespace clipsweep {

// Draws `size` of `count` rows without replacement, every subset being equally likely. Returns
// [count] whether each row is among them.
inline std::vector<bool> draw_subset(std::size_t count, std::size_t size, RandomStream random) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t left = count; left > 1; --left)
    std::swap(order[left - 1], order[random.below(left)]);
  std::vector<bool> drawn(count, false);
  for (std::size_t i = 0; i < size; ++i) drawn[order[i]] = true;
  return drawn;
}

// Copies the rows of `values` [N, ...] whose entry in `is_drawn` [N] is `wanted`, in their order.
template <typename Number>
std::vector<Number> rows_of(const std::vector<Number>& values, const std::vector<bool>& is_drawn,
                            bool wanted) {
  const std::size_t width = values.size() / is_drawn.size();
  const auto rows = static_cast<std::size_t>(std::count(is_drawn.begin(), is_drawn.end(), wanted));
  std::vector<Number> part;
  part.reserve(rows * width);
  for (std::size_t n = 0; width > 0 && n < is_drawn.size(); ++n)
    if (is_drawn[n] == wanted) {
      const auto row = values.begin() + static_cast<std::ptrdiff_t>(n * width);
      part.insert(part.end(), row, row + static_cast<std::ptrdiff_t>(width));
    }
  return part;
}

}  // namespace clipsweep
