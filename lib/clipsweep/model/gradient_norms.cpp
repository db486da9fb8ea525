#include "clipsweep/model/gradient_norms.h"

#include <array>
#include <cmath>
#include <limits>

#include "clipsweep/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/model/gradient_norms.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "clipsweep/model/product_sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

double sum_of_squares(const float* values, std::size_t size) {
  ProductSum sum;
  std::size_t i = 0;
  for (; i + kPartialSums <= size; i += kPartialSums) sum.add_squares(values + i);
  for (; i < size; ++i) sum.add_last_square(values[i]);
  return sum.total();
}

double dot_product(const float* a, const float* b, std::size_t size) {
  ProductSum sums;
  std::size_t i = 0;
  for (; i + kPartialSums <= size; i += kPartialSums) sums.add(a + i, b + i);
  double partial_sums[kPartialSums];
  sums.store(partial_sums);
  double product = 0;
  for (const double sum : partial_sums) product += sum;
  for (; i < size; ++i) product += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return product;
}

// Returns how many lanes changed.
template <class D>
HWY_INLINE std::size_t multiply_lanes(D doubles, float* values, double factor) {
  const hn::Rebind<float, D> floats;
  const auto value = hn::LoadU(floats, values);
  const auto product =
      hn::DemoteTo(floats, hn::Mul(hn::PromoteTo(doubles, value), hn::Set(doubles, factor)));
  hn::StoreU(product, floats, values);
  return hn::MaxLanes(floats) - hn::CountTrue(floats, hn::Eq(product, value));
}

std::size_t multiply(float* values, std::size_t size, double factor) {
  constexpr hn::CappedTag<double, 8> kDoubles;
  constexpr hn::CappedTag<double, 1> kOne;
  std::size_t changed = 0;
  std::size_t i = 0;
  for (; i + hn::MaxLanes(kDoubles) <= size; i += hn::MaxLanes(kDoubles))
    changed += multiply_lanes(kDoubles, values + i, factor);
  for (; i < size; ++i) changed += multiply_lanes(kOne, values + i, factor);
  return changed;
}

using Floats = hn::CappedTag<float, 16>;

// Calls `body` with the values, one register at a time; the last one is padded with zeros.
template <typename Body>
HWY_INLINE void for_registers(const float* values, std::size_t size, const Body& body) {
  constexpr Floats kFloats;
  constexpr std::size_t kLanes = hn::MaxLanes(kFloats);
  std::size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) body(hn::LoadU(kFloats, values + i));
  if (i == size) return;
  HWY_ALIGN float rest[kLanes] = {};
  for (std::size_t lane = 0; i + lane < size; ++lane) rest[lane] = values[i + lane];
  body(hn::Load(kFloats, rest));
}

// The largest magnitude; NaN if any value is NaN.
float largest_of(const float* values, std::size_t size) {
  constexpr Floats kFloats;
  auto largest = hn::Zero(kFloats);
  auto nans = hn::Zero(kFloats);  // NaN in a lane that had one
  for_registers(values, size, [&](auto value) {
    const auto magnitude = hn::Abs(value);
    largest = hn::IfThenElse(hn::Gt(magnitude, largest), magnitude, largest);
    nans = hn::IfThenElse(hn::Eq(value, value), nans, value);
  });
  if (!hn::AllTrue(kFloats, hn::Eq(nans, nans))) return std::numeric_limits<float>::quiet_NaN();
  return hn::GetLane(hn::MaxOfLanes(kFloats, largest));
}

bool all_finite(const float* values, std::size_t size) {
  constexpr Floats kFloats;
  // x - x is 0 for a finite number and NaN for any other; so is the sum of these.
  auto sum = hn::Zero(kFloats);
  for_registers(values, size, [&](auto value) { sum = hn::Add(sum, hn::Sub(value, value)); });
  return hn::AllTrue(kFloats, hn::Eq(sum, sum));
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace clipsweep {

HWY_EXPORT(sum_of_squares);
HWY_EXPORT(dot_product);
HWY_EXPORT(multiply);
HWY_EXPORT(largest_of);
HWY_EXPORT(all_finite);

double euclidean_norm(Span<const float> values) {
  return std::sqrt(HWY_DYNAMIC_DISPATCH(sum_of_squares)(values.data(), values.size()));
}

void measure_norms(Span<const float> row, const ParameterLayout& layout, GradientNorms& norms) {
  norms.tensors.clear();
  double sum = 0;
  for (const auto& tensor : layout.tensors) {
    const auto values = part(row, tensor);
    const double squares = HWY_DYNAMIC_DISPATCH(sum_of_squares)(values.data(), values.size());
    norms.tensors.push_back(std::sqrt(squares));
    sum += squares;
  }
  norms.global = std::sqrt(sum);
}

std::vector<double> gate_norms(Span<const float> row, const ParameterLayout& layout) {
  const auto gates = static_cast<std::size_t>(gates_of(layout.model.cell));
  std::vector<double> norms(gates);
  for (const auto& tensor : layout.tensors) {
    if (is_output(tensor)) continue;
    const std::size_t size = tensor.size() / gates;  // a gate's rows are consecutive
    for (std::size_t gate = 0; gate < gates; ++gate)
      norms[gate] +=
          HWY_DYNAMIC_DISPATCH(sum_of_squares)(row.data() + tensor.offset + gate * size, size);
  }
  for (double& norm : norms) norm = std::sqrt(norm);
  return norms;
}

double dot_product(Span<const float> a, Span<const float> b) {
  return HWY_DYNAMIC_DISPATCH(dot_product)(a.data(), b.data(), a.size());
}

std::size_t multiply(Span<float> values, double factor) {
  return HWY_DYNAMIC_DISPATCH(multiply)(values.data(), values.size(), factor);
}

float largest_magnitude(Span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(largest_of)(values.data(), values.size());
}

std::size_t index_of_largest(Span<const float> values) {
  std::size_t index = 0;
  for (std::size_t i = 1; i < values.size(); ++i)
    if (std::fabs(values[i]) > std::fabs(values[index])) index = i;
  return index;
}

std::optional<NonfiniteCounts> find_nonfinite(Span<const float> values) {
  if (HWY_DYNAMIC_DISPATCH(all_finite)(values.data(), values.size())) return std::nullopt;
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
#endif
