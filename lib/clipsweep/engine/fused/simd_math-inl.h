// exp, the logistic function and tanh for one register of float32: few instructions, any argument,
// NaN stays NaN. Compiled once for each instruction set (Highway's "-inl" convention); only SIMD
// kernels include it.
//
// Error bounds, measured by the tests over all of float32: exp 1.5 ulp, sigmoid and tanh 3 ulp.
#if defined(CLIPSWEEP_SIMD_MATH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_SIMD_MATH_INL_H
#undef CLIPSWEEP_SIMD_MATH_INL_H
#else
#define CLIPSWEEP_SIMD_MATH_INL_H
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A whole register, up to 16 lanes, which is one row of a block of samples.
using Floats = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Floats>;
constexpr Floats kFloats;

HWY_INLINE Vector constant(float value) { return hn::Set(kFloats, value); }

// A constant as wide as the register `like`. The functions below work on registers of any width.
template <class V>
HWY_INLINE V constant_like(V /*like*/, float value) {
  return hn::Set(hn::DFromV<V>(), value);
}

// Clamps to [min, max]; NaN stays NaN.
template <class V>
HWY_INLINE V clamped(V x, float min, float max) {
  const V lower = constant_like(x, min);
  const V upper = constant_like(x, max);
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  // If either operand is NaN, these processors return the second one.
  return hn::Max(lower, hn::Min(upper, x));
#else
  const V below = hn::IfThenElse(hn::Gt(x, upper), upper, x);
  return hn::IfThenElse(hn::Lt(below, lower), lower, below);
#endif
}

// e^x = scale + scale * expm1 with a power of two as the scale.
template <class V>
struct SplitExp {
  V scale;
  V expm1;
};

// Below this, e^x is not a normal number.
constexpr float kMinExponent = -87.3365F;

// x in [kMinExponent, 88.3], or NaN, which goes into expm1.
template <class V>
HWY_INLINE SplitExp<V> split_exp(V x) {
  constexpr float kLog2E = 1.44269504088896341F;
  // ln(2) in two parts; the first has few enough bits that its product with n is exact.
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440054690583e-4F;
  // Adding this rounds to an integer n and leaves n + 127, a float's exponent, in the low bits.
  constexpr float kRound = 12582912.0F + 127.0F;
  const hn::DFromV<V> floats;
  const hn::RebindToUnsigned<hn::DFromV<V>> bits;
  const auto all = [x](float value) { return constant_like(x, value); };
  const V rounded = hn::MulAdd(x, all(kLog2E), all(kRound));
  const V n = hn::Sub(rounded, all(kRound));
  // |f| <= ln(2) / 2
  const V f = hn::NegMulAdd(n, all(kLn2Low), hn::NegMulAdd(n, all(kLn2High), x));
  // e^f - 1 = f + f^2 q(f), q by minimax: relative error of e^f 3.2e-9.
  V q = all(0.001381422160193324F);
  q = hn::MulAdd(q, f, all(0.00836889911442995F));
  q = hn::MulAdd(q, f, all(0.04166840389370918F));
  q = hn::MulAdd(q, f, all(0.1666651964187622F));
  q = hn::MulAdd(q, f, all(0.4999999403953552F));
  return {hn::BitCast(floats, hn::ShiftLeft<23>(hn::BitCast(bits, rounded))),
          hn::MulAdd(hn::Mul(q, f), f, f)};
}

// e^x for x <= 0, for softmax; 0 if that is not a normal number.
template <class V>
HWY_INLINE V exp_of_negative(V x) {
  const SplitExp<V> e = split_exp(clamped(x, kMinExponent, 0.0F));
  return hn::IfThenZeroElse(hn::Lt(x, constant_like(x, kMinExponent)),
                            hn::MulAdd(e.expm1, e.scale, e.scale));
}

// 1 / (1 + e^-x)
template <class V>
HWY_INLINE V sigmoid(V x) {
  const SplitExp<V> e = split_exp(clamped(hn::Neg(x), kMinExponent, 88.3F));
  const V one = constant_like(x, 1.0F);
  return hn::Div(one, hn::MulAdd(e.expm1, e.scale, hn::Add(e.scale, one)));
}

// (e^2x - 1) / (e^2x + 1), accurate near 0 too. For x >= 10 it is 1 in float32.
template <class V>
HWY_INLINE V tanh(V x) {
  const SplitExp<V> e = split_exp(clamped(hn::Add(x, x), -20.0F, 20.0F));
  const V expm1 = hn::MulAdd(e.expm1, e.scale, hn::Sub(e.scale, constant_like(x, 1.0F)));
  return hn::Div(expm1, hn::Add(expm1, constant_like(x, 2.0F)));
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
