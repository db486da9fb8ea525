#include "clipsweep/model/spectral_radius.h"

#include <Eigen/Eigenvalues>
#include <limits>
#include <stdexcept>

namespace clipsweep {

double spectral_radius(Span<const float> matrix, std::size_t size) {
  if (matrix.size() != size * size)
    throw std::logic_error("spectral_radius: the matrix must be [size, size]");
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto side = static_cast<Eigen::Index>(size);
  const Eigen::MatrixXd values =
      Eigen::Map<const RowMajor>(matrix.data(), side, side).cast<double>();
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  if (!values.allFinite()) return kUnknown;
  const Eigen::EigenSolver<Eigen::MatrixXd> solver(values, /*computeEigenvectors=*/false);
  return solver.info() == Eigen::Success ? solver.eigenvalues().cwiseAbs().maxCoeff() : kUnknown;
}

std::vector<double> spectral_radii(Span<const float> recurrent_weights, std::size_t hidden) {
  const std::size_t gate = hidden * hidden;
  if (gate == 0 || recurrent_weights.size() % gate != 0)
    throw std::logic_error("spectral_radii: the recurrent weights must be [GH, H]");
  std::vector<double> radii;
  for (std::size_t first = 0; first < recurrent_weights.size(); first += gate)
    radii.push_back(spectral_radius(recurrent_weights.subspan(first, gate), hidden));
  return radii;
}

}  // namespace clipsweep
