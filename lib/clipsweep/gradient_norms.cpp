#include "clipsweep/gradient_norms.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace clipsweep {
namespace {

double sum_of_squares(Span<const float> values) {
  // Eight sums side by side, which the compiler can keep in vector registers without changing the
  // order of any of them.
  constexpr std::size_t kLanes = 8;
  std::array<double, kLanes> sums{};
  const std::size_t whole = values.size() - values.size() % kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + lane];
      sums[lane] += value * value;
    }
  }
  double rest = 0;
  for (std::size_t i = whole; i < values.size(); ++i) {
    const double value = values[i];
    rest += value * value;
  }
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) +
         rest;
}

// Whether all exponents are below that of NaN and Inf: integers, so that the loop needs no branch.
bool all_finite(Span<const float> values) {
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t bad = 0;
  for (const float value : values) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    bad |= (bits & kExponent) == kExponent ? 1U : 0U;
  }
  return bad == 0;
}

}  // namespace

double euclidean_norm(Span<const float> values) { return std::sqrt(sum_of_squares(values)); }

void measure_norms(Span<const float> row, const ParameterLayout& layout, GradientNorms& norms) {
  norms.tensors.clear();
  double sum = 0;
  for (const auto& tensor : layout.tensors) {
    const double squares = sum_of_squares(part(row, tensor));
    norms.tensors.push_back(std::sqrt(squares));
    sum += squares;
  }
  norms.global = std::sqrt(sum);
}

float largest_magnitude(Span<const float> values) {
  float largest = 0;
  bool has_nan = false;
  for (const float value : values) {
    const float magnitude = std::fabs(value);
    has_nan |= magnitude != magnitude;
    largest = magnitude > largest ? magnitude : largest;
  }
  return has_nan ? std::numeric_limits<float>::quiet_NaN() : largest;
}

std::size_t index_of_largest(Span<const float> values) {
  std::size_t index = 0;
  for (std::size_t i = 1; i < values.size(); ++i)
    if (std::fabs(values[i]) > std::fabs(values[index])) index = i;
  return index;
}

std::optional<NonfiniteCounts> find_nonfinite(Span<const float> values) {
  if (all_finite(values)) return std::nullopt;
  NonfiniteCounts counts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    if (counts.total() == 0) counts.first = i;
    if (std::isnan(values[i]))
      ++counts.nan;
    else if (values[i] > 0)
      ++counts.positive_inf;
    else
      ++counts.negative_inf;
  }
  return counts;
}

}  // namespace clipsweep
