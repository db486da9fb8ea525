#include "clipsweep/lstm_kernels.h"

#include "clipsweep/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/lstm_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After those, once for each target:
#include "clipsweep/recurrence-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {
namespace {

struct Lstm {
  static constexpr std::size_t kGates = 4;
  static constexpr std::size_t kTileUnits = kManyRegisters ? 2 : 1;

  // What one time step reads and writes, for V registers of samples.
  template <std::size_t V>
  struct Step {
    std::size_t hidden;
    Rows<float, V>
        gates;  // [4H]: values, overwritten by the derivatives of their sums on the way back
    Rows<float, V> state;        // [H]
    Rows<float, V> cell_before;  // [H]
    Rows<float, V> cell;         // [H]
    Rows<float, V> cell_tanh;    // [H]
    Rows<float, V>
        cell_derivative;  // [H], of this time step's; overwritten by that of the one before
  };

  template <std::size_t V>
  struct Memory {
    Memory(const Group& group, std::size_t first) : hidden(group.sizes.hidden) {
      KernelMemory& memory = group.memory;
      const std::size_t time_steps = group.sizes.time_steps;
      gates = rows_of<V>(memory.gates.data(), time_steps * 4 * hidden, first);
      states = rows_of<V>(memory.states.data(), (time_steps + 1) * hidden, first);
      cells = rows_of<V>(memory.cells.data(), (time_steps + 1) * hidden, first);
      cell_tanhs = rows_of<V>(memory.cell_tanhs.data(), time_steps * hidden, first);
      cell_derivative = rows_of<V>(memory.cell_derivatives.data(), hidden, first);
    }

    Step<V> at(std::size_t t, std::size_t before, std::size_t after) const {
      return {hidden,
              gates + t * 4 * hidden,
              states + after * hidden,
              cells + before * hidden,
              cells + after * hidden,
              cell_tanhs + t * hidden,
              cell_derivative};
    }

    std::size_t hidden;
    Rows<float, V> gates;
    Rows<float, V> states;
    Rows<float, V> cells;
    Rows<float, V> cell_tanhs;
    Rows<float, V> cell_derivative;
  };

  template <Pass kPass, std::size_t V>
  static HWY_INLINE void forward(const Vector (&sums)[kGates], std::size_t unit, std::size_t v,
                                 const Step<V>& step) {
    const Vector i = sigmoid(sums[0]);
    const Vector f = sigmoid(sums[1]);
    const Vector g = tanh(sums[2]);
    const Vector o = sigmoid(sums[3]);
    const Vector c = hn::MulAdd(f, step.cell_before.load(unit, v), hn::Mul(i, g));
    const Vector cell_tanh = tanh(c);
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

  template <bool kLimits, std::size_t V>
  static HWY_INLINE std::uint64_t backward(Vector dh, std::size_t unit, std::size_t v, float limit,
                                           const Step<V>& step) {
    const Vector one = constant(1.0F);
    const Vector i = step.gates.load(unit, v);
    const Vector f = step.gates.load(step.hidden + unit, v);
    const Vector g = step.gates.load(2 * step.hidden + unit, v);
    const Vector o = step.gates.load(3 * step.hidden + unit, v);
    const Vector cell_tanh = step.cell_tanh.load(unit, v);
    std::uint64_t limited = 0;
    const Vector dh_o = hn::Mul(dh, o);
    Vector dc = hn::MulAdd(dh_o, hn::NegMulAdd(cell_tanh, cell_tanh, one),
                           step.cell_derivative.load(unit, v));
    if constexpr (kLimits) limited += limit_derivatives(dc, limit);
    const Vector di = hn::Mul(hn::Mul(dc, g), hn::Mul(i, hn::Sub(one, i)));
    const Vector df =
        hn::Mul(hn::Mul(dc, step.cell_before.load(unit, v)), hn::Mul(f, hn::Sub(one, f)));
    const Vector dg = hn::Mul(hn::Mul(dc, i), hn::NegMulAdd(g, g, one));
    const Vector d_o = hn::Mul(hn::Mul(dh_o, cell_tanh), hn::Sub(one, o));
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
