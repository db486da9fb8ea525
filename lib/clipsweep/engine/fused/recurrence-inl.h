// One recurrent layer through time, forward and backward, and the blocks of a batch with it, for
// any cell.
//
// A CellKind is a class of static members that knows what happens within one unit:
//
//   kGates       how many sums W_ih x_t + W_hh h_{t-1} + b a unit has
//   kTileUnits   for how many units at once they are kept in registers
//   kChunkSteps  time steps times blocks over which a tile of weights is summed up at once
//   kPacksSamples  whether registers without a sample are left out and half ones may be used
//   Memory<S>    where a strip of samples lies; its at(t, before, after) gives the Step<S>
//   forward<kPass>(sums, unit, v, step)            from the unit's sums to its state
//   backward<kLimits>(dh, unit, v, limit, step)    from dloss/dh_t to the derivatives of its sums,
//                                                  which overwrite the gates; how many were limited
#if defined(CLIPSWEEP_RECURRENCE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_RECURRENCE_INL_H
#undef CLIPSWEEP_RECURRENCE_INL_H
#else
#define CLIPSWEEP_RECURRENCE_INL_H
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "clipsweep/engine/fused/output_layer-inl.h"
#include "clipsweep/engine/fused/weight_gradients-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

// ---- Weights as the kernels read them ----------------------------------------------------------

// The parts of a row of parameters, as in layout_of.
template <typename T>
struct Parameters {
  Parameters(T* row, const KernelSizes& sizes)
      : weight_ih(row),
        weight_hh(weight_ih + sizes.gates * sizes.hidden * sizes.inputs),
        bias(weight_hh + sizes.gates * sizes.hidden * sizes.hidden),
        output_weight(bias + sizes.gates * sizes.hidden),
        output_bias(output_weight + sizes.outputs * sizes.hidden),
        end(output_bias + sizes.outputs) {}

  T* weight_ih;      // [GH, I]
  T* weight_hh;      // [GH, H]
  T* bias;           // [GH]
  T* output_weight;  // [O, H]
  T* output_bias;    // [O]
  T* end;
};

// Tiles of units, each [1 + I + H, units, G]: bias, then column after column.
template <class CellKind>
void pack_gate_weights(const KernelSizes& sizes, const Parameters<const float>& from, float* to) {
  const std::size_t hidden = sizes.hidden;
  for_tiles<CellKind::kTileUnits>(hidden, [&](auto units, std::size_t first) {
    constexpr std::size_t kRows = CellKind::kGates * units();
    for (std::size_t r = 0; r < kRows; ++r) {
      const std::size_t row = r % CellKind::kGates * hidden + first + r / CellKind::kGates;
      float* column = to + r;
      *column = from.bias[row];
      for (std::size_t k = 0; k < sizes.inputs; ++k)
        *(column += kRows) = from.weight_ih[row * sizes.inputs + k];
      for (std::size_t k = 0; k < hidden; ++k)
        *(column += kRows) = from.weight_hh[row * hidden + k];
    }
    to += kRows * (1 + sizes.inputs + hidden);
  });
}

template <class CellKind>
void pack_for_forward(const KernelSizes& sizes, const Parameters<const float>& from,
                      KernelMemory& memory) {
  pack_gate_weights<CellKind>(sizes, from, memory.gate_weights.data());
  pack_output_weights(sizes, from.output_weight, from.output_bias, memory.output_weights.data());
}

inline void pack_for_backward(const KernelSizes& sizes, const Parameters<const float>& from,
                              KernelMemory& memory) {
  pack_transposed(from.weight_hh, sizes.gates * sizes.hidden, sizes.hidden,
                  memory.recurrent_weights.data());
  pack_transposed(from.output_weight, sizes.outputs, sizes.hidden,
                  memory.output_weights_transposed.data());
}

// ---- Forward -----------------------------------------------------------------------------------

