#include "clipsweep/statistics/sample_size.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>

#include "clipsweep/base/error.h"
#include "clipsweep/base/statistics.h"

namespace clipsweep {
namespace {

double normal_quantile(double probability) {
  return boost::math::quantile(boost::math::normal(), probability);
}

// The mean without a share of the values at each end; the median where the share is a half.
double trimmed_mean(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto cut = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size()));
  if (2 * cut >= static_cast<std::ptrdiff_t>(values.size())) return quantile_of_sorted(values, 0.5);
  return mean({values.begin() + cut, values.end() - cut});
}

// Bonett's estimate of the kurtosis, with moments around a trimmed mean; 3 for a normal
// distribution.
double kurtosis_around_trimmed_mean(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double center = trimmed_mean(values, 1 / (2 * std::sqrt(n - 4)));
  const double usual = mean(values);
  double fourth = 0;
  double squares = 0;
  for (const double value : values) {
    fourth += std::pow(value - center, 4);
    squares += (value - usual) * (value - usual);
  }
  return n * fourth / (squares * squares);
}

}  // namespace

std::uint64_t pairs_needed(double standard_deviation, double mean_difference) {
  require(mean_difference > 0 && standard_deviation >= 0 && std::isfinite(standard_deviation),
          "pairs_needed: needs a difference above 0 and a finite standard deviation");
  constexpr double kPower = 0.8;
  const double z = normal_quantile(1 - kSignificanceLevel / 2);
  const double effect = (z + normal_quantile(kPower)) * standard_deviation / mean_difference;
  const double pairs = std::ceil(effect * effect + z * z / 2);
  return std::max(static_cast<std::uint64_t>(kMinPairsForVerdict),
                  static_cast<std::uint64_t>(std::min(pairs, 1e15)));
}

Interval standard_deviation_interval(const std::vector<double>& values) {
  require(values.size() >= kMinPairsForInterval, "standard_deviation_interval: needs 5 values");
  const double deviation = standard_deviation(values);
  if (deviation == 0) return {0, 0};
  const auto n = static_cast<double>(values.size());
  const double z = normal_quantile(1 - kSignificanceLevel / 2);
  const double scale = n / (n - z);
  const double error =
      scale *
      std::sqrt(std::max(0.0, kurtosis_around_trimmed_mean(values) - (n - 3) / n) / (n - 1));
  const double center = std::log(scale * deviation * deviation);
  return {std::exp((center - z * error) / 2), std::exp((center + z * error) / 2)};
}

PairsRange pairs_needed_range(const std::vector<double>& values, double mean_difference) {
  const Interval deviation = standard_deviation_interval(values);
  return {pairs_needed(deviation.lower, mean_difference),
          pairs_needed(deviation.upper, mean_difference)};
}

}  // namespace clipsweep
