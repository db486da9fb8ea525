#include "clipsweep/initial_weights.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "clipsweep/random.h"

namespace clipsweep {
namespace {

void fill_uniform(Span<float> values, double limit, RandomStream& random) {
  for (float& value : values) value = static_cast<float>((2 * random.uniform() - 1) * limit);
}

double glorot_limit(int fan_in, int fan_out) { return std::sqrt(6.0 / (fan_in + fan_out)); }

// Fills a matrix [rows, columns], rows >= columns, with orthonormal columns, uniformly distributed:
// a Gaussian matrix made orthogonal. Gram and Schmidt's method, each column taken twice, is
// orthogonal to rounding (Giraud et al., 2005), and unlike LAPACK's its bits do not depend on the
// machine's BLAS.
void fill_orthogonal(Span<float> values, std::size_t rows, std::size_t columns,
                     RandomStream& random) {
  std::vector<double> basis(columns * rows);  // one column of the matrix after the other
  for (double& value : basis) value = random.normal();
  const auto dot = [&](const double* a, const double* b) {
    double sum = 0;
    for (std::size_t i = 0; i < rows; ++i) sum += a[i] * b[i];
    return sum;
  };
  for (std::size_t j = 0; j < columns; ++j) {
    double* column = &basis[j * rows];
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t k = 0; k < j; ++k) {
        const double* earlier = &basis[k * rows];
        const double share = dot(column, earlier);
        for (std::size_t i = 0; i < rows; ++i) column[i] -= share * earlier[i];
      }
    }
    const double norm = std::sqrt(dot(column, column));
    for (std::size_t i = 0; i < rows; ++i) column[i] /= norm;
  }
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j)
      values[i * columns + j] = static_cast<float>(basis[j * rows + i]);
}

void fill_as_keras(const ParameterLayout& layout, const ParameterTensor& tensor, Span<float> values,
                   RandomStream& random) {
  const auto hidden = static_cast<std::size_t>(layout.model.hidden);
  if (tensor.name == "lstm.weight_ih") {
    fill_uniform(values, glorot_limit(layout.model.inputs, 4 * layout.model.hidden), random);
  } else if (tensor.name == "lstm.weight_hh") {
    fill_orthogonal(values, 4 * hidden, hidden, random);
  } else if (tensor.name == "lstm.bias") {
    const auto forget_gate = values.subspan(hidden, hidden);
    std::fill(forget_gate.begin(), forget_gate.end(), 1.0F);
  } else if (tensor.name == "output.weight") {
    fill_uniform(values, glorot_limit(layout.model.hidden, layout.model.outputs), random);
  }
}

void fill_as_torch(const ParameterLayout& layout, const ParameterTensor& tensor, Span<float> values,
                   RandomStream& random) {
  const double limit = 1 / std::sqrt(static_cast<double>(layout.model.hidden));
  fill_uniform(values, limit, random);
  if (tensor.name != "lstm.bias") return;
  std::vector<float> second(values.size());
  fill_uniform(second, limit, random);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += second[i];
}

void flip_last_bit(float& weight) {
  if (weight == 0) return;  // would become denormal
  std::uint32_t bits = 0;
  std::memcpy(&bits, &weight, sizeof bits);
  bits ^= 1U;
  std::memcpy(&weight, &bits, sizeof bits);
}

}  // namespace

std::vector<float> initial_weights(Initialization init, const ParameterLayout& layout,
                                   std::uint64_t seed) {
  std::vector<float> row(layout.size());
  for (const auto& tensor : layout.tensors) {
    RandomStream random(seed, tensor.name);
    const auto fill = init == Initialization::kKeras ? fill_as_keras : fill_as_torch;
    fill(layout, tensor, part(Span<float>(row), tensor), random);
  }
  return row;
}

std::vector<float> initial_weights_of(const RunSpec& run, Initialization init,
                                      const ParameterLayout& layout) {
  auto row = initial_weights(init, layout, run.seed);
  if (run.perturbed)
    for (float& weight : row) flip_last_bit(weight);
  return row;
}

}  // namespace clipsweep
