#include "clipsweep/base/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "clipsweep/base/error.h"

namespace clipsweep {
namespace {

void require_finite(const std::vector<double>& values, const char* message) {
  require(!values.empty() && std::all_of(values.begin(), values.end(),
                                         [](double value) { return std::isfinite(value); }),
          message);
}

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

double mean_of(const std::vector<double>& values) {
  return sum(values) / static_cast<double>(values.size());
}

double standard_deviation_around(double center, const std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += (value - center) * (value - center);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

// The position of a quantile among n ordered values, from 0.
struct Position {
  std::size_t below;
  double fraction;  // of the distance to the next value
};

Position position_of(double probability, std::size_t n) {
  require(probability >= 0 && probability <= 1, "quantile: needs a probability from 0 to 1");
  const double position = probability * static_cast<double>(n - 1);
  const auto below = static_cast<std::size_t>(position);
  return {below, position - static_cast<double>(below)};
}

double between(double lower, double upper, double fraction) {
  return lower + (upper - lower) * fraction;
}

}  // namespace

double mean(const std::vector<double>& values) {
  require_finite(values, "mean: needs finite values");
  return mean_of(values);
}

double standard_deviation(const std::vector<double>& values) {
  require_finite(values, "standard_deviation: needs finite values");
  require(values.size() > 1, "standard_deviation: needs two values");
  return standard_deviation_around(mean_of(values), values);
}

double interquartile_mean(std::vector<double> values) {
  require_finite(values, "interquartile_mean: needs finite values");
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double weighted = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    // The value covers [i, i + 1] of [0, n]; its weight is the overlap with the middle half.
    const auto start = static_cast<double>(i);
    const double weight = std::min(start + 1, 0.75 * n) - std::max(start, 0.25 * n);
    if (weight > 0) weighted += weight * values[i];
  }
  return weighted / (0.5 * n);
}

double quantile(std::vector<double> values, double probability) {
  require_finite(values, "quantile: needs finite values");
  const Position position = position_of(probability, values.size());
  const auto below = values.begin() + static_cast<std::ptrdiff_t>(position.below);
  std::nth_element(values.begin(), below, values.end());
  const double above =
      below + 1 == values.end() ? *below : *std::min_element(below + 1, values.end());
  return between(*below, above, position.fraction);
}

double quantile_of_sorted(const std::vector<double>& sorted, double probability) {
  require(!sorted.empty(), "quantile_of_sorted: needs values");
  const Position position = position_of(probability, sorted.size());
  const std::size_t above = std::min(position.below + 1, sorted.size() - 1);
  return between(sorted[position.below], sorted[above], position.fraction);
}

}  // namespace clipsweep
