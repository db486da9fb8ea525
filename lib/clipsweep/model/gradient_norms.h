// Norms and products of gradients, their largest element and their non-finite elements. Norms are
// summed in double, where no sum of squares of float32 numbers can overflow or underflow to 0.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "clipsweep/base/span.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {

// Euclidean norm; NaN or +inf exactly if an element is NaN or infinite. The order of summation
// depends on the length only.
double euclidean_norm(Span<const float> values);

// Norms of a row, in a number type that is wide enough for them.
template <typename Wide>
struct RowNorms {
  Wide global = 0;
  std::vector<Wide> tensors;  // in the order of the layout
};
using GradientNorms = RowNorms<double>;

// row [P]. The global norm is the norm of the tensors' norms. Reuses the memory of `norms`.
void measure_norms(Span<const float> row, const ParameterLayout& layout, GradientNorms& norms);

// The norm of each gate over the tensors of all recurrent layers: [G], in the order of the gates.
// row [P].
std::vector<double> gate_norms(Span<const float> row, const ParameterLayout& layout);

// a . b, summed in double; both have the same size.
double dot_product(Span<const float> a, Span<const float> b);

// Multiplies each value by the factor, in double. Returns how many values changed; a NaN counts as
// one that did.
std::size_t multiply(Span<float> values, double factor);

// max |x|, NaN if any element is NaN.
float largest_magnitude(Span<const float> values);

// The index of the element with the largest magnitude, the first if there are several. The values
// must be finite and not empty.
std::size_t index_of_largest(Span<const float> values);

struct NonfiniteCounts {
  std::size_t first = 0;  // index of the first non-finite element
  std::size_t nan = 0;
  std::size_t positive_inf = 0;
  std::size_t negative_inf = 0;

  std::size_t total() const { return nan + positive_inf + negative_inf; }
};

// nullopt if every element is finite.
std::optional<NonfiniteCounts> find_nonfinite(Span<const float> values);

}  // namespace clipsweep
