// exp, sigmoid and tanh of one register compared with the C library's in double, over the whole
// range of float32, with every instruction set of this machine.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "clipsweep/base/aligned.h"
#include "clipsweep/base/simd_targets.h"
#include "support/each_simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/fused/simd_math_test.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After those, once for each target:
#include "clipsweep/engine/fused/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {
namespace {

template <typename Function>
void map_values(const Function& function, AlignedVector<float>& values) {
  for (std::size_t i = 0; i < values.size(); i += hn::MaxLanes(kFloats)) {
    Vector x[] = {hn::Load(kFloats, values.data() + i)};
    function(x);
    hn::Store(x[0], kFloats, values.data() + i);
  }
}

}  // namespace

void apply_exp(AlignedVector<float>& values) {
  map_values([](auto& x) { exp_of_negative(x); }, values);
}
void apply_sigmoid(AlignedVector<float>& values) {
  map_values([](auto& x) { sigmoid(x); }, values);
}
void apply_tanh(AlignedVector<float>& values) {
  map_values([](auto& x) { tanh(x); }, values);
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace clipsweep {
namespace {

HWY_EXPORT(apply_exp);
HWY_EXPORT(apply_sigmoid);
HWY_EXPORT(apply_tanh);

class SimdMath : public EachSimd {};
CLIPSWEEP_WITH_EACH_SIMD(SimdMath);

// Every 1,009th of all finite float32 numbers, of both signs or only the negative ones.
AlignedVector<float> arguments(bool only_negative) {
  AlignedVector<float> values;
  for (std::uint64_t bits = only_negative ? 0x80000000U : 0; bits <= 0xffffffffU; bits += 1009) {
    const auto pattern = static_cast<std::uint32_t>(bits);
    float value = 0;
    std::memcpy(&value, &pattern, sizeof value);
    if (std::isfinite(value)) values.push_back(value);
  }
  values.resize(values.size() / kLanes * kLanes);
  return values;
}

// The error in units in the last place (ulp) of the expected value; below the normal numbers, in
// units of the smallest normal number.
double error_in_ulp(float result, double right) {
  const double smallest = std::numeric_limits<float>::min();
  const double magnitude = std::max(std::fabs(right), smallest);
  const double ulp = std::ldexp(1.0, std::ilogb(magnitude) - 23);
  if (std::fabs(right) < smallest)
    return std::fabs(static_cast<double>(result) - right) <= smallest ? 0 : 1e9;
  return std::fabs(static_cast<double>(result) - right) / ulp;
}

template <typename Right>
double largest_error(const AlignedVector<float>& arguments, const AlignedVector<float>& results,
                     const Right& right) {
  double largest = 0;
  for (std::size_t i = 0; i < results.size(); ++i)
    largest = std::max(largest, error_in_ulp(results[i], right(static_cast<double>(arguments[i]))));
  return largest;
}

TEST_P(SimdMath, ErrorsAreWithinTheStatedBounds) {
  const auto negative = arguments(true);
  const auto both = arguments(false);
  auto results = negative;
  HWY_DYNAMIC_DISPATCH(apply_exp)(results);
  EXPECT_LE(largest_error(negative, results, [](double x) { return std::exp(x); }), 1.5);
  results = both;
  HWY_DYNAMIC_DISPATCH(apply_sigmoid)(results);
  EXPECT_LE(largest_error(both, results, [](double x) { return 1 / (1 + std::exp(-x)); }), 3);
  results = both;
  HWY_DYNAMIC_DISPATCH(apply_tanh)(results);
  EXPECT_LE(largest_error(both, results, [](double x) { return std::tanh(x); }), 3);
}

TEST_P(SimdMath, LimitsAndNansAreExact) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  AlignedVector<float> values(kLanes);
  values = {0, -0.0F, infinity, -infinity, nan, -nan, 100, -200};
  values.resize(kLanes);
  auto results = values;
  HWY_DYNAMIC_DISPATCH(apply_sigmoid)(results);
  EXPECT_EQ(results[0], 0.5F);
  EXPECT_EQ(results[2], 1);
  EXPECT_LT(results[3], 1e-37F);
  EXPECT_GE(results[3], 0);
  EXPECT_TRUE(std::isnan(results[4]) && std::isnan(results[5]));
  results = values;
  HWY_DYNAMIC_DISPATCH(apply_tanh)(results);
  EXPECT_EQ(results[0], 0);
  EXPECT_EQ(results[2], 1);
  EXPECT_EQ(results[3], -1);
  EXPECT_TRUE(std::isnan(results[4]) && std::isnan(results[5]));
  EXPECT_EQ(results[6], 1);
  EXPECT_EQ(results[7], -1);
  results = values;
  HWY_DYNAMIC_DISPATCH(apply_exp)(results);
  EXPECT_EQ(results[0], 1);
  EXPECT_EQ(results[3], 0);
  EXPECT_TRUE(std::isnan(results[4]) && std::isnan(results[5]));
  EXPECT_EQ(results[7], 0);
}

}  // namespace
}  // namespace clipsweep
#endif
