#include "clipsweep/statistics/t_limits.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <utility>

#include "clipsweep/base/statistics.h"

namespace clipsweep {
namespace {

constexpr double kTail = kSignificanceLevel / 2;  // on either side of a 95 % interval
constexpr double kMinStudentRatio = 0.95;
constexpr double kMaxStudentRatio = 2;

// One tail of the distribution, as sizes: of the t on one side, with the sign that makes that side
// positive.
class Tail {
 public:
  Tail(std::vector<double> sizes, std::size_t n, std::size_t means)
      : student_(static_cast<double>(n - 1)),
        means_(static_cast<double>(means)),
        sizes_(std::move(sizes)) {}

  // The size of t beyond which `probability` is below kTail.
  double quantile() const {
    return std::min(bootstrap_quantile(kMinStudentRatio * student_quantile(kTail)),
                    kMaxStudentRatio * student_quantile(kTail / means_));
  }

  // The probability of a t of at least this size. size >= 0.
  double probability(double size) const {
    const auto beyond = static_cast<double>(std::count_if(
        sizes_.begin(), sizes_.end(), [size](double of_resample) { return of_resample >= size; }));
    const double bootstrap = (beyond + 1) / (static_cast<double>(sizes_.size()) + 1);
    return std::max(
        student_tail(size / kMinStudentRatio),
        std::min(bootstrap, std::min(1.0, means_ * student_tail(size / kMaxStudentRatio))));
  }

 private:
  // The largest t whose own tail probability is not below kTail: any larger one has fewer beyond.
  // At least `least`: so only the sizes above it, a few hundred, are looked through.
  double bootstrap_quantile(double least) const {
    const double allowed = kTail * (static_cast<double>(sizes_.size()) + 1);
    const double fewest = std::ceil(allowed);  // beyond + 1 >= fewest is not below kTail
    if (fewest < 2 || fewest > static_cast<double>(sizes_.size()) + 1)
      return std::numeric_limits<double>::infinity();
    std::vector<double> above;
    std::copy_if(sizes_.begin(), sizes_.end(), std::back_inserter(above),
                 [least](double size) { return size > least; });
    const auto place = static_cast<std::size_t>(fewest) - 2;
    if (place >= above.size()) return least;
    const auto quantile = above.begin() + static_cast<std::ptrdiff_t>(place);
    std::nth_element(above.begin(), quantile, above.end(),
                     [](double a, double b) { return a > b; });
    return *quantile;
  }

  double student_quantile(double tail) const {
    return boost::math::quantile(complement(student_, tail));
  }
  double student_tail(double t) const { return cdf(complement(student_, t)); }

  boost::math::students_t student_;
  double means_;
  std::vector<double> sizes_;
};

}  // namespace

MeanInference inference_within_student(const MeanEstimate& mean, ResampledT resampled,
                                       std::size_t means) {
  for (double& t : resampled.smallest) t = -t;
  const Tail upper(std::move(resampled.largest), mean.n, means);
  const Tail lower(std::move(resampled.smallest), mean.n, means);
  const double t = mean.center / mean.error;
  // The tails change sides: if the means of resamples are too high, the true mean is lower.
  const Interval interval = {mean.center - upper.quantile() * mean.error,
                             mean.center + lower.quantile() * mean.error};
  const double tail = t > 0 ? upper.probability(t) : lower.probability(-t);
  return {interval, std::min(1.0, 2 * tail)};
}

bool differ(const std::vector<double>& values) {
  // Rounding can give equal values a deviation, and values that differ by 1e-200 none.
  return standard_deviation(values) > 0 &&
         std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) != values.end();
}

MeanInference without_assumptions(MeanInference inference, std::size_t n) {
  inference.p_value = std::max(inference.p_value, min_p_value(n));
  if (inference.p_value < kSignificanceLevel) return inference;
  inference.interval.lower = std::min(inference.interval.lower, 0.0);
  inference.interval.upper = std::max(inference.interval.upper, 0.0);
  return inference;
}

}  // namespace clipsweep
