// The plain cells of the fused engine (Elman, 1990; with ReLU Le et al., 2015):
//
//   h_t = f(W_ih x_t + W_hh h_{t-1} + b),  f = tanh or max(0, .)
#include "clipsweep/base/simd_targets.h"
#include "clipsweep/engine/fused/recurrent_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/engine/fused/rnn_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After those, once for each target:
#include "clipsweep/engine/fused/recurrence-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {
namespace {

// Registers of a become f(a); and the derivative of a from the value h = f(a).
struct Tanh {
  template <class V, std::size_t N>
  static HWY_INLINE void apply(V (&a)[N]) {
    tanh(a);
  }
  // dh (1 - h^2)
  template <class V>
  static HWY_INLINE V derivative(V dh, V h) {
    return hn::Mul(dh, hn::NegMulAdd(h, h, constant_like(h, 1.0F)));
  }
};

// A NaN passes in both directions, as in the reference engine.
struct Relu {
  template <class V, std::size_t N>
  static HWY_INLINE void apply(V (&a)[N]) {
    for_each_register<N>(
        [&](auto n) { a[n] = hn::IfThenZeroElse(hn::Lt(a[n], constant_like(a[n], 0.0F)), a[n]); });
  }
  // dh where h > 0
  template <class V>
  static HWY_INLINE V derivative(V dh, V h) {
    return hn::IfThenZeroElse(hn::Le(h, constant_like(h, 0.0F)), dh);
  }
};

template <class Activation>
struct PlainCell : OneSumPerGate<1> {
  static constexpr bool kHasOmega = true;

  template <class S>
  static HWY_INLINE void forward(const Step<S>& step) {
    map_rows(step.sums, step.state, step.hidden, [](auto& a) { Activation::apply(a); });
  }

  template <bool, class V, class Step>
  static HWY_INLINE std::uint64_t backward(V dh, std::size_t unit, std::size_t v, float,
                                           const Step& step) {
    step.sums.store(Activation::derivative(dh, step.state.load(unit, v)), unit, v);
    return 0;
  }
};

}  // namespace

CellPasses passes_of_rnn_tanh() { return passes_of<PlainCell<Tanh>>(); }
CellPasses passes_of_rnn_relu() { return passes_of<PlainCell<Relu>>(); }

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
