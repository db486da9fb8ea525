#include "clipsweep/rnn_kernels.h"

#include "clipsweep/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/rnn_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After those, once for each target:
#include "clipsweep/recurrence-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {
namespace {

// f(a), and its derivative by its value.
struct Tanh {
  static HWY_INLINE Vector value(Vector a) { return tanh(a); }
  // dh (1 - h^2)
  static HWY_INLINE Vector derivative(Vector dh, Vector h) {
    return hn::Mul(dh, hn::NegMulAdd(h, h, constant(1.0F)));
  }
};

// A NaN passes in both directions, as in the reference.
struct Relu {
  static HWY_INLINE Vector value(Vector a) {
    return hn::IfThenZeroElse(hn::Lt(a, hn::Zero(kFloats)), a);
  }
  // dh where h > 0
  static HWY_INLINE Vector derivative(Vector dh, Vector h) {
    return hn::IfThenZeroElse(hn::Le(h, hn::Zero(kFloats)), dh);
  }
};

template <class Activation>
struct PlainCell {
  static constexpr std::size_t kGates = 1;
  static constexpr std::size_t kTileUnits = kTileRows;

  // What one time step reads and writes, for V registers of samples.
  template <std::size_t V>
  struct Step {
    Rows<float, V> sum_derivatives;  // [H]
    Rows<float, V> state;            // [H]
  };

  template <std::size_t V>
  struct Memory {
    Memory(const Group& group, std::size_t first)
        : hidden(group.sizes.hidden),
          sum_derivatives(
              rows_of<V>(group.memory.gates.data(), group.sizes.time_steps * hidden, first)),
          states(rows_of<V>(group.memory.states.data(), (group.sizes.time_steps + 1) * hidden,
                            first)) {}

    Step<V> at(std::size_t t, std::size_t, std::size_t after) const {
      return {sum_derivatives + t * hidden, states + after * hidden};
    }

    std::size_t hidden;
    Rows<float, V> sum_derivatives;
    Rows<float, V> states;
  };

  template <Pass, std::size_t V>
  static HWY_INLINE void forward(const Vector (&sums)[kGates], std::size_t unit, std::size_t v,
                                 const Step<V>& step) {
    step.state.store(Activation::value(sums[0]), unit, v);
  }

  template <bool, std::size_t V>
  static HWY_INLINE std::uint64_t backward(Vector dh, std::size_t unit, std::size_t v, float,
                                           const Step<V>& step) {
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
