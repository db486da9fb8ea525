#include "clipsweep/probing/clip_statistics.h"

#include <cmath>
#include <optional>

#include "clipsweep/model/gradient_norms.h"
#include "clipsweep/model/wide_norms.h"
#include "clipsweep/probing/gradient_statistics.h"

namespace clipsweep {
namespace {

double sum_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

// The products of each row with a vector, [K].
std::vector<double> products(const Block& rows, const std::vector<float>& vector) {
  std::vector<double> result;
  for (std::size_t k = 0; k < rows.rows(); ++k)
    result.push_back(dot_product(rows.row(k), Span<const float>(vector)));
  return result;
}

std::vector<double> products(const Block& a, const Block& b) {
  std::vector<double> result;
  for (std::size_t k = 0; k < a.rows(); ++k) result.push_back(dot_product(a.row(k), b.row(k)));
  return result;
}

// The trace of the covariance.
double variance_of(const SampleRows& sample) {
  const auto n = static_cast<double>(sample.size());
  const double mean_square = dot_product(Span<const float>(sample.mean()), sample.mean());
  return std::max(0.0, (sum_of(sample.squares()) - n * mean_square) / (n - 1));
}

// mu and nu.
struct Reductions {
  double descent = 0;
  double variance = 0;

  bool has_logarithms() const {
    return descent > 0 && variance > 0 && std::isfinite(descent) && std::isfinite(variance);
  }
};

// Computes mu and nu from all batches, or from all but one.
class ReductionSums {
 public:
  ReductionSums(const SampleRows& gradients, const SampleRows& clipped)
      : gradients_(gradients.squares()),
        clipped_(clipped.squares()),
        both_(products(clipped.rows(), gradients.rows())),
        gradient_by_mean_(products(gradients.rows(), gradients.mean())),
        clipped_by_mean_(products(clipped.rows(), gradients.mean())),
        gradient_by_clipped_mean_(products(gradients.rows(), clipped.mean())),
        sum_gradients_(sum_of(gradients_)),
        sum_clipped_(sum_of(clipped_)),
        sum_both_(sum_of(both_)) {}

  Reductions of_all() const { return {pairs_of_both() / pairs_of_gradients(), ratio_of_squares()}; }

  Reductions without(std::size_t k) const {
    const double n = batches();
    // What the pairs lose that contain batch k.
    const double both = n * (clipped_by_mean_[k] + gradient_by_clipped_mean_[k]) - 2 * both_[k];
    const double gradients = 2 * n * gradient_by_mean_[k] - 2 * gradients_[k];
    return {(pairs_of_both() - both) / (pairs_of_gradients() - gradients),
            (sum_clipped_ - clipped_[k]) / (sum_gradients_ - gradients_[k])};
  }

  bool has_mean_gradient() const { return pairs_of_gradients() > 0; }
  bool has_gradients() const { return sum_gradients_ > 0; }

 private:
  double batches() const { return static_cast<double>(gradients_.size()); }
  double ratio_of_squares() const { return sum_clipped_ / sum_gradients_; }
  // The sums of <c_i, g_j> and of <g_i, g_j> over i != j.
  double pairs_of_both() const { return batches() * sum_of(clipped_by_mean_) - sum_both_; }
  double pairs_of_gradients() const {
    return batches() * sum_of(gradient_by_mean_) - sum_gradients_;
  }

  // [K] each.
  std::vector<double> gradients_;                 // |g_k|^2
  std::vector<double> clipped_;                   // |c_k|^2
  std::vector<double> both_;                      // <c_k, g_k>
  std::vector<double> gradient_by_mean_;          // <g_k, mean of g>
  std::vector<double> clipped_by_mean_;           // <c_k, mean of g>
  std::vector<double> gradient_by_clipped_mean_;  // <g_k, mean of c>
  double sum_gradients_;
  double sum_clipped_;
  double sum_both_;
};

// mu^power / nu with its interval; nothing if a mean gradient cannot be told from noise.
std::optional<CriterionEstimate> criterion(const ReductionSums& sums, std::size_t batches,
                                           double power) {
  const auto logarithm = [&](const Reductions& reductions) {
    return power * std::log(reductions.descent) - std::log(reductions.variance);
  };
  std::vector<double> logarithms;
  for (std::size_t k = 0; k < batches; ++k) {
    const Reductions reductions = sums.without(k);
    if (!reductions.has_logarithms()) return std::nullopt;
    logarithms.push_back(logarithm(reductions));
  }
  if (!sums.has_mean_gradient() || !sums.of_all().has_logarithms()) return std::nullopt;
  const auto n = static_cast<double>(batches);
  const double center = sum_of(logarithms) / n;
  double squares = 0;
  for (const double value : logarithms) squares += (value - center) * (value - center);
  const double error = CriterionEstimate::kStandardErrors * std::sqrt(squares * (n - 1) / n);
  const double value = logarithm(sums.of_all());
  const CriterionEstimate estimate{std::exp(value), std::exp(value - error),
                                   std::exp(value + error)};
  if (!(estimate.lower > 0) || !std::isfinite(estimate.upper)) return std::nullopt;
  return estimate;
}

}  // namespace

SampleRows::SampleRows(const Block& rows) : rows_(rows), mean_(mean_of_rows(rows)) {
  for (std::size_t k = 0; k < rows.rows(); ++k) {
    const double norm = euclidean_norm(rows.row(k));
    squares_.push_back(norm * norm);
  }
}

ClipStatistics clip_statistics(const SampleRows& gradients, const SampleRows& clipped_gradients,
                               std::size_t clipped) {
  constexpr double kComparisonPower = 2;
  constexpr double kStabilityPower = 1;
  const std::size_t batches = gradients.size();
  const ReductionSums sums(gradients, clipped_gradients);
  const double norm = euclidean_norm(gradients.mean());
  ClipStatistics result;
  result.clipped_share = static_cast<double>(clipped) / static_cast<double>(batches);
  result.mean_clipped_norm = euclidean_norm(clipped_gradients.mean());
  result.cosine =
      cosine<float>(clipped_gradients.mean(), result.mean_clipped_norm, gradients.mean(), norm);
  result.clipped_variance = variance_of(clipped_gradients);
  if (sums.has_gradients()) result.variance_reduction = sums.of_all().variance;
  if (!sums.has_mean_gradient()) return result;
  result.descent_reduction = sums.of_all().descent;
  result.comparison = criterion(sums, batches, kComparisonPower);
  result.stability = criterion(sums, batches, kStabilityPower);
  return result;
}

}  // namespace clipsweep
