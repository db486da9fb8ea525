// The LSTM of the fused engine (Hochreiter and Schmidhuber, 1997; Gers et al., 2000):
//
//   i, f, g, o = W_ih x_t + W_hh h_{t-1} + b
//   c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
//   h_t = sigmoid(o) tanh(c_t)
#include "clipsweep/base/simd_targets.h"
#include "clipsweep/engine/fused/recurrent_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/engine/fused/lstm_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After those, once for each target:
#include "clipsweep/engine/fused/recurrence-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {
namespace {

struct Lstm : OneSumPerGate<4> {
  // c, tanh(c_t), and the derivative of c.
  static constexpr CellRows kRows = {/*sums=*/4, /*cells=*/1, /*kept=*/1, /*carried=*/1};
  // These decide the order in which gradients are summed, and so their last bits. They keep the
  // results of earlier versions.
  static constexpr std::size_t kChunkSteps = 64;
  static constexpr bool kPacksSamples = false;

  template <class S>
  static HWY_INLINE void forward(const Step<S>& step) {
    const Rows<float, S> i = step.sum(0), f = step.sum(1), g = step.sum(2), o = step.sum(3);
    map_rows(i, i, 2 * step.hidden, kSigmoid);  // and f
    map_rows(g, g, step.hidden, kTanh);
    map_rows(o, o, step.hidden, kSigmoid);
    for_each_unit(step, [&](auto unit, auto v) {
      const auto ig = hn::Mul(i.load(unit, v), g.load(unit, v));
      step.cell.store(hn::MulAdd(f.load(unit, v), step.cell_before.load(unit, v), ig), unit, v);
    });
    map_rows(step.cell, step.kept, step.hidden, kTanh);
    for_each_unit(step, [&](auto unit, auto v) {
      step.state.store(hn::Mul(o.load(unit, v), step.kept.load(unit, v)), unit, v);
    });
  }

  template <bool kLimits, class V, class Step>
  static HWY_INLINE std::uint64_t backward(V dh, std::size_t unit, std::size_t v, float limit,
                                           const Step& step) {
    const V one = constant_like(dh, 1.0F);
    const V i = step.sums.load(step.row(0, unit), v);
    const V f = step.sums.load(step.row(1, unit), v);
    const V g = step.sums.load(step.row(2, unit), v);
    const V o = step.sums.load(step.row(3, unit), v);
    const V cell_tanh = step.kept.load(unit, v);
    std::uint64_t limited = 0;
    const V dh_o = hn::Mul(dh, o);
    V dc = hn::MulAdd(dh_o, hn::NegMulAdd(cell_tanh, cell_tanh, one), step.carried.load(unit, v));
    if constexpr (kLimits) limited += limit_derivatives(dc, limit);
    const V di = hn::Mul(hn::Mul(dc, g), hn::Mul(i, hn::Sub(one, i)));
    const V df = hn::Mul(hn::Mul(dc, step.cell_before.load(unit, v)), hn::Mul(f, hn::Sub(one, f)));
    const V dg = hn::Mul(hn::Mul(dc, i), hn::NegMulAdd(g, g, one));
    const V d_o = hn::Mul(hn::Mul(dh_o, cell_tanh), hn::Sub(one, o));
    step.sums.store(di, step.row(0, unit), v);
    step.sums.store(df, step.row(1, unit), v);
    step.sums.store(dg, step.row(2, unit), v);
    step.sums.store(d_o, step.row(3, unit), v);
    step.carried.store(hn::Mul(dc, f), unit, v);
    return limited;
  }
};

}  // namespace

CellPasses passes_of_lstm() { return passes_of<Lstm>(); }

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
