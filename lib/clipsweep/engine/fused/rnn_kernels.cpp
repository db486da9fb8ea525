#include "clipsweep/engine/fused/rnn_kernels.h"

#include "clipsweep/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/engine/fused/rnn_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After those, once for each target:
#include "clipsweep/engine/fused/recurrence-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {
namespace {

// f(a), and its derivative by its value.
struct Tanh {
  template <class V>
  static HWY_INLINE V value(V a) {
    return tanh(a);
  }
  // dh (1 - h^2)
  template <class V>
  static HWY_INLINE V derivative(V dh, V h) {
    return hn::Mul(dh, hn::NegMulAdd(h, h, constant_like(h, 1.0F)));
  }
};

// A NaN passes in both directions, as in the reference.
struct Relu {
  template <class V>
  static HWY_INLINE V value(V a) {
    return hn::IfThenZeroElse(hn::Lt(a, constant_like(a, 0.0F)), a);
  }
  // dh where h > 0
  template <class V>
  static HWY_INLINE V derivative(V dh, V h) {
    return hn::IfThenZeroElse(hn::Le(h, constant_like(h, 0.0F)), dh);
  }
};

template <class Activation>
struct PlainCell {
  static constexpr std::size_t kGates = 1;
  static constexpr std::size_t kTileUnits = kTileRows;
  // The rows of one tile, ten cache lines each, fit the first cache.
  static constexpr std::size_t kChunkSteps = 44;
  static constexpr bool kPacksSamples = true;

  // What one time step reads and writes, for a strip of samples.
  template <class S>
  struct Step {
    Rows<float, S> sum_derivatives;  // [H]
    Rows<float, S> state;            // [H]
  };

  template <class S>
  struct Memory {
    Memory(const Group& group, std::size_t first)
        : hidden(group.sizes.hidden),
          sum_derivatives(
              rows_of<S>(group.memory.gates.data(), group.sizes.time_steps * hidden, first)),
          states(rows_of<S>(group.memory.states.data(), (group.sizes.time_steps + 1) * hidden,
                            first)) {}

    Step<S> at(std::size_t t, std::size_t, std::size_t after) const {
      return {sum_derivatives + t * hidden, states + after * hidden};
    }

    std::size_t hidden;
    Rows<float, S> sum_derivatives;
    Rows<float, S> states;
  };

  template <Pass, class V, class Step>
  static HWY_INLINE void forward(const V (&sums)[kGates], std::size_t unit, std::size_t v,
                                 const Step& step) {
    step.state.store(Activation::value(sums[0]), unit, v);
  }

  template <bool, class V, class Step>
  static HWY_INLINE std::uint64_t backward(V dh, std::size_t unit, std::size_t v, float,
                                           const Step& step) {
    step.sum_derivatives.store(Activation::derivative(dh, step.state.load(unit, v)), unit, v);
    return 0;
  }
};

}  // namespace

CellKernels kernels_of_rnn_tanh() { return kernels_of<PlainCell<Tanh>>(); }
CellKernels kernels_of_rnn_relu() { return kernels_of<PlainCell<Relu>>(); }

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace clipsweep {

HWY_EXPORT(kernels_of_rnn_tanh);
HWY_EXPORT(kernels_of_rnn_relu);

CellKernels rnn_kernels(Cell cell) {
  return cell == Cell::kRnnTanh ? HWY_DYNAMIC_DISPATCH(kernels_of_rnn_tanh)()
                                : HWY_DYNAMIC_DISPATCH(kernels_of_rnn_relu)();
}

}  // namespace clipsweep
#endif
