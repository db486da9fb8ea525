// exp, the logistic function and tanh for registers of float32: few instructions, any argument, NaN
// stays NaN. Compiled once for each instruction set (Highway's "-inl" convention); only SIMD
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

// The functions below take several registers at once, and compute each operation for all of them
// before the next one, so that an operation need not wait for the one before it.

// Below this, e^x is not a normal number.
constexpr float kMinExponent = -87.3365F;

// Calls body(n) for n = 0 to N - 1.
template <std::size_t N, typename Body>
HWY_INLINE void for_each_register(const Body& body) {
#pragma GCC unroll 8
  for (std::size_t n = 0; n < N; ++n) body(n);
}

// e^x = scale + scale * expm1 with a power of two as the scale.
template <class V, std::size_t N>
struct SplitExp {
  HWY_INLINE SplitExp() {}  // GCC compiles an implicit one without the instruction set (NEON)

  V scale[N];
  V expm1[N];
};

// x in [kMinExponent, 88.3], or NaN, which goes into expm1.
template <class V, std::size_t N>
HWY_INLINE SplitExp<V, N> split_exp(const V (&x)[N]) {
  constexpr float kLog2E = 1.44269504088896341F;
  // ln(2) in two parts; the first has few enough bits that its product with n is exact.
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440054690583e-4F;
  // Adding this rounds to an integer n and leaves n + 127, a float's exponent, in the low bits.
  constexpr float kRound = 12582912.0F + 127.0F;
  // e^f - 1 = f + f^2 q(f), q by minimax: relative error of e^f 3.2e-9.
  constexpr float kQ[] = {0.001381422160193324F, 0.00836889911442995F, 0.04166840389370918F,
                          0.1666651964187622F, 0.4999999403953552F};
  const hn::DFromV<V> floats;
  const hn::RebindToUnsigned<hn::DFromV<V>> bits;
  const auto all = [&x](float value) { return constant_like(x[0], value); };
  SplitExp<V, N> e;
  V whole[N], f[N], q[N];
  for_each_register<N>([&](auto n) { e.scale[n] = hn::MulAdd(x[n], all(kLog2E), all(kRound)); });
  for_each_register<N>([&](auto n) { whole[n] = hn::Sub(e.scale[n], all(kRound)); });
  // |f| <= ln(2) / 2
  for_each_register<N>([&](auto n) { f[n] = hn::NegMulAdd(whole[n], all(kLn2High), x[n]); });
  for_each_register<N>([&](auto n) { f[n] = hn::NegMulAdd(whole[n], all(kLn2Low), f[n]); });
  for_each_register<N>([&](auto n) { q[n] = hn::MulAdd(all(kQ[0]), f[n], all(kQ[1])); });
#pragma GCC unroll 8
  for (std::size_t i = 2; i < 5; ++i)
    for_each_register<N>([&](auto n) { q[n] = hn::MulAdd(q[n], f[n], all(kQ[i])); });
  for_each_register<N>([&](auto n) { q[n] = hn::Mul(q[n], f[n]); });
  for_each_register<N>([&](auto n) { e.expm1[n] = hn::MulAdd(q[n], f[n], f[n]); });
  for_each_register<N>([&](auto n) {
    e.scale[n] = hn::BitCast(floats, hn::ShiftLeft<23>(hn::BitCast(bits, e.scale[n])));
  });
  return e;
}

// x becomes e^x for x <= 0, for softmax; 0 if that is not a normal number.
template <class V, std::size_t N>
HWY_INLINE void exp_of_negative(V (&x)[N]) {
  V limited[N];
  for_each_register<N>([&](auto n) { limited[n] = clamped(x[n], kMinExponent, 0.0F); });
  const SplitExp<V, N> e = split_exp(limited);
  for_each_register<N>([&](auto n) {
    x[n] = hn::IfThenZeroElse(hn::Lt(x[n], constant_like(x[n], kMinExponent)),
                              hn::MulAdd(e.expm1[n], e.scale[n], e.scale[n]));
  });
}

// x becomes 1 / (1 + e^-x).
template <class V, std::size_t N>
HWY_INLINE void sigmoid(V (&x)[N]) {
  for_each_register<N>([&](auto n) { x[n] = clamped(hn::Neg(x[n]), kMinExponent, 88.3F); });
  const SplitExp<V, N> e = split_exp(x);
  const V one = constant_like(x[0], 1.0F);
  for_each_register<N>([&](auto n) {
    x[n] = hn::Div(one, hn::MulAdd(e.expm1[n], e.scale[n], hn::Add(e.scale[n], one)));
  });
}

// x becomes (e^2x - 1) / (e^2x + 1), accurate near 0 too. For x >= 10 it is 1 in float32.
template <class V, std::size_t N>
HWY_INLINE void tanh(V (&x)[N]) {
  for_each_register<N>([&](auto n) { x[n] = clamped(hn::Add(x[n], x[n]), -20.0F, 20.0F); });
  const SplitExp<V, N> e = split_exp(x);
  const V one = constant_like(x[0], 1.0F);
  const V two = constant_like(x[0], 2.0F);
  for_each_register<N>([&](auto n) {
    const V expm1 = hn::MulAdd(e.expm1[n], e.scale[n], hn::Sub(e.scale[n], one));
    x[n] = hn::Div(expm1, hn::Add(expm1, two));
  });
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
