#include "clipsweep/engine/fused/lstm_kernels.h"

#include "clipsweep/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/engine/fused/lstm_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After those, once for each target:
#include "clipsweep/engine/fused/recurrence-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {
namespace {

struct Lstm {
  static constexpr std::size_t kGates = 4;
  static constexpr std::size_t kTileUnits = kManyRegisters ? 2 : 1;
  // Both decide in which order gradients add up, and so their last bits: they stay as they were.
  static constexpr std::size_t kChunkSteps = 64;
  static constexpr bool kPacksSamples = false;

  // What one time step reads and writes, for a strip of samples.
  template <class S>
  struct Step {
    std::size_t hidden;
    Rows<float, S>
        gates;  // [4H]: values, overwritten by the derivatives of their sums on the way back
    Rows<float, S> state;        // [H]
    Rows<float, S> cell_before;  // [H]
    Rows<float, S> cell;         // [H]
    Rows<float, S> cell_tanh;    // [H]
    Rows<float, S>
        cell_derivative;  // [H], of this time step's; overwritten by that of the one before
  };

  template <class S>
  struct Memory {
    Memory(const Group& group, std::size_t first) : hidden(group.sizes.hidden) {
      KernelMemory& memory = group.memory;
      const std::size_t time_steps = group.sizes.time_steps;
      gates = rows_of<S>(memory.gates.data(), time_steps * 4 * hidden, first);
      states = rows_of<S>(memory.states.data(), (time_steps + 1) * hidden, first);
      cells = rows_of<S>(memory.cells.data(), (time_steps + 1) * hidden, first);
      cell_tanhs = rows_of<S>(memory.cell_tanhs.data(), time_steps * hidden, first);
      cell_derivative = rows_of<S>(memory.cell_derivatives.data(), hidden, first);
    }

    Step<S> at(std::size_t t, std::size_t before, std::size_t after) const {
      return {hidden,
              gates + t * 4 * hidden,
              states + after * hidden,
              cells + before * hidden,
              cells + after * hidden,
              cell_tanhs + t * hidden,
              cell_derivative};
    }

    std::size_t hidden;
    Rows<float, S> gates;
    Rows<float, S> states;
    Rows<float, S> cells;
    Rows<float, S> cell_tanhs;
    Rows<float, S> cell_derivative;
  };

  template <Pass kPass, class V, class Step>
  static HWY_INLINE void forward(const V (&sums)[kGates], std::size_t unit, std::size_t v,
                                 const Step& step) {
    const V i = sigmoid(sums[0]);
    const V f = sigmoid(sums[1]);
    const V g = tanh(sums[2]);
    const V o = sigmoid(sums[3]);
    const V c = hn::MulAdd(f, step.cell_before.load(unit, v), hn::Mul(i, g));
    const V cell_tanh = tanh(c);
    step.cell.store(c, unit, v);
    step.state.store(hn::Mul(o, cell_tanh), unit, v);
    if constexpr (kPass == Pass::kWithBackward) {
      step.gates.store(i, unit, v);
      step.gates.store(f, step.hidden + unit, v);
      step.gates.store(g, 2 * step.hidden + unit, v);
      step.gates.store(o, 3 * step.hidden + unit, v);
      step.cell_tanh.store(cell_tanh, unit, v);
    }
  }

  template <bool kLimits, class V, class Step>
  static HWY_INLINE std::uint64_t backward(V dh, std::size_t unit, std::size_t v, float limit,
                                           const Step& step) {
    const V one = constant_like(dh, 1.0F);
    const V i = step.gates.load(unit, v);
    const V f = step.gates.load(step.hidden + unit, v);
    const V g = step.gates.load(2 * step.hidden + unit, v);
    const V o = step.gates.load(3 * step.hidden + unit, v);
    const V cell_tanh = step.cell_tanh.load(unit, v);
    std::uint64_t limited = 0;
    const V dh_o = hn::Mul(dh, o);
    V dc = hn::MulAdd(dh_o, hn::NegMulAdd(cell_tanh, cell_tanh, one),
                      step.cell_derivative.load(unit, v));
    if constexpr (kLimits) limited += limit_derivatives(dc, limit);
    const V di = hn::Mul(hn::Mul(dc, g), hn::Mul(i, hn::Sub(one, i)));
    const V df = hn::Mul(hn::Mul(dc, step.cell_before.load(unit, v)), hn::Mul(f, hn::Sub(one, f)));
    const V dg = hn::Mul(hn::Mul(dc, i), hn::NegMulAdd(g, g, one));
    const V d_o = hn::Mul(hn::Mul(dh_o, cell_tanh), hn::Sub(one, o));
    step.gates.store(di, unit, v);
    step.gates.store(df, step.hidden + unit, v);
    step.gates.store(dg, 2 * step.hidden + unit, v);
    step.gates.store(d_o, 3 * step.hidden + unit, v);
    step.cell_derivative.store(hn::Mul(dc, f), unit, v);
    return limited;
  }
};

}  // namespace

CellKernels kernels_of_lstm() { return kernels_of<Lstm>(); }

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace clipsweep {

HWY_EXPORT(kernels_of_lstm);

CellKernels lstm_kernels() { return HWY_DYNAMIC_DISPATCH(kernels_of_lstm)(); }

}  // namespace clipsweep
#endif
