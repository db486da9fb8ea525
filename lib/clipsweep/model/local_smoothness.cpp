#include "clipsweep/model/local_smoothness.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "clipsweep/model/gradient_norms.h"

namespace clipsweep {
namespace {

// Squares and product of the displacement d and of the change of the gradient.
struct Change {
  double step_squares = 0;
  double gradient_squares = 0;
  double product = 0;
};

Change change_between(const GradientAt& from, const GradientAt& to) {
  Change change;
  for (std::size_t i = 0; i < from.weights.size(); ++i) {
    const double step = static_cast<double>(to.weights[i]) - static_cast<double>(from.weights[i]);
    const double gradient =
        static_cast<double>(to.gradient[i]) - static_cast<double>(from.gradient[i]);
    change.step_squares += step * step;
    change.gradient_squares += gradient * gradient;
    change.product += step * gradient;
  }
  return change;
}

std::optional<double> if_finite(double quotient) {
  return std::isfinite(quotient) ? std::optional(quotient) : std::nullopt;
}

}  // namespace

std::optional<double> smoothness_between(const GradientAt& from, const GradientAt& to) {
  const Change change = change_between(from, to);
  return if_finite(std::sqrt(change.gradient_squares / change.step_squares));
}

std::optional<double> curvature_between(const GradientAt& from, const GradientAt& to) {
  const Change change = change_between(from, to);
  return if_finite(change.product / change.step_squares);
}

void midpoint(Span<const float> from, Span<const float> to, Span<float> point) {
  for (std::size_t i = 0; i < from.size(); ++i)
    point[i] = static_cast<float>((static_cast<double>(from[i]) + static_cast<double>(to[i])) / 2);
}

void small_step(const GradientAt& from, Span<float> point) {
  const double norm = euclidean_norm(from.gradient);
  const double size = euclidean_norm(from.weights);
  const double factor = kSmallStep * (size > 0 ? size : 1) / norm;
  if (!(norm > 0) || !std::isfinite(norm)) {
    std::copy(from.weights.begin(), from.weights.end(), point.begin());
    return;
  }
  for (std::size_t i = 0; i < from.weights.size(); ++i)
    point[i] = static_cast<float>(static_cast<double>(from.weights[i]) -
                                  factor * static_cast<double>(from.gradient[i]));
}

}  // namespace clipsweep
