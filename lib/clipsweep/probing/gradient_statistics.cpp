#include "clipsweep/probing/gradient_statistics.h"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>

#include "clipsweep/base/statistics.h"
#include "clipsweep/model/gradient_norms.h"
#include "clipsweep/model/wide_norms.h"
#include "clipsweep/probing/count_sketch.h"

namespace clipsweep {
namespace {

std::vector<float> difference(Span<const float> a, Span<const float> b) {
  std::vector<float> result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = a[i] - b[i];
  return result;
}

// The norms of g_k minus the mean, [K].
std::vector<double> noise_norms_of(const Block& rows, const std::vector<float>& mean) {
  std::vector<double> norms;
  for (std::size_t k = 0; k < rows.rows(); ++k)
    norms.push_back(euclidean_norm(difference(rows.row(k), mean)));
  return norms;
}

double sum_of_squares(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum;
}

// m_3 / m_2^1.5 of the central moments m; nothing if all values are equal.
std::optional<double> skewness(const std::vector<double>& values) {
  const double center = mean(values);
  double squares = 0;
  double cubes = 0;
  for (const double value : values) {
    const double distance = value - center;
    squares += distance * distance;
    cubes += distance * distance * distance;
  }
  const auto n = static_cast<double>(values.size());
  const double result = cubes / n / std::pow(squares / n, 1.5);
  return squares > 0 && std::isfinite(result) ? std::optional(result) : std::nullopt;
}

std::optional<double> skewness_along(const Block& rows, Span<const float> direction) {
  std::vector<double> projections;
  for (std::size_t k = 0; k < rows.rows(); ++k)
    projections.push_back(dot_product(rows.row(k), direction));
  return skewness(projections);
}

// Direction number `n` of the fixed ones, [D]: each element is 1 or -1.
std::vector<float> random_direction(std::size_t size, std::size_t n) {
  constexpr std::size_t kFirstBit = 40;  // sketches use other bits
  std::vector<float> direction(size);
  for (std::size_t i = 0; i < size; ++i)
    direction[i] = (hash_of(i) >> (kFirstBit + n) & 1) != 0 ? 1.0F : -1.0F;
  return direction;
}

}  // namespace

std::vector<float> mean_of_rows(const Block& rows) {
  std::vector<double> sums(rows.columns());
  for (std::size_t k = 0; k < rows.rows(); ++k) {
    const auto row = rows.row(k);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(row[i]);
  }
  std::vector<float> mean;
  mean.reserve(sums.size());
  for (const double sum : sums)
    mean.push_back(static_cast<float>(sum / static_cast<double>(rows.rows())));
  return mean;
}

double effective_dimension(const Block& rows, double noise_variance) {
  std::vector<std::vector<float>> differences;
  for (std::size_t k = 0; k + 1 < rows.rows(); k += 2)
    differences.push_back(difference(rows.row(k), rows.row(k + 1)));
  double squares = 0;
  double pairs = 0;
  for (std::size_t i = 0; i < differences.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const double product = dot_product(Span<const float>(differences[i]), differences[j]) / 2;
      squares += product * product;
      ++pairs;
    }
  return std::max(1.0, noise_variance * noise_variance / (squares / pairs));
}

NoiseHistogram noise_histogram(const std::vector<double>& noise_norms, double mean_square,
                               double degrees) {
  constexpr double kTail = 1e-3;
  const boost::math::chi_squared chi_squared(degrees);
  const double scale = mean_square / degrees;
  int first = noise_bin_of(std::sqrt(scale * quantile(chi_squared, kTail)));
  int last = noise_bin_of(std::sqrt(scale * quantile(complement(chi_squared, kTail))));
  for (const double norm : noise_norms) {
    if (norm == 0) continue;
    first = std::min(first, noise_bin_of(norm));
    last = std::max(last, noise_bin_of(norm));
  }
  const auto share_below = [&](int bin) {
    const double edge = std::pow(10.0, static_cast<double>(bin) / kBinsPerDecade);
    return cdf(chi_squared, edge * edge / scale);
  };
  NoiseHistogram histogram;
  histogram.first_bin = first;
  histogram.counts.resize(static_cast<std::size_t>(last - first + 1));
  for (const double norm : noise_norms)
    if (norm > 0) ++histogram.counts[static_cast<std::size_t>(noise_bin_of(norm) - first)];
  for (int bin = first; bin <= last; ++bin)
    histogram.gaussian.push_back(static_cast<double>(noise_norms.size()) *
                                 (share_below(bin + 1) - share_below(bin)));
  return histogram;
}

GradientStatistics gradient_statistics(const Block& rows, const std::vector<float>& mean_row,
                                       const std::vector<double>& norms) {
  const auto batches = static_cast<double>(rows.rows());
  const auto noise = noise_norms_of(rows, mean_row);
  GradientStatistics result;
  result.mean_gradient_norm = euclidean_norm(mean_row);
  result.norm_mean = mean(norms);
  result.norm_sd = standard_deviation(norms);
  result.noise_variance = sum_of_squares(noise) / (batches - 1);
  const double square =
      result.mean_gradient_norm * result.mean_gradient_norm - result.noise_variance / batches;
  if (square > 0) result.expected_gradient_norm = std::sqrt(square);
  if (result.noise_variance > 0) {
    const double degrees = effective_dimension(rows, result.noise_variance);
    result.effective_dimension = degrees;
    result.noise_histogram =
        noise_histogram(noise, result.noise_variance * (batches - 1) / batches, degrees);
  }
  result.noise_tail_index = tail_index(noise);
  result.norm_tail_index = tail_index(norms);
  result.mean_direction_skewness = skewness_along(rows, mean_row);
  for (std::size_t n = 0; n < kProbeDirections; ++n)
    result.random_skewness[n] = skewness_along(rows, random_direction(rows.columns(), n));
  return result;
}

}  // namespace clipsweep
