// An exact percentile of the last numbers, at most `window` of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <vector>

#include "clipsweep/clipping/running_percentile.h"

namespace clipsweep {

template <typename W>
class RecentPercentile {
 public:
  // percentile in [0, 100], window > 0
  explicit RecentPercentile(double percentile = 50, std::size_t window = 1)
      : share_(percentile / 100), window_(window) {}

  std::size_t size() const { return numbers_.size(); }

  // Returns the percentile of the numbers in the window. There must be one.
  W value() const {
    return percentile_of(sorted_.size(), [&](std::size_t rank) { return sorted_[rank]; });
  }

  // Returns what `value` would be after `add`. number must be finite.
  W with(W number) const {
    const std::size_t dropped = is_full() ? rank_of(numbers_.front()) : sorted_.size();
    const std::size_t kept = sorted_.size() - (is_full() ? 1 : 0);
    const std::size_t before = rank_of(number);
    const std::size_t place = before - (dropped < before ? 1 : 0);
    return percentile_of(kept + 1, [&](std::size_t rank) {
      if (rank == place) return number;
      const std::size_t old = rank < place ? rank : rank - 1;
      return sorted_[old < dropped ? old : old + 1];
    });
  }

  // Adds a finite number.
  void add(W number) {
    if (is_full()) {
      sorted_.erase(sorted_.begin() + static_cast<std::ptrdiff_t>(rank_of(numbers_.front())));
      numbers_.pop_front();
    }
    numbers_.push_back(number);
    sorted_.insert(sorted_.begin() + static_cast<std::ptrdiff_t>(rank_of(number)), number);
  }

  template <typename Archive>
  void archive(Archive& archive) {
    archive(share_, window_, numbers_, sorted_);
  }

  // Whether a state read by `archive` is valid and of the same percentile and window as `other`;
  // the numbers may differ.
  bool is_valid(const RecentPercentile& other) const {
    const auto is_finite = [](W number) { return std::isfinite(number); };
    if (share_ != other.share_ || window_ != other.window_ || numbers_.size() > window_ ||
        !std::all_of(numbers_.begin(), numbers_.end(), is_finite))
      return false;
    std::vector<W> sorted(numbers_.begin(), numbers_.end());
    std::sort(sorted.begin(), sorted.end());
    return sorted == sorted_;
  }

 private:
  bool is_full() const { return numbers_.size() == window_; }

  // How many numbers of the window are below this one.
  std::size_t rank_of(W number) const {
    return static_cast<std::size_t>(std::lower_bound(sorted_.begin(), sorted_.end(), number) -
                                    sorted_.begin());
  }

  // Of n numbers, `at` being the one of each rank.
  template <typename At>
  W percentile_of(std::size_t n, const At& at) const {
    const double position = share_ * static_cast<double>(n - 1);
    const auto below = static_cast<std::size_t>(position);
    return interpolated(at(below), at(std::min(below + 1, n - 1)),
                        position - static_cast<double>(below));
  }

  double share_;
  std::size_t window_;
  std::deque<W> numbers_;  // in order of time
  std::vector<W> sorted_;  // the same numbers
};

}  // namespace clipsweep
