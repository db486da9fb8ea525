#include "clipsweep/probing/tail_index.h"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <functional>

namespace clipsweep {
namespace {

constexpr std::uint64_t kMinOrderStatistics = 10;

// From the mean of k logarithms of ratios, which is 1 / index on average.
std::optional<TailIndex> index_of_mean(double mean, std::uint64_t k) {
  if (!(mean > 0) || !std::isfinite(1 / mean)) return std::nullopt;
  constexpr double kTail = 0.025;
  const double degrees = 2 * static_cast<double>(k);
  const boost::math::chi_squared chi_squared(degrees);
  return TailIndex{1 / mean, quantile(chi_squared, kTail) / (degrees * mean),
                   quantile(complement(chi_squared, kTail)) / (degrees * mean), k};
}

}  // namespace

std::uint64_t order_statistics_of(std::size_t n) {
  return std::max(kMinOrderStatistics,
                  static_cast<std::uint64_t>(std::sqrt(static_cast<double>(n))));
}

std::optional<TailIndex> tail_index(std::vector<double> numbers) {
  const std::uint64_t k = order_statistics_of(numbers.size());
  if (numbers.size() <= k) return std::nullopt;
  const auto threshold = numbers.begin() + static_cast<std::ptrdiff_t>(k);
  std::nth_element(numbers.begin(), threshold, numbers.end(), std::greater<>());
  if (!(*threshold > 0)) return std::nullopt;
  // Sorted, so that the sum does not depend on the order of the numbers.
  std::sort(numbers.begin(), threshold);
  double sum = 0;
  for (auto number = numbers.begin(); number != threshold; ++number)
    sum += std::log(*number / *threshold);
  return index_of_mean(sum / static_cast<double>(k), k);
}

std::optional<TailIndex> pooled(const std::vector<TailIndex>& samples) {
  double sum = 0;
  std::uint64_t k = 0;
  for (const auto& sample : samples) {
    sum += static_cast<double>(sample.order_statistics) / sample.estimate;
    k += sample.order_statistics;
  }
  return k == 0 ? std::nullopt : index_of_mean(sum / static_cast<double>(k), k);
}

}  // namespace clipsweep
