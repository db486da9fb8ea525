// What a cell says about itself, and the memory and the weights of a layer of such cells.
//
// A cell is a class of static members. It derives from OneSumPerGate and replaces what differs:
//
//   kGates          rows of W_ih and of W_hh per unit
//   kRows           the memory it needs, CellRows; kRows.sums is the number of sums of a unit
//   kSums           which sums the products W_ih x_t (and the bias) and W_hh h_{t-1} (and the
//   second
//                   bias, if any) are added to
//   kHasOmega       whether the regularizer Omega is defined for it (engine/omega.h)
//   kAddsCarried    whether the carried derivatives are a part of dloss/dh_{t-1}
//   kChunkSteps     time steps times blocks over which a tile of weight gradients is summed at once
//   kPacksSamples   whether registers without a sample are skipped and half registers may be used
//
//   forward(step)                                computes the states of all units from their sums,
//                                                and keeps there what backward needs
//   backward<kLimits>(dh, unit, v, limit, step)  computes the derivatives of a unit's sums from
//                                                dloss/dh_t, for register v of the strip; returns
//                                                how many it limited
//
// `step` has the rows of the time step.
#if defined(CLIPSWEEP_LAYERS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_LAYERS_INL_H
#undef CLIPSWEEP_LAYERS_INL_H
#else
#define CLIPSWEEP_LAYERS_INL_H
#endif

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "clipsweep/base/span.h"
#include "clipsweep/engine/fused/recurrent_kernels.h"
#include "clipsweep/engine/fused/simd_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

// ---- What a cell says about itself -------------------------------------------------------------

// Consecutive sums of a unit, and the gates whose products are added to them: those of W_ih x_t
// from number `input_gate` on, and those of W_hh h_{t-1} from `recurrent_gate` on.
struct GateSums {
  std::size_t sum;
  std::size_t count;
  std::size_t input_gate;      // or kNoGate
  std::size_t recurrent_gate;  // or kNoGate
};
constexpr std::size_t kNoGate = static_cast<std::size_t>(-1);

// A cell whose gates each have one sum, W_ih x_t + W_hh h_{t-1} + b.
template <std::size_t kGateCount>
struct OneSumPerGate {
  static constexpr std::size_t kGates = kGateCount;
  static constexpr CellRows kRows = {kGateCount};
  static constexpr GateSums kSums[] = {{0, kGateCount, 0, 0}};
  static constexpr bool kHasOmega = false;
  static constexpr bool kAddsCarried = false;
  // The rows of one tile of weight gradients, ten cache lines each, fit into the L1 cache.
  static constexpr std::size_t kChunkSteps = 44;
  static constexpr bool kPacksSamples = true;
};

// What one time step reads and writes for a strip of samples, in rows of H units. Rows that the
// cell does not need are not set.
template <class S>
struct Step {
  std::size_t hidden;
  Rows<float, S> sums;           // [CellRows::sums H]
  Rows<float, S> state_before;   // [H], h_{t-1}
  Rows<float, S> state;          // [H], h_t
  Rows<float, S> cell_before{};  // [H], c_{t-1}
  Rows<float, S> cell{};         // [H], c_t
  Rows<float, S> kept{};         // [CellRows::kept H]
  Rows<float, S> carried{};      // [CellRows::carried H], written for the previous time step

  // The rows of the sum with this number.
  Rows<float, S> sum(std::size_t number) const { return sums + number * hidden; }
  // Row `unit` of the sum with this number.
  std::size_t row(std::size_t sum, std::size_t unit) const { return sum * hidden + unit; }
};

// Writes f(from) for `count` rows, two at a time: f changes the registers of an array. Apart from
// the sums of products, which need all registers, exp and tanh take half the time (Zen 3: 3 ns a
// register instead of 5).
template <class S, class From, typename F>
HWY_INLINE void map_rows(const Rows<From, S>& from, const Rows<float, S>& to, std::size_t count,
                         const F& f) {
  const auto map = [&](auto rows, std::size_t first) {
    constexpr std::size_t kRegisters = rows() * S::kCount;
    typename S::V values[kRegisters];
    for_each_register<kRegisters>(
        [&](auto i) { values[i] = from.load(first + i / S::kCount, i % S::kCount); });
    f(values);
    for_each_register<kRegisters>(
        [&](auto i) { to.store(values[i], first + i / S::kCount, i % S::kCount); });
  };
  std::size_t row = 0;
  for (; row + 2 <= count; row += 2) map(Constant<2>{}, row);
  if (row < count) map(Constant<1>{}, row);
}

// Calls body(unit, v) for each register of H rows.
template <class S, typename Body>
HWY_INLINE void for_each_unit(const Step<S>& step, const Body& body) {
  for (std::size_t unit = 0; unit < step.hidden; ++unit)
#pragma GCC unroll 3
    for (std::size_t v = 0; v < S::kCount; ++v) body(unit, v);
}

constexpr auto kSigmoid = [](auto& values) { sigmoid(values); };
constexpr auto kTanh = [](auto& values) { tanh(values); };