// Where the state before and after time step t lies among T + 1: every one of its own, or the
// initial one and two that take turns.
template <Pass kPass>
std::size_t slot_before(std::size_t t) {
  return kPass == Pass::kWithBackward || t == 0 ? t : 1 + (t - 1) % 2;
}
template <Pass kPass>
std::size_t slot_after(std::size_t t) {
  return slot_before<kPass>(t + 1);
}

// Sums and states of kUnits units at one time step.
template <class CellKind, Pass kPass, std::size_t kUnits, class S>
HWY_INLINE void forward_tile(const KernelSizes& sizes, const float* weights, std::size_t first_unit,
                             const Rows<const float, S>& inputs,
                             const Rows<const float, S>& state_before,
                             const typename CellKind::template Step<S>& step) {
  constexpr std::size_t kRows = CellKind::kGates * kUnits;
  typename S::V sums[kRows][S::kCount];
  set_to(sums, weights);
  add_products<kRows, S>(sums, weights + kRows, inputs, sizes.inputs);
  add_products<kRows, S>(sums, weights + kRows * (1 + sizes.inputs), state_before, sizes.hidden);
#pragma GCC unroll 8
  for (std::size_t u = 0; u < kUnits; ++u) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < S::kCount; ++v) {
      typename S::V of_unit[CellKind::kGates];
#pragma GCC unroll 4
      for (std::size_t q = 0; q < CellKind::kGates; ++q)
        of_unit[q] = sums[CellKind::kGates * u + q][v];
      CellKind::template forward<kPass>(of_unit, first_unit + u, v, step);
    }
  }
}

// All time steps of a strip. Not inlined: GCC 12 would run out of registers (20 %).
template <class CellKind, Pass kPass, class S>
HWY_NOINLINE void forward_strip(const Group& group, std::size_t first) {
  const KernelSizes& sizes = group.sizes;
  const float* states = group.memory.states.data();
  const auto x = rows_of<S>(group.inputs, sizes.time_steps * sizes.inputs, first);
  const auto h = rows_of<S>(states, (sizes.time_steps + 1) * sizes.hidden, first);
  const typename CellKind::template Memory<S> memory(group, first);
  for (std::size_t t = 0; t < sizes.time_steps; ++t) {
    throw_if_cancelled(group.stop);
    const auto inputs = x + t * sizes.inputs;
    const auto state_before = h + slot_before<kPass>(t) * sizes.hidden;
    const auto step = memory.at(t, slot_before<kPass>(t), slot_after<kPass>(t));
    const float* weights = group.memory.gate_weights.data();
    for_tiles<CellKind::kTileUnits>(sizes.hidden, [&](auto units, std::size_t unit) {
      forward_tile<CellKind, kPass, units()>(sizes, weights, unit, inputs, state_before, step);
      weights += CellKind::kGates * units() * (1 + sizes.inputs + sizes.hidden);
    });
  }
}

// The initial states are zeros; where they lie depends on T.
inline void zero_first_slots(const Group& group, AlignedVector<float>& states) {
  const std::size_t slot = group.sizes.hidden * kLanes;
  for (std::size_t b = 0; b < group.blocks; ++b)
    std::fill_n(states.data() + b * (group.sizes.time_steps + 1) * slot, slot, 0.0F);
}

template <class CellKind, Pass kPass>
void forward(const Group& group, std::size_t batch_size, SampleSums& sums) {
  zero_first_slots(group, group.memory.states);
  if (group.model.cell == Cell::kLstm) zero_first_slots(group, group.memory.cells);
  const std::size_t last_slot = slot_before<kPass>(group.sizes.time_steps);
  for_strips<CellKind::kPacksSamples>(group.width, [&](auto strip, std::size_t first) {
    forward_strip<CellKind, kPass, decltype(strip)>(group, first);
    output_strip<decltype(strip)>(group, last_slot, first);
  });
  for (std::size_t i = 0; i < group.blocks * kBlockRegisters; ++i) {
    const SampleSums one = loss_register<kPass>(group, i, batch_size);
    sums.loss += one.loss;
    sums.correct_counts += one.correct_counts;
  }
}

