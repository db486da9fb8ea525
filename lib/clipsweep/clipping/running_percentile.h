// An exact percentile of all numbers so far, in O(log n) time per number: one heap holds the
// smallest numbers, a second heap the others.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <vector>

namespace clipsweep {

// A percentile between two neighbours in order, at this fraction of their distance: by numpy's
// formula, which is exact at both ends.
template <typename W>
W interpolated(W below, W above, double fraction) {
  const W distance = above - below;
  return fraction < 0.5 ? below + distance * static_cast<W>(fraction)
                        : above - distance * static_cast<W>(1 - fraction);
}

template <typename W>
class RunningPercentile {
 public:
  // percentile in [0, 100]
  explicit RunningPercentile(double percentile = 50) : share_(percentile / 100) {}

  std::size_t size() const { return lower_.size() + upper_.size(); }

  // Returns the percentile of the numbers so far and this one, which is not added. Interpolates as
  // numpy.percentile does by default. number must be finite.
  W with(W number) const {
    const Place place = place_among(size() + 1);
    const Neighbours pair = place.below < lower_.size() ? neighbours_if_lower_keeps_size(number)
                                                        : neighbours_if_lower_grows(number);
    return interpolated(pair.below, pair.above, place.fraction);
  }

  // Adds a finite number.
  void add(W number) {
    const std::size_t below = place_among(size() + 1).below;
    if (lower_.empty() || number < lower_.front())
      push(lower_, number, std::less<W>());
    else
      push(upper_, number, std::greater<W>());
    if (lower_.size() > below + 1) push(upper_, pop(lower_, std::less<W>()), std::greater<W>());
    if (lower_.size() < below + 1) push(lower_, pop(upper_, std::greater<W>()), std::less<W>());
  }

  template <typename Archive>
  void archive(Archive& archive) {
    archive(share_, lower_, upper_);
  }

  // Whether a state read by `archive` is valid and of the same percentile as `other`; the numbers
  // may differ.
  bool is_valid(const RunningPercentile& other) const {
    const auto is_finite = [](W number) { return std::isfinite(number); };
    return share_ == other.share_ && std::all_of(lower_.begin(), lower_.end(), is_finite) &&
           std::all_of(upper_.begin(), upper_.end(), is_finite) &&
           std::is_heap(lower_.begin(), lower_.end(), std::less<W>()) &&
           std::is_heap(upper_.begin(), upper_.end(), std::greater<W>()) && is_divided();
  }

 private:
  // The position of the percentile among n ordered numbers, from 0.
  struct Place {
    std::size_t below;
    double fraction;  // of the distance to the next number
  };
  struct Neighbours {
    W below, above;
  };

  // Whether each number is in the right heap.
  bool is_divided() const {
    if (size() == 0) return true;
    return lower_.size() == place_among(size()).below + 1 &&
           (upper_.empty() || lower_.front() <= upper_.front());
  }

  // `below` grows by at most one with n, so at most one number moves to the other heap.
  Place place_among(std::size_t n) const {
    const double position = share_ * static_cast<double>(n - 1);
    const std::size_t below = std::min(static_cast<std::size_t>(position), lower_.size());
    return {below, std::min(position - static_cast<double>(below), 1.0)};
  }

  // If adding the number does not make the lower heap larger.
  Neighbours neighbours_if_lower_keeps_size(W number) const {
    const W largest = lower_.front();
    if (number < largest)
      return {std::max(number, second(lower_, std::less<W>(), number)), largest};
    return {largest, upper_.empty() ? number : std::min(number, upper_.front())};
  }

  // If adding the number makes the lower heap larger by one.
  Neighbours neighbours_if_lower_grows(W number) const {
    const bool is_lowest_above = upper_.empty() || number <= upper_.front();
    if (is_lowest_above) {
      const W below = lower_.empty() ? number : std::max(number, lower_.front());
      return {below, upper_.empty() ? below : upper_.front()};
    }
    return {upper_.front(), std::min(number, second(upper_, std::greater<W>(), number))};
  }

  // The second number of a heap in its order; `otherwise` if it has only one.
  template <typename Order>
  static W second(const std::vector<W>& heap, Order order, W otherwise) {
    if (heap.size() < 2) return otherwise;
    return heap.size() == 2 || order(heap[2], heap[1]) ? heap[1] : heap[2];
  }

  template <typename Order>
  static void push(std::vector<W>& heap, W number, Order order) {
    heap.push_back(number);
    std::push_heap(heap.begin(), heap.end(), order);
  }

  template <typename Order>
  static W pop(std::vector<W>& heap, Order order) {
    std::pop_heap(heap.begin(), heap.end(), order);
    const W number = heap.back();
    heap.pop_back();
    return number;
  }

  double share_;
  std::vector<W> lower_;  // a heap, its largest number first
  std::vector<W> upper_;  // a heap, its smallest number first
};

}  // namespace clipsweep
