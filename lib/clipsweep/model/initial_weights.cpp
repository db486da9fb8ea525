#include "clipsweep/model/initial_weights.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <utility>

#include "clipsweep/base/random.h"
#include "clipsweep/model/spectral_radius.h"

namespace clipsweep {
namespace {

void fill_uniform(Span<float> values, double limit, RandomStream& random) {
  for (float& value : values) value = static_cast<float>((2 * random.uniform() - 1) * limit);
}

// Fills a matrix [rows, columns], rows >= columns, with uniformly distributed orthonormal columns,
// by making a Gaussian matrix orthogonal. Gram-Schmidt with two passes per column is orthogonal up
// to rounding (Giraud et al., 2005). Unlike LAPACK's, its bits do not depend on the machine's BLAS.
void fill_orthogonal(Span<float> values, std::size_t rows, std::size_t columns,
                     RandomStream& random) {
  std::vector<double> basis(columns * rows);  // column by column
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

void fill_glorot(Span<float> values, const std::vector<int>& shape, RandomStream& random) {
  fill_uniform(values, std::sqrt(6.0 / (shape[0] + shape[1])), random);
}

void fill_gaussian(Span<float> values, double deviation, RandomStream& random) {
  for (float& value : values) value = static_cast<float>(deviation * random.normal());
}

void fill_identity(Span<float> values, std::size_t columns) {
  for (std::size_t i = 0; i < columns; ++i) values[i * columns + i] = 1;
}

// Draws `count` different numbers below `bound`; each choice is equally likely (Fisher and Yates).
std::vector<std::size_t> chosen(std::size_t count, std::size_t bound, RandomStream& random) {
  std::vector<std::size_t> numbers(bound);
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  for (std::size_t i = 0; i < count; ++i)
    std::swap(numbers[i], numbers[i + random.below(bound - i)]);
  numbers.resize(count);
  return numbers;
}

void fill_sparse(Span<float> values, std::size_t columns, RandomStream& random) {
  const std::size_t incoming = std::min<std::size_t>(columns, 15);
  for (std::size_t row = 0; row < values.size(); row += columns)
    for (const std::size_t column : chosen(incoming, columns, random))
      values[row + column] = static_cast<float>(random.normal());
}

// Scales each gate's matrix [H, H] to this spectral radius. Its radius before is not 0: every unit
// has an incoming weight, so some units form a cycle.
void scale_gates(Span<float> values, std::size_t hidden, double radius) {
  const std::size_t gate = hidden * hidden;
  for (std::size_t first = 0; first < values.size(); first += gate) {
    const auto weights = values.subspan(first, gate);
    const double scale = radius / spectral_radius(weights, hidden);
    for (float& weight : weights) weight = static_cast<float>(scale * static_cast<double>(weight));
  }
}

bool is_kernel(const ParameterTensor& tensor) { return tensor.shape.size() == 2; }

// Fills a kernel by any scheme but torch, which does not distinguish kernels from biases.
void fill_kernel(const InitialScheme& scheme, const ParameterTensor& kernel, Span<float> values,
                 RandomStream& random) {
  const auto rows = static_cast<std::size_t>(kernel.shape[0]);
  const auto columns = static_cast<std::size_t>(kernel.shape[1]);
  if (scheme.kind == InitialKind::kIdentity && is_recurrent(kernel)) {
    fill_identity(values, columns);
  } else if (scheme.deviation > 0) {
    fill_gaussian(values, scheme.deviation, random);
  } else if (scheme.kind == InitialKind::kSparse) {
    fill_sparse(values, columns, random);
    if (is_recurrent(kernel)) scale_gates(values, columns, 0.95);
  } else if (!is_recurrent(kernel)) {
    fill_glorot(values, kernel.shape, random);
  } else {
    fill_orthogonal(values, rows, columns, random);
  }
}

void fill_as_torch(const Model& model, const ParameterTensor& tensor, Span<float> values,
                   RandomStream& random) {
  const double limit = 1 / std::sqrt(static_cast<double>(model.hidden));
  fill_uniform(values, limit, random);
  // PyTorch's cells have two biases.
  const bool is_one_bias = cell_entry(model.cell).biases.size() == 1;
  const bool is_sum_of_two = !is_kernel(tensor) && !is_output(tensor) && is_one_bias;
  if (!is_sum_of_two) return;
  std::vector<float> second(values.size());
  fill_uniform(second, limit, random);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += second[i];
}

void set_forget_bias(double bias, const ParameterLayout& layout, std::vector<float>& row) {
  const auto forget_gate = forget_gate_of(layout.model.cell);
  if (!forget_gate) return;
  const auto hidden = static_cast<std::size_t>(layout.model.hidden);
  for (const auto& tensor : layout.tensors) {
    if (is_kernel(tensor) || is_output(tensor)) continue;
    const auto values = part(Span<float>(row), tensor).subspan(*forget_gate * hidden, hidden);
    std::fill(values.begin(), values.end(), static_cast<float>(bias));
  }
}

void flip_last_bit(float& weight) {
  if (weight == 0) return;  // it would become denormal
  std::uint32_t bits = 0;
  std::memcpy(&bits, &weight, sizeof bits);
  bits ^= 1U;
  std::memcpy(&weight, &bits, sizeof bits);
}

}  // namespace

std::vector<float> initial_weights(const InitialScheme& scheme, const ParameterLayout& layout,
                                   std::uint64_t seed, std::optional<double> forget_bias) {
  check_initial_scheme(scheme, layout.model.cell);
  std::vector<float> row(layout.size());
  for (const auto& tensor : layout.tensors) {
    RandomStream random(seed, tensor.name);
    const auto values = part(Span<float>(row), tensor);
    if (scheme.kind == InitialKind::kTorch)
      fill_as_torch(layout.model, tensor, values, random);
    else if (is_kernel(tensor))
      fill_kernel(scheme, tensor, values, random);
  }
  if (!forget_bias && scheme.kind == InitialKind::kKeras) forget_bias = 1;
  if (forget_bias) set_forget_bias(*forget_bias, layout, row);
  return row;
}

void flip_last_bits(Span<float> weights) {
  for (float& weight : weights) flip_last_bit(weight);
}

}  // namespace clipsweep