// ---- Backward ----------------------------------------------------------------------------------
//
// Derivatives that vanish become denormal numbers and then zeros. They are not flushed: with one in
// six of them denormal a step took as long as with none (AMD Zen 4), and a gradient that is seen to
// vanish is what some runs are made for.

// Limits the derivatives of one register; returns how many that changed.
template <class V>
HWY_INLINE std::uint64_t limit_derivatives(V& derivative, float limit) {
  const auto is_over = hn::Gt(hn::Abs(derivative), constant_like(derivative, limit));
  derivative = clamped(derivative, -limit, limit);
  return hn::CountTrue(hn::DFromV<V>(), is_over);
}

// dloss/dh_t of kUnits units: W_hh' times the derivatives of the later time step's sums, or at the
// last one, which has no later one, what the output layer says.
template <std::size_t kUnits, class S>
HWY_INLINE void state_derivatives(typename S::V (&dh)[kUnits][S::kCount], std::size_t first_unit,
                                  const float* weights, std::size_t rows,
                                  const Rows<const float, S>* later,
                                  const Rows<const float, S>& last_state) {
  set_to_zero(dh);
  if (later) return add_products<kUnits, S>(dh, weights, *later, rows);
#pragma GCC unroll 8
  for (std::size_t u = 0; u < kUnits; ++u)
#pragma GCC unroll 3
    for (std::size_t v = 0; v < S::kCount; ++v) dh[u][v] = last_state.load(first_unit + u, v);
}

// Calls `body(dh, t, first_unit)` with dloss/dh_t of tiles of units for a strip of samples, from
// the last time step to the first.
template <class S, typename Body>
HWY_INLINE void for_state_derivatives(const Group& group, std::size_t first, const Body& body) {
  const KernelSizes& sizes = group.sizes;
  const KernelMemory& memory = group.memory;
  const std::size_t rows = sizes.gates * sizes.hidden;
  const auto gates = rows_of<S>(memory.gates.data(), sizes.time_steps * rows, first);
  const auto last_state = rows_of<S>(memory.state_derivatives.data(), sizes.hidden, first);
  for (std::size_t t = sizes.time_steps; t-- > 0;) {
    throw_if_cancelled(group.stop);
    const auto later = gates + (t + 1) * rows;
    const auto* later_if_any = t + 1 < sizes.time_steps ? &later : nullptr;
    const float* weights = memory.recurrent_weights.data();
    for_tiles<kTileRows>(sizes.hidden, [&](auto tile, std::size_t unit) {
      typename S::V dh[tile()][S::kCount];
      state_derivatives<tile(), S>(dh, unit, weights, rows, later_if_any, last_state);
      body(dh, t, unit);
      weights += tile() * rows;
    });
  }
}

// All time steps of a strip, from the last to the first. Returns how many
// derivatives were limited.
template <class CellKind, bool kLimits, class S>
HWY_NOINLINE std::uint64_t backward_strip(const Group& group, std::size_t first, float limit) {
  const typename CellKind::template Memory<S> memory(group, first);
  std::uint64_t limited = 0;
  for_state_derivatives<S>(group, first, [&](auto& dh, std::size_t t, std::size_t first_unit) {
    const auto step = memory.at(t, t, t + 1);
    constexpr std::size_t kUnits = std::extent_v<std::remove_reference_t<decltype(dh)>>;
#pragma GCC unroll 8
    for (std::size_t u = 0; u < kUnits; ++u) {
#pragma GCC unroll 3
      for (std::size_t v = 0; v < S::kCount; ++v) {
        if constexpr (kLimits) limited += limit_derivatives(dh[u][v], limit);
        limited += CellKind::template backward<kLimits>(dh[u][v], first_unit + u, v, limit, step);
      }
    }
  });
  return limited;
}

