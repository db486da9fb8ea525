// Gradient descent on a function whose curvature grows with its gradient, and how many iterations
// it takes with each clipping mode: what the theory of clipping promises, with the modes
// themselves.
#pragma once

#include <cmath>
#include <limits>
#include <optional>

#include "clipsweep/clipping/clip_memory.h"
#include "clipsweep/clipping/clipping.h"
#include "clipsweep/model/wide_norms.h"

namespace clipsweep {

// f(x) = L0 L1^2 x^4 / 72 + L0 x^2 / 4, with the minimum 0 at x = 0.
//
// It is (L0, L1)-smooth, |f''(x)| <= L0 + L1 |f'(x)| (Zhang et al., 2020); a quartic of this kind
// is the synthetic example of Takezawa et al. (2024). With u = L1 |x| that reads u^2/6 + 1/2 <= 1 +
// u^3/18 + u/2, which holds for all u.
struct Quartic {
  double l0 = 1;
  double l1 = 1;

  double value(double x) const { return l0 * l1 * l1 / 72 * x * x * x * x + l0 / 4 * x * x; }
  double derivative(double x) const { return l0 * l1 * l1 / 18 * x * x * x + l0 / 2 * x; }
  double curvature(double x) const { return l0 * l1 * l1 / 6 * x * x + l0 / 2; }
};

// The iterations x <- x - learning_rate * clip(f'(x)) until f(x) <= 1e-6; nothing if `most` are not
// enough or x overflows.
inline std::optional<long> iterations(const Quartic& f, const ClipRule& rule, double learning_rate,
                                      double start, long most) {
  constexpr double kTolerance = 1e-6;
  static const ParameterLayout kLayout{{}, {{"x", {1}, 0}}};
  ClipMemory<double> memory(rule, kLayout, 0);
  RowNorms<long double> norms;
  double x = start;
  for (long iteration = 0; iteration <= most; ++iteration) {
    if (f.value(x) <= kTolerance) return iteration;
    const double raw = f.derivative(x);
    if (!std::isfinite(raw)) return std::nullopt;
    double clipped = raw;
    measure_wide({&raw, 1}, kLayout, norms);
    clip_gradient<double>(rule, {kLayout, norms, {&x, 1}, memory}, {&clipped, 1});
    remember<double>(rule, {norms, {&raw, 1}, {&clipped, 1}}, memory);
    x -= learning_rate * clipped;
  }
  return std::nullopt;
}

// The best learning rate and threshold for a mode, both from powers of two, and how many iterations
// they need on average over eight starting points from 4 to 6: with a single one, a threshold could
// happen to end exactly at the minimum. Of equally good ones the smallest.
struct TunedDescent {
  double learning_rate = 0;
  double threshold = std::numeric_limits<double>::infinity();
  double mean_iterations = 0;
};

// Nothing if no combination needs at most `most` iterations from every starting point. A mode with a
// threshold must make no gradient longer than that.
inline std::optional<TunedDescent> tuned_descent(const Quartic& f, ClipMode mode, long most) {
  constexpr int kStarts = 8;
  constexpr double kWay = 4;  // at least, from a starting point to what counts as the minimum
  std::optional<TunedDescent> best;
  const bool clips = entry_of(mode).takes_threshold();
  // From the largest rate: it needs few iterations or overflows, and what it needs bounds the
  // others.
  for (int rate_power = 4; rate_power >= -30; --rate_power)
    for (int threshold_power = clips ? 14 : 0; threshold_power >= (clips ? -14 : 0);
         --threshold_power) {
      TunedDescent descent{std::ldexp(1.0, rate_power)};
      if (clips) descent.threshold = std::ldexp(1.0, threshold_power);
      const double longest_step = descent.learning_rate * descent.threshold;
      if (static_cast<double>(most) * longest_step < kWay) continue;
      bool is_best = true;
      for (int i = 0; i < kStarts && is_best; ++i) {
        const double start = 4.03 + 0.27 * i;
        const auto steps =
            iterations(f, {mode, descent.threshold}, descent.learning_rate, start, most);
        if (steps) descent.mean_iterations += static_cast<double>(*steps) / kStarts;
        is_best = steps && (!best || descent.mean_iterations <= best->mean_iterations);
      }
      if (!is_best) continue;
      best = descent;
      most = std::min(most, static_cast<long>(kStarts * descent.mean_iterations) + 1);
    }
  return best;
}

}  // namespace clipsweep
