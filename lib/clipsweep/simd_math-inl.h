// exp, the logistic function and tanh for one register of float32, as the LSTM needs them: few
// instructions, any argument, NaN stays NaN. Compiled once for each instruction set (Highway's
// "-inl" convention); only SIMD kernels include it.
//
// Error bounds, measured over all of float32 by the tests: exp 1.5 ulp, sigmoid and tanh 3 ulp.
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

// As many lanes as the registers have, at most 16: one row of a block of samples.
using Floats = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Floats>;
constexpr Floats kFloats;

HWY_INLINE Vector constant(float value) { return hn::Set(kFloats, value); }

// Within [least, most]; a NaN stays one.
HWY_INLINE Vector clamped(Vector x, float least, float most) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  // Of two numbers one of which is NaN, these processors take the second.
  return hn::Max(constant(least), hn::Min(constant(most), x));
#else
  const Vector below = hn::IfThenElse(hn::Gt(x, constant(most)), constant(most), x);
  return hn::IfThenElse(hn::Lt(below, constant(least)), constant(least), below);
#endif
}

// e^x = scale + scale * expm1 with a power of two as the scale.
struct SplitExp {
  Vector scale;
  Vector expm1;
};

// Below, e^x is no normal number any more.
constexpr float kLeastExponent = -87.3365F;

// x in [kLeastExponent, 88.3] or NaN, which then is in expm1.
HWY_INLINE SplitExp split_exp(Vector x) {
  constexpr float kLog2E = 1.44269504088896341F;
  // In two parts, the first of so few bits that its product with n is exact.
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440054690583e-4F;
  // Adding it rounds to a whole number n and leaves n + 127, a float's exponent, in the low bits.
  constexpr float kRound = 12582912.0F + 127.0F;
  const hn::RebindToUnsigned<Floats> bits;
  const Vector rounded = hn::MulAdd(x, constant(kLog2E), constant(kRound));
  const Vector n = hn::Sub(rounded, constant(kRound));
  // |f| <= ln(2) / 2
  const Vector f = hn::NegMulAdd(n, constant(kLn2Low), hn::NegMulAdd(n, constant(kLn2High), x));
  // e^f - 1 = f + f^2 q(f), q by minimax: relative error of e^f 3.2e-9.
  Vector q = constant(0.001381422160193324F);
  q = hn::MulAdd(q, f, constant(0.00836889911442995F));
  q = hn::MulAdd(q, f, constant(0.04166840389370918F));
  q = hn::MulAdd(q, f, constant(0.1666651964187622F));
  q = hn::MulAdd(q, f, constant(0.4999999403953552F));
  return {hn::BitCast(kFloats, hn::ShiftLeft<23>(hn::BitCast(bits, rounded))),
          hn::MulAdd(hn::Mul(q, f), f, f)};
}

// e^x for x <= 0, as softmax needs it; 0 where that is no normal number.
HWY_INLINE Vector exp_of_negative(Vector x) {
  const SplitExp e = split_exp(clamped(x, kLeastExponent, 0.0F));
  return hn::IfThenZeroElse(hn::Lt(x, constant(kLeastExponent)), hn::MulAdd(e.expm1, e.scale, e.scale));
}

// 1 / (1 + e^-x)
HWY_INLINE Vector sigmoid(Vector x) {
  const SplitExp e = split_exp(clamped(hn::Neg(x), kLeastExponent, 88.3F));
  const Vector one = constant(1.0F);
  return hn::Div(one, hn::MulAdd(e.expm1, e.scale, hn::Add(e.scale, one)));
}

// (e^2x - 1) / (e^2x + 1), accurate near 0 too. From 10 on it is 1 in float32.
HWY_INLINE Vector tanh(Vector x) {
  const SplitExp e = split_exp(clamped(hn::Add(x, x), -20.0F, 20.0F));
  const Vector expm1 = hn::MulAdd(e.expm1, e.scale, hn::Sub(e.scale, constant(1.0F)));
  return hn::Div(expm1, hn::Add(expm1, constant(2.0F)));
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
