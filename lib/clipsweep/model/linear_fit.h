// The least-squares line through points that come one by one, and their correlation.
#pragma once

#include <cstdint>
#include <optional>

namespace clipsweep {

// Means and centred sums of products, which lose no digits to cancellation (Welford, 1962). Two
// fits are merged as Chan, Golub and LeVeque (1979) do.
struct LinearFit {
  std::uint64_t points = 0;
  double mean_x = 0;
  double mean_y = 0;
  double sum_xx = 0;  // of (x - mean_x)^2
  double sum_yy = 0;
  double sum_xy = 0;

  // A finite point.
  void add(double x, double y);
  void add(const LinearFit& other);

  // y = intercept + slope x. Nothing with fewer than three points, or where all x are equal.
  std::optional<double> slope() const;
  std::optional<double> intercept() const;
  // Pearson's r; nothing also where all y are equal.
  std::optional<double> correlation() const;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(points, mean_x, mean_y, sum_xx, sum_yy, sum_xy);
  }
};

}  // namespace clipsweep
