#include "clipsweep/model/spectral_radius.h"

#include <Spectra/GenEigsSolver.h>
#include <Spectra/MatOp/DenseGenMatProd.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>

#include "clipsweep/base/random.h"

namespace clipsweep {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

double radius_of_all(const Eigen::MatrixXd& matrix) {
  const Eigen::EigenSolver<Eigen::MatrixXd> solver(matrix, /*computeEigenvectors=*/false);
  return solver.info() == Eigen::Success ? solver.eigenvalues().cwiseAbs().maxCoeff() : kUnknown;
}

// Below this size all eigenvalues take no longer. At 256 units Arnoldi's method takes a sixth of
// their time (Zen 3).
constexpr Eigen::Index kMinArnoldiSize = 192;

// Two pairs of eigenvalues. A space of more dimensions takes fewer restarts, but each one longer.
constexpr int kEigenvalues = 4;
constexpr int kDimensions = 60;
// Matrices of initial weights take up to 9. So many restarts take a quarter of the time of all
// eigenvalues.
constexpr int kMaxRestarts = 20;
constexpr double kTolerance = 1e-12;

// Of an eigenvalue and its vector, relative to the Frobenius norm.
constexpr double kMaxResidual = 1e-10;

// Two searches that begin with different vectors must agree to this, relative.
constexpr double kAgreement = 1e-10;

// Whether the squares of the singular values differ: the mean of their squares is at least this
// many times the square of their mean. The ratio is 1 for an orthogonal matrix, 1.7 for a quarter
// of orthonormal columns, and 2 for independent weights.
constexpr double kMinSpread = 1.3;

// Numbers in [-1, 1] without a pattern, the same everywhere.
Eigen::MatrixXd scattered(Eigen::Index rows, Eigen::Index columns, std::uint64_t seed) {
  RandomStream random(seed, "spectral-radius");
  return Eigen::MatrixXd::NullaryExpr(rows, columns, [&] { return 2 * random.uniform() - 1; });
}

// Whether many eigenvalues may be nearly as large as the largest one, as in an orthogonal matrix.
// Then Arnoldi's method does not converge, or to others. Estimated from a few products.
bool may_be_orthogonal(const Eigen::MatrixXd& matrix) {
  constexpr Eigen::Index kVectors = 16;
  const Eigen::MatrixXd vectors = scattered(matrix.rows(), kVectors, 0);
  const Eigen::MatrixXd products = matrix * vectors;
  const double mean = products.squaredNorm() / vectors.squaredNorm();
  const double mean_square = (matrix.transpose() * products).squaredNorm() / vectors.squaredNorm();
  return !(mean_square >= kMinSpread * mean * mean);
}

// The radius by the implicitly restarted Arnoldi method (Sorensen, 1992); nothing if it does not
// converge.
std::optional<double> arnoldi_radius(const Eigen::MatrixXd& matrix, std::uint64_t seed) {
  Spectra::DenseGenMatProd<double> product(matrix);
  Spectra::GenEigsSolver<Spectra::DenseGenMatProd<double>> solver(product, kEigenvalues,
                                                                  kDimensions);
  try {
    solver.init(scattered(matrix.rows(), 1, seed).data());
    solver.compute(Spectra::SortRule::LargestMagn, kMaxRestarts, kTolerance);
  } catch (const std::exception&) {  // a breakdown, as with zeros
    return std::nullopt;
  }
  if (solver.info() != Spectra::CompInfo::Successful) return std::nullopt;
  const std::complex<double> value = solver.eigenvalues()[0];
  const Eigen::VectorXcd vector = solver.eigenvectors(1);
  // Where the space has too few dimensions, as with a matrix of rank 1, it is nothing at all.
  const double residual = (matrix * vector - value * vector).norm();
  if (!(residual < kMaxResidual * matrix.norm() * vector.norm())) return std::nullopt;
  return std::abs(value);
}

// The radius from the largest eigenvalues only; nothing where that is not sure.
std::optional<double> radius_of_largest(const Eigen::MatrixXd& matrix) {
  if (may_be_orthogonal(matrix)) return std::nullopt;
  // Spectra compares with absolute limits: the scale must not matter. A power of 2 is exact.
  int exponent = 0;
  std::frexp(matrix.norm() / std::sqrt(static_cast<double>(matrix.rows())), &exponent);
  const Eigen::MatrixXd scaled = matrix * std::ldexp(1.0, -exponent);
  const auto first = arnoldi_radius(scaled, 1);
  if (!first) return std::nullopt;
  const auto second = arnoldi_radius(scaled, 2);
  if (!second || !(std::abs(*first - *second) <= kAgreement * *first)) return std::nullopt;
  return std::ldexp(*first, exponent);
}

}  // namespace

double spectral_radius(Span<const float> matrix, std::size_t size) {
  if (matrix.size() != size * size)
    throw std::logic_error("spectral_radius: the matrix must be [size, size]");
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto side = static_cast<Eigen::Index>(size);
  const Eigen::MatrixXd values =
      Eigen::Map<const RowMajor>(matrix.data(), side, side).cast<double>();
  if (!values.allFinite()) return kUnknown;
  if (side >= kMinArnoldiSize)
    if (const auto radius = radius_of_largest(values)) return *radius;
  return radius_of_all(values);
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
