#include "clipsweep/statistics/proportions.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/normal.hpp>
#include <cmath>

#include "clipsweep/base/error.h"

namespace clipsweep {
namespace {

// The correlation of the two sides with Newcombe's continuity correction; 0 where a side never or
// always happened.
double corrected_correlation(const PairedCounts& counts) {
  const auto a = static_cast<double>(counts.both);
  const auto b = static_cast<double>(counts.only_first);
  const auto c = static_cast<double>(counts.only_second);
  const auto d = static_cast<double>(counts.neither);
  const double product = (a + b) * (c + d) * (a + c) * (b + d);
  if (product == 0) return 0;
  const double excess = a * d - b * c;
  const double corrected = excess > 0 ? std::max(excess - (a + b + c + d) / 2, 0.0) : excess;
  return corrected / std::sqrt(product);
}

// The distance from a difference to one end of its interval, from the distances of both sides.
double combined_distance(double first, double second, double correlation) {
  return std::sqrt(
      std::max(0.0, first * first - 2 * correlation * first * second + second * second));
}

}  // namespace

Interval wilson_interval(double successes, std::uint64_t trials) {
  require(trials > 0 && successes >= 0 && successes <= static_cast<double>(trials),
          "wilson_interval: needs successes from 0 to the number of trials");
  const auto n = static_cast<double>(trials);
  const double share = successes / n;
  const double z = boost::math::quantile(boost::math::normal(), 1 - kSignificanceLevel / 2);
  const double center = share + z * z / (2 * n);
  const double half = z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  const double scale = 1 + z * z / n;
  // Exactly 0 and 1 at the ends; rounding would leave 1e-17.
  return {successes == 0 ? 0 : (center - half) / scale,
          successes == n ? 1 : (center + half) / scale};
}

Interval share_difference_interval(const RunShare& first, const RunShare& second) {
  const Interval a = wilson_interval(static_cast<double>(first.count), first.n);
  const Interval b = wilson_interval(static_cast<double>(second.count), second.n);
  const double difference = first.share() - second.share();
  return {difference - std::hypot(first.share() - a.lower, b.upper - second.share()),
          difference + std::hypot(a.upper - first.share(), second.share() - b.lower)};
}

double exact_mcnemar_p_value(const PairedCounts& counts) {
  const std::uint64_t unequal = counts.only_first + counts.only_second;
  if (unequal == 0) return 1;
  const boost::math::binomial chance(static_cast<double>(unequal), 0.5);
  const auto fewer = static_cast<double>(std::min(counts.only_first, counts.only_second));
  return std::min(1.0, 2 * cdf(chance, fewer));
}

Interval newcombe_interval(const PairedCounts& counts) {
  require(counts.n() > 0, "newcombe_interval: needs a pair");
  const auto n = static_cast<double>(counts.n());
  const double first = static_cast<double>(counts.first()) / n;
  const double second = static_cast<double>(counts.second()) / n;
  const Interval of_first = wilson_interval(static_cast<double>(counts.first()), counts.n());
  const Interval of_second = wilson_interval(static_cast<double>(counts.second()), counts.n());
  const double correlation = corrected_correlation(counts);
  return {first - second -
              combined_distance(first - of_first.lower, of_second.upper - second, correlation),
          first - second +
              combined_distance(of_first.upper - first, second - of_second.lower, correlation)};
}

}  // namespace clipsweep
