// Norms and cosines of float32 and float64 gradients, in a number type in which no sum of squares
// overflows or underflows to 0: double for float, long double for double.
#pragma once

#include <limits>
#include <optional>

#include "clipsweep/base/span.h"
#include "clipsweep/model/gradient_norms.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {

template <typename Number>
struct WideType;
template <>
struct WideType<float> {
  using type = double;
};
template <>
struct WideType<double> {
  using type = long double;
};
static_assert(std::numeric_limits<long double>::max_exponent >
                  2 * std::numeric_limits<double>::max_exponent,
              "float64 gradients need a long double that holds the squares of doubles");

template <typename Number>
using Wide = typename WideType<Number>::type;

// The Euclidean norm; NaN or +inf exactly if an element is NaN or infinite.
double wide_norm(Span<const float> values);
long double wide_norm(Span<const double> values);

// The p-norm for p of 1, 2 or +inf (the largest magnitude); NaN if an element is NaN.
template <typename Number>
Wide<Number> wide_norm(Span<const Number> values, double p);

// a . b; both have the same size. That of float32 is in gradient_norms.h.
long double dot_product(Span<const double> a, Span<const double> b);

// The cosine of the angle between two gradients with these norms; nullopt if one of them has no
// direction because its norm is 0 or not finite.
template <typename Number>
std::optional<double> cosine(Span<const Number> a, Wide<Number> norm_of_a, Span<const Number> b,
                             Wide<Number> norm_of_b);

// The p-norm of a gradient whose parts have these p-norms. There is at least one part.
template <typename W>
W joint_norm(Span<const W> norms, double p);

// row [P]. Like measure_norms: the global norm is the norm of the tensors' norms.
void measure_wide(Span<const float> row, const ParameterLayout& layout, RowNorms<double>& norms);
void measure_wide(Span<const double> row, const ParameterLayout& layout,
                  RowNorms<long double>& norms);

}  // namespace clipsweep