template <class CellKind, bool kLimits>
void backward(const Group& group, float limit, SampleSums& sums) {
  if (group.model.cell == Cell::kLstm)
    std::fill_n(group.memory.cell_derivatives.data(), group.blocks * group.sizes.hidden * kLanes,
                0.0F);
  for_strips<CellKind::kPacksSamples>(group.width, [&](auto strip, std::size_t first) {
    state_derivative_strip<decltype(strip)>(group, first);
    sums.clipped_derivatives +=
        backward_strip<CellKind, kLimits, decltype(strip)>(group, first, limit);
  });
}

// The same derivatives once more, after the way back: adds up their squares over units and samples,
// in double, since those of a vanishing gradient are far below float32's range.
template <class S>
void add_squares(const Group& group, std::size_t first, float limit, double* squares) {
  for_state_derivatives<S>(group, first, [&](auto& dh, std::size_t t, std::size_t) {
    for (auto& row : dh) {
      for (std::size_t v = 0; v < S::kCount; ++v) {
        HWY_ALIGN float lanes[kRegisterLanes];
        hn::Store(clamped(row[v], -limit, limit), typename S::Tag(), lanes);
        for (std::size_t lane = 0; lane < group.samples_of<typename S::V>(first + v); ++lane)
          squares[t] += static_cast<double>(lanes[lane]) * static_cast<double>(lanes[lane]);
      }
    }
  });
}

// ---- Gradients of the weights ------------------------------------------------------------------

// Adds what one group contributes to the gradient, its samples being in registers V.
template <class V, std::size_t kChunkSteps>
void add_gradients(const Group& group, const Parameters<float>& gradient) {
  const auto [gates, time_steps, inputs, hidden, outputs] = group.sizes;
  KernelMemory& memory = group.memory;
  PackedRows& packed = memory.packed;
  const std::size_t states = (time_steps + 1) * hidden;
  const Series logits = {memory.logits.data(), outputs * kLanes, 0};
  const Series last_states = {memory.states.data() + time_steps * hidden * kLanes, states * kLanes,
                              0};
  const Chunk last = {group.width, 0, 1};
  add_weight_gradient<V>(logits, outputs, last_states, hidden, last, packed,
                         gradient.output_weight);
  add_bias_gradient<V>(logits, outputs, last, gradient.output_bias);
  const std::size_t rows = gates * hidden;
  const Series sums = {memory.gates.data(), time_steps * rows * kLanes, rows * kLanes};
  const Series x = {group.inputs, time_steps * inputs * kLanes, inputs * kLanes};
  // The state before time step t is number t of T + 1.
  const Series h = {memory.states.data(), states * kLanes, hidden * kLanes};
  static_assert(kChunkSteps <= kMaxChunkSteps && kTileRows <= kMaxTileRows);
  const std::size_t longest = kChunkSteps / group.blocks;
  const std::size_t chunks = (time_steps + longest - 1) / longest;
  for (std::size_t i = 0; i < chunks; ++i) {
    throw_if_cancelled(group.stop);
    const Chunk chunk = {group.width, i * time_steps / chunks, (i + 1) * time_steps / chunks};
    add_bias_gradient<V>(sums, rows, chunk, gradient.bias);
    add_weight_gradient<V>(sums, rows, x, inputs, chunk, packed, gradient.weight_ih);
    add_weight_gradient<V>(sums, rows, h, hidden, chunk, packed, gradient.weight_hh);
  }
}

template <class CellKind>
void add_gradients_of(const Group& group, const Parameters<float>& gradient) {
  if constexpr (CellKind::kPacksSamples)
    if (group.width.in_halves)
      return add_gradients<HalfVector, CellKind::kChunkSteps>(group, gradient);
  add_gradients<Vector, CellKind::kChunkSteps>(group, gradient);
}

// ---- The blocks of a batch ---------------------------------------------------------------------

// So many that strips of two or three registers (for_strips) come out even.
constexpr std::size_t kGroupBlocks = kManyRegisters ? 2 : 3;
static_assert(kGroupBlocks <= kMaxGroupBlocks);

