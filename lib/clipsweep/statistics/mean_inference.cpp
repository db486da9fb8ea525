#include "clipsweep/statistics/mean_inference.h"

#include <algorithm>
#include <cmath>

#include "clipsweep/base/statistics.h"
#include "clipsweep/statistics/resampling.h"
#include "clipsweep/statistics/t_limits.h"

namespace clipsweep {
namespace {

// The t of each resample whose values differ: the distance of its mean from the mean of the values,
// in units of its own standard error. `deviations` are the values' distances from their mean.
std::vector<double> resampled_t(const std::vector<double>& deviations) {
  IndexStream indices(deviations.size());
  const auto n = static_cast<double>(deviations.size());
  std::vector<double> t;
  t.reserve(kResamples);
  for (int i = 0; i < kResamples; ++i) {
    double sum = 0;
    double squares = 0;
    double least = deviations.front();
    double most = least;
    bool is_first = true;
    indices.draw([&](std::size_t index) {
      const double deviation = deviations[index];
      sum += deviation;
      squares += deviation * deviation;
      least = is_first ? deviation : std::min(least, deviation);
      most = is_first ? deviation : std::max(most, deviation);
      is_first = false;
    });
    const double mean = sum / n;
    const double variance = (squares - n * mean * mean) / (n - 1);
    // Rounding can give equal values a variance, and values that differ by 1e-200 none.
    if (variance <= 0 || least == most) continue;
    t.push_back(mean / std::sqrt(variance / n));
  }
  return t;
}

MeanInference infer_from(const std::vector<double>& values, double center, double deviation) {
  std::vector<double> deviations;
  for (const double value : values) deviations.push_back(value - center);
  const auto t = resampled_t(deviations);
  const double error = deviation / std::sqrt(static_cast<double>(values.size()));
  return inference_within_student({center, error, values.size()}, {t, t}, 1);
}

}  // namespace

std::optional<MeanInference> infer_mean(const std::vector<double>& values) {
  if (values.size() < kMinPairsForInterval) return std::nullopt;
  const double center = mean(values);
  const double deviation = standard_deviation(values);
  if (!std::isfinite(deviation)) return std::nullopt;
  const MeanInference inference = differ(values)
                                      ? infer_from(values, center, deviation)
                                      : MeanInference{{center, center}, center == 0 ? 1.0 : 0.0};
  return without_assumptions(inference, values.size());
}

}  // namespace clipsweep