// A layer's memory of all time steps for a strip of samples.
template <class CellKind, class S>
class StepMemory {
 public:
  StepMemory(const KernelSizes& sizes, LayerMemory& layer, std::size_t first)
      : hidden_(sizes.hidden),
        sums_(rows_of<S>(layer.sums.data(), sizes.time_steps * kRows.sums * hidden_, first)),
        states_(rows_of<S>(layer.states.data(), (sizes.time_steps + 1) * hidden_, first)) {
    if constexpr (kRows.cells > 0)
      cells_ = rows_of<S>(layer.cells.data(), (sizes.time_steps + 1) * hidden_, first);
    if constexpr (kRows.kept > 0)
      kept_ = rows_of<S>(layer.kept.data(), sizes.time_steps * kRows.kept * hidden_, first);
    if constexpr (kRows.carried > 0)
      carried_ = rows_of<S>(layer.carried.data(), kRows.carried * hidden_, first);
  }

  // Time step t, with the states before and after it in these slots.
  Step<S> at(std::size_t t, std::size_t slot_before, std::size_t slot_after) const {
    Step<S> step{hidden_, sums_ + t * kRows.sums * hidden_, states_ + slot_before * hidden_,
                 states_ + slot_after * hidden_};
    if constexpr (kRows.cells > 0) {
      step.cell_before = cells_ + slot_before * hidden_;
      step.cell = cells_ + slot_after * hidden_;
    }
    if constexpr (kRows.kept > 0) step.kept = kept_ + t * kRows.kept * hidden_;
    if constexpr (kRows.carried > 0) step.carried = carried_;
    return step;
  }

 private:
  static constexpr CellRows kRows = CellKind::kRows;

  std::size_t hidden_;
  Rows<float, S> sums_;
  Rows<float, S> states_;
  Rows<float, S> cells_{};
  Rows<float, S> kept_{};
  Rows<float, S> carried_{};
};

// ---- Weights in the order in which the kernels read them ---------------------------------------

// The tensors of one layer in a row of parameters.
template <typename T>
struct LayerParameters {
  T* weight_ih;       // [GH, I]
  T* weight_hh;       // [GH, H]
  T* bias;            // [GH]
  T* recurrent_bias;  // [GH], or nullptr if the cell has one bias
};

// The tensors in a row of parameters, as in layout_of.
template <typename T>
class Parameters {
 public:
  Parameters(T* row, const KernelSizes& sizes) : row_(row), sizes_(sizes) {
    T* after_layers = row;
    for (std::size_t l = 0; l < sizes.layers; ++l) after_layers += size_of_layer(l);
    output_weight = after_layers;
    output_bias = output_weight + sizes.outputs * sizes.hidden;
    end = output_bias + sizes.outputs;
  }

  LayerParameters<T> layer(std::size_t l) const {
    const std::size_t rows = sizes_.gates * sizes_.hidden;
    // All layers but the lowest one have the same size.
    T* const first = l == 0 ? row_ : row_ + size_of_layer(0) + (l - 1) * size_of_layer(1);
    T* const weight_hh = first + rows * sizes_.inputs_of(l);
    T* const bias = weight_hh + rows * sizes_.hidden;
    return {first, weight_hh, bias, sizes_.biases == 2 ? bias + rows : nullptr};
  }

  T* output_weight;  // [O, H]
  T* output_bias;    // [O]
  T* end;

 private:
  std::size_t size_of_layer(std::size_t l) const {
    return sizes_.gates * sizes_.hidden * (sizes_.inputs_of(l) + sizes_.hidden + sizes_.biases);
  }

  T* row_;
  const KernelSizes& sizes_;
};

// Tiles of rows of sums: their biases, then column after column of the weights, [I, rows of the
// tile] if the sums have products of inputs, and [H, rows] if they have products of states.
inline void pack_gate_weights(const KernelSizes& sizes, Span<const GateSums> sums,
                              const LayerParameters<const float>& from, std::size_t inputs,
                              float* to) {
  const std::size_t hidden = sizes.hidden;
  for (const GateSums& some : sums) {
    for_row_tiles(some.count * hidden, [&](auto tile, std::size_t first) {
      const auto pack = [&](std::size_t gate, const float* weights, std::size_t columns) {
        if (gate == kNoGate) return;
        const float* const rows = weights + (gate * hidden + first) * columns;
        for (std::size_t k = 0; k < columns; ++k)
          for (std::size_t r = 0; r < tile(); ++r) *to++ = rows[r * columns + k];
      };
      std::fill_n(to, tile(), 0.0F);
      const auto add_bias = [&](std::size_t gate, const float* bias) {
        if (gate == kNoGate || !bias) return;
        for (std::size_t r = 0; r < tile(); ++r) to[r] += bias[gate * hidden + first + r];
      };
      add_bias(some.input_gate, from.bias);
      add_bias(some.recurrent_gate, from.recurrent_bias);
      to += tile();
      pack(some.input_gate, from.weight_ih, inputs);
      pack(some.recurrent_gate, from.weight_hh, hidden);
    });
  }
}

// For the backward pass: what multiplies the derivatives of a layer's own sums, and those of the
// sums of the layer above it, or of the outputs.
inline void pack_for_backward(const KernelSizes& sizes, const Parameters<const float>& from,
                              std::size_t l, LayerMemory& layer) {
  const std::size_t rows = sizes.gates * sizes.hidden;
  pack_transposed(from.layer(l).weight_hh, rows, sizes.hidden, layer.recurrent_weights.data());
  if (l + 1 < sizes.layers)
    pack_transposed(from.layer(l + 1).weight_ih, rows, sizes.hidden, layer.above_weights.data());
  else
    pack_transposed(from.output_weight, sizes.outputs, sizes.hidden, layer.above_weights.data());
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