// The registers that so many samples are in: AVX-512's are halved if the last one would be at least
// half empty.
inline Width packed_width(std::size_t samples) {
  const std::size_t half = (kRegisterLanes + 1) / 2;
  const std::size_t halves = (samples + half - 1) / half;
  if (kManyRegisters && halves % 2 == 1) return {halves, true};
  return {(samples + kRegisterLanes - 1) / kRegisterLanes, false};
}

template <class CellKind>
Group group_of(const KernelRun& run, const KernelSizes& sizes, std::size_t first_block) {
  const Batch& batch = run.batch;
  const std::size_t blocks = std::min(kGroupBlocks, run.blocks.end - first_block);
  const std::size_t samples = static_cast<std::size_t>(batch.size) - first_block * kLanes;
  const std::size_t block = run.source * batch.blocks() + first_block;
  return {run.model,
          sizes,
          run.memory,
          batch.inputs.data() + block * sizes.time_steps * sizes.inputs * kLanes,
          batch.labels.empty() ? nullptr : batch.labels.data() + block * kLanes,
          batch.targets.empty() ? nullptr : batch.targets.data() + block * kLanes,
          blocks,
          samples,
          CellKind::kPacksSamples ? packed_width(std::min(samples, blocks * kLanes))
                                  : Width{blocks * kBlockRegisters},
          run.stop};
}

// Forward and backward, group by group; `after(group)` takes what is then in memory.
template <class CellKind, typename After>
SampleSums through_time(const KernelRun& run, const KernelSizes& sizes, float backprop_limit,
                        const After& after) {
  const Parameters<const float> weights(run.weights, sizes);
  pack_for_forward<CellKind>(sizes, weights, run.memory);
  pack_for_backward(sizes, weights, run.memory);
  SampleSums sums;
  for (std::size_t first = run.blocks.begin; first < run.blocks.end; first += kGroupBlocks) {
    const Group group = group_of<CellKind>(run, sizes, first);
    forward<CellKind, Pass::kWithBackward>(group, static_cast<std::size_t>(run.batch.size), sums);
    if (std::isinf(backprop_limit))
      backward<CellKind, false>(group, backprop_limit, sums);
    else
      backward<CellKind, true>(group, backprop_limit, sums);
    after(group);
  }
  return sums;
}

template <class CellKind>
SampleSums gradients(const KernelRun& run, float backprop_limit, float* gradient) {
  const KernelSizes sizes(run.model, run.batch);
  const Parameters<float> to(gradient, sizes);
  std::fill(gradient, to.end, 0.0F);
  return through_time<CellKind>(run, sizes, backprop_limit,
                                [&](const Group& group) { add_gradients_of<CellKind>(group, to); });
}

template <class CellKind>
SampleSums losses(const KernelRun& run) {
  const KernelSizes sizes(run.model, run.batch);
  pack_for_forward<CellKind>(sizes, Parameters<const float>(run.weights, sizes), run.memory);
  SampleSums sums;
  for (std::size_t first = run.blocks.begin; first < run.blocks.end; first += kGroupBlocks)
    forward<CellKind, Pass::kForwardOnly>(group_of<CellKind>(run, sizes, first), 0, sums);
  return sums;
}

template <class CellKind>
void state_derivative_squares(const KernelRun& run, float backprop_limit, double* squares) {
  const KernelSizes sizes(run.model, run.batch);
  std::fill_n(squares, sizes.time_steps, 0.0);
  through_time<CellKind>(run, sizes, backprop_limit, [&](const Group& group) {
    for_strips<CellKind::kPacksSamples>(group.width, [&](auto strip, std::size_t first) {
      add_squares<decltype(strip)>(group, first, backprop_limit, squares);
    });
  });
}

template <class CellKind>
CellKernels kernels_of() {
  return {kGroupBlocks, gradients<CellKind>, losses<CellKind>, state_derivative_squares<CellKind>};
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
