// The GRU of the fused engine (Cho et al., 2014, as PyTorch and Keras (reset_after) compute it):
//
//   r, z = sigmoid(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)
//   n = tanh(W_in x_t + b_in + r u),  u = W_hn h_{t-1} + b_hn
//   h_t = (1 - z) n + z h_{t-1}
#include "clipsweep/base/simd_targets.h"
#include "clipsweep/engine/fused/recurrent_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/engine/fused/gru_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After those, once for each target:
#include "clipsweep/engine/fused/recurrence-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {
namespace {

// The candidate has two sums, because r multiplies only the second one: W_in x_t + b_in, and u.
struct Gru : OneSumPerGate<3> {
  static constexpr CellRows kRows = {/*sums=*/4, /*cells=*/0, /*kept=*/0, /*carried=*/1};
  static constexpr GateSums kSums[] = {{0, 2, 0, 0}, {2, 1, 2, kNoGate}, {3, 1, kNoGate, 2}};
  static constexpr bool kAddsCarried = true;  // z dloss/dh_t

  template <class S>
  static HWY_INLINE void forward(const Step<S>& step) {
    const Rows<float, S> r = step.sum(0), z = step.sum(1), n = step.sum(2), u = step.sum(3);
    map_rows(r, r, 2 * step.hidden, kSigmoid);  // and z
    for_each_unit(step, [&](auto unit, auto v) {
      n.store(hn::MulAdd(r.load(unit, v), u.load(unit, v), n.load(unit, v)), unit, v);
    });
    map_rows(n, n, step.hidden, kTanh);
    for_each_unit(step, [&](auto unit, auto v) {
      const auto candidate = n.load(unit, v);
      const auto change = hn::Sub(step.state_before.load(unit, v), candidate);
      step.state.store(hn::MulAdd(z.load(unit, v), change, candidate), unit, v);
    });
  }

  template <bool, class V, class Step>
  static HWY_INLINE std::uint64_t backward(V dh, std::size_t unit, std::size_t v, float,
                                           const Step& step) {
    const V one = constant_like(dh, 1.0F);
    const V r = step.sums.load(step.row(0, unit), v);
    const V z = step.sums.load(step.row(1, unit), v);
    const V n = step.sums.load(step.row(2, unit), v);
    const V u = step.sums.load(step.row(3, unit), v);
    const V dz = hn::Mul(hn::Mul(dh, hn::Sub(step.state_before.load(unit, v), n)),
                         hn::Mul(z, hn::Sub(one, z)));
    const V dn = hn::Mul(hn::Mul(dh, hn::Sub(one, z)), hn::NegMulAdd(n, n, one));
    const V dr = hn::Mul(hn::Mul(dn, u), hn::Mul(r, hn::Sub(one, r)));
    step.sums.store(dr, step.row(0, unit), v);
    step.sums.store(dz, step.row(1, unit), v);
    step.sums.store(dn, step.row(2, unit), v);
    step.sums.store(hn::Mul(dn, r), step.row(3, unit), v);
    step.carried.store(hn::Mul(dh, z), unit, v);
    return 0;
  }
};

}  // namespace

CellPasses passes_of_gru() { return passes_of<Gru>(); }

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
