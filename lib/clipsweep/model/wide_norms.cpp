#include "clipsweep/model/wide_norms.h"

#include <algorithm>
#include <cmath>

namespace clipsweep {
namespace {

template <typename Number>
Wide<Number> sum_of_magnitudes(Span<const Number> values) {
  Wide<Number> sum = 0;
  for (const Wide<Number> value : values) sum += std::fabs(value);
  return sum;
}

// NaN if any value is NaN.
template <typename W, typename Number>
W largest_of(Span<const Number> values) {
  W largest = 0;
  for (const W value : values) {
    const W magnitude = std::fabs(value);
    largest = magnitude > largest || std::isnan(magnitude) ? magnitude : largest;
  }
  return largest;
}

}  // namespace

double wide_norm(Span<const float> values) { return euclidean_norm(values); }

long double wide_norm(Span<const double> values) {
  long double squares = 0;
  for (const long double value : values) squares += value * value;
  return std::sqrt(squares);
}

long double dot_product(Span<const double> a, Span<const double> b) {
  long double product = 0;
  for (std::size_t i = 0; i < a.size(); ++i) product += static_cast<long double>(a[i]) * b[i];
  return product;
}

template <typename Number>
std::optional<double> cosine(Span<const Number> a, Wide<Number> norm_of_a, Span<const Number> b,
                             Wide<Number> norm_of_b) {
  const bool directed =
      norm_of_a > 0 && norm_of_b > 0 && std::isfinite(norm_of_a) && std::isfinite(norm_of_b);
  if (!directed) return std::nullopt;
  const Wide<Number> value = dot_product(a, b) / norm_of_a / norm_of_b;
  return std::clamp(static_cast<double>(value), -1.0, 1.0);  // rounding can exceed 1
}

template <typename Number>
Wide<Number> wide_norm(Span<const Number> values, double p) {
  if (p == 1) return sum_of_magnitudes(values);
  if (p == 2) return wide_norm(values);
  return largest_of<Wide<Number>>(values);
}

template <typename W>
W joint_norm(Span<const W> norms, double p) {
  if (p != 1 && p != 2) return largest_of<W>(norms);
  W sum = 0;
  for (const W norm : norms) sum += p == 2 ? norm * norm : norm;
  return p == 2 ? std::sqrt(sum) : sum;
}

void measure_wide(Span<const float> row, const ParameterLayout& layout, RowNorms<double>& norms) {
  measure_norms(row, layout, norms);
}

void measure_wide(Span<const double> row, const ParameterLayout& layout,
                  RowNorms<long double>& norms) {
  norms.tensors.clear();
  for (const auto& tensor : layout.tensors) norms.tensors.push_back(wide_norm(part(row, tensor)));
  norms.global = joint_norm<long double>(norms.tensors, 2);
}

template double wide_norm(Span<const float>, double);
template long double wide_norm(Span<const double>, double);
template std::optional<double> cosine(Span<const float>, double, Span<const float>, double);
template std::optional<double> cosine(Span<const double>, long double, Span<const double>,
                                      long double);
template double joint_norm(Span<const double>, double);
template long double joint_norm(Span<const long double>, double);

}  // namespace clipsweep
