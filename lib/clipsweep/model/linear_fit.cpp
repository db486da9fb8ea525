#include "clipsweep/model/linear_fit.h"

#include <algorithm>
#include <cmath>

namespace clipsweep {
namespace {

constexpr std::uint64_t kMinPointsOfLine = 3;  // a line through two has no residuals

}  // namespace

void LinearFit::add(double x, double y) { add(LinearFit{1, x, y}); }

void LinearFit::add(const LinearFit& other) {
  if (other.points == 0) return;
  const auto own = static_cast<double>(points);
  const auto added = static_cast<double>(other.points);
  const double all = own + added;
  const double dx = other.mean_x - mean_x;
  const double dy = other.mean_y - mean_y;
  const double weight = own * added / all;
  points += other.points;
  mean_x += dx * added / all;
  mean_y += dy * added / all;
  sum_xx += other.sum_xx + dx * dx * weight;
  sum_yy += other.sum_yy + dy * dy * weight;
  sum_xy += other.sum_xy + dx * dy * weight;
}

std::optional<double> LinearFit::slope() const {
  if (points < kMinPointsOfLine || !(sum_xx > 0)) return std::nullopt;
  return sum_xy / sum_xx;
}

std::optional<double> LinearFit::intercept() const {
  const auto found = slope();
  return found ? std::optional(mean_y - *found * mean_x) : std::nullopt;
}

std::optional<double> LinearFit::correlation() const {
  if (!slope() || !(sum_yy > 0)) return std::nullopt;
  return std::clamp(sum_xy / std::sqrt(sum_xx * sum_yy), -1.0, 1.0);
}

}  // namespace clipsweep
