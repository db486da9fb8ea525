// One recurrent layer through time, forward and backward, and the blocks of a batch, for any cell.
//
// A cell is a class of static members. It derives from OneSumPerGate and replaces what differs:
//
//   kGates          rows of W_ih and of W_hh per unit
//   kRows           the memory it needs, CellRows; kRows.sums is the number of sums of a unit
//   kInputSums      which sums the products W_ih x_t (and the bias) are added to
//   kRecurrentSums  which sums the products W_hh h_{t-1} (and the second bias, if any) are added to
//   kAddsCarried    whether the carried derivatives are a part of dloss/dh_{t-1}
//   kTileUnits      units whose sums are kept in registers at once
//   kChunkSteps     time steps times blocks over which a tile of weight gradients is summed at once
//   kPacksSamples   whether registers without a sample are skipped and half registers may be used
//
//   forward<kPass>(sums, unit, v, step)          computes the unit's state from its sums
//   backward<kLimits>(dh, unit, v, limit, step)  computes the derivatives of its sums from
//                                                dloss/dh_t; returns how many it limited
//
// Both work on register v of a strip of samples; `step` has the rows of the time step.
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

// ---- What a cell says about itself -------------------------------------------------------------

// The products of `count` gates, from number `gate` on, are added to the sums from number `sum` on.
struct GateSums {
  std::size_t sum;
  std::size_t gate;
  std::size_t count;
};

// A cell whose gates each have one sum, W_ih x_t + W_hh h_{t-1} + b.
template <std::size_t kGateCount>
struct OneSumPerGate {
  static constexpr std::size_t kGates = kGateCount;
  static constexpr CellRows kRows = {kGateCount};
  static constexpr GateSums kInputSums[] = {{0, 0, kGateCount}};
  static constexpr GateSums kRecurrentSums[] = {{0, 0, kGateCount}};
  static constexpr bool kAddsCarried = false;
  static constexpr std::size_t kTileUnits = kTileRows / kGateCount;
  // The rows of one tile of weight gradients, ten cache lines each, fit into the L1 cache.
  static constexpr std::size_t kChunkSteps = 44;
  static constexpr bool kPacksSamples = true;
};

// The sum that the products of a gate are added to.
template <std::size_t N>
constexpr std::size_t sum_of_gate(const GateSums (&all)[N], std::size_t gate) {
  std::size_t sum = 0;
  for (const GateSums& some : all)
    if (gate >= some.gate && gate < some.gate + some.count) sum = some.sum + gate - some.gate;
  return sum;
}

// The rows of a tile of weights are gates within units; these are the places of their sums.
template <class CellKind>
struct InputPlace {
  static constexpr std::size_t of(std::size_t row) {
    return row / CellKind::kGates * CellKind::kRows.sums +
           sum_of_gate(CellKind::kInputSums, row % CellKind::kGates);
  }
};
template <class CellKind>
struct RecurrentPlace {
  static constexpr std::size_t of(std::size_t row) {
    return row / CellKind::kGates * CellKind::kRows.sums +
           sum_of_gate(CellKind::kRecurrentSums, row % CellKind::kGates);
  }
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

  // Row `unit` of the sum with this number.
  std::size_t row(std::size_t sum, std::size_t unit) const { return sum * hidden + unit; }
};

// The memory of all time steps for a strip of samples.
template <class CellKind, class S>
class StepMemory {
 public:
  StepMemory(const Group& group, std::size_t first)
      : hidden_(group.sizes.hidden),
        sums_(rows_of<S>(group.memory.sums.data(), group.sizes.time_steps * kRows.sums * hidden_,
                         first)),
        states_(
            rows_of<S>(group.memory.states.data(), (group.sizes.time_steps + 1) * hidden_, first)) {
    KernelMemory& memory = group.memory;
    const std::size_t time_steps = group.sizes.time_steps;
    if constexpr (kRows.cells > 0)
      cells_ = rows_of<S>(memory.cells.data(), (time_steps + 1) * hidden_, first);
    if constexpr (kRows.kept > 0)
      kept_ = rows_of<S>(memory.kept.data(), time_steps * kRows.kept * hidden_, first);
    if constexpr (kRows.carried > 0)
      carried_ = rows_of<S>(memory.carried.data(), kRows.carried * hidden_, first);
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

// The tensors in a row of parameters, as in layout_of.
template <typename T>
struct Parameters {
  Parameters(T* row, const KernelSizes& sizes)
      : weight_ih(row),
        weight_hh(weight_ih + sizes.gates * sizes.hidden * sizes.inputs),
        bias(weight_hh + sizes.gates * sizes.hidden * sizes.hidden),
        output_weight(bias + sizes.biases * sizes.gates * sizes.hidden),
        output_bias(output_weight + sizes.outputs * sizes.hidden),
        end(output_bias + sizes.outputs),
        recurrent_bias(sizes.biases == 2 ? bias + sizes.gates * sizes.hidden : nullptr) {}

  T* weight_ih;      // [GH, I]
  T* weight_hh;      // [GH, H]
  T* bias;           // [GH]
  T* output_weight;  // [O, H]
  T* output_bias;    // [O]
  T* end;
  T* recurrent_bias;  // [GH], or nullptr if the cell has one bias
};

// Tiles of units: the biases of their sums [units, sums], then column after column of the weights
// [I + H, units, G].
template <class CellKind>
void pack_gate_weights(const KernelSizes& sizes, const Parameters<const float>& from, float* to) {
  const std::size_t hidden = sizes.hidden;
  for_tiles<CellKind::kTileUnits>(hidden, [&](auto units, std::size_t first) {
    constexpr std::size_t kRows = CellKind::kGates * units();
    constexpr std::size_t kSums = CellKind::kRows.sums * units();
    std::fill_n(to, kSums, 0.0F);
    for (std::size_t r = 0; r < kRows; ++r) {
      const std::size_t row = r % CellKind::kGates * hidden + first + r / CellKind::kGates;
      to[InputPlace<CellKind>::of(r)] = from.bias[row];
      if (from.recurrent_bias) to[RecurrentPlace<CellKind>::of(r)] += from.recurrent_bias[row];
      float* column = to + (kSums - kRows) + r;
      for (std::size_t k = 0; k < sizes.inputs; ++k)
        *(column += kRows) = from.weight_ih[row * sizes.inputs + k];
      for (std::size_t k = 0; k < hidden; ++k)
        *(column += kRows) = from.weight_hh[row * hidden + k];
    }
    to += kSums + kRows * (sizes.inputs + hidden);
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

// The slots of the states before and after time step t among T + 1. With a backward pass each state
// has its own slot; without, the initial state has one and the others alternate between two.
template <Pass kPass>
std::size_t slot_before(std::size_t t) {
  return kPass == Pass::kWithBackward || t == 0 ? t : 1 + (t - 1) % 2;
}
template <Pass kPass>
std::size_t slot_after(std::size_t t) {
  return slot_before<kPass>(t + 1);
}

// Computes the sums and states of kUnits units at one time step.
template <class CellKind, Pass kPass, std::size_t kUnits, class S>
HWY_INLINE void forward_tile(const KernelSizes& sizes, const float* weights, std::size_t first_unit,
                             const Rows<const float, S>& inputs,
                             const Rows<const float, S>& state_before, const Step<S>& step) {
  constexpr std::size_t kRows = CellKind::kGates * kUnits;
  constexpr std::size_t kSums = CellKind::kRows.sums * kUnits;
  typename S::V sums[kSums][S::kCount];
  set_to(sums, weights);
  add_products<kRows, S, InputPlace<CellKind>>(sums, weights + kSums, inputs, sizes.inputs);
  add_products<kRows, S, RecurrentPlace<CellKind>>(sums, weights + kSums + kRows * sizes.inputs,
                                                   state_before, sizes.hidden);
#pragma GCC unroll 8
  for (std::size_t u = 0; u < kUnits; ++u) {
#pragma GCC unroll 3
    for (std::size_t v = 0; v < S::kCount; ++v) {
      typename S::V unit_sums[CellKind::kRows.sums];
#pragma GCC unroll 4
      for (std::size_t q = 0; q < CellKind::kRows.sums; ++q)
        unit_sums[q] = sums[CellKind::kRows.sums * u + q][v];
      CellKind::template forward<kPass>(unit_sums, first_unit + u, v, step);
    }
  }
}

// All time steps of a strip. Not inlined, because GCC 12 would run out of registers (20 % slower).
template <class CellKind, Pass kPass, class S>
HWY_NOINLINE void forward_strip(const Group& group, std::size_t first) {
  const KernelSizes& sizes = group.sizes;
  const float* states = group.memory.states.data();
  const auto x = rows_of<S>(group.inputs, sizes.time_steps * sizes.inputs, first);
  const auto h = rows_of<S>(states, (sizes.time_steps + 1) * sizes.hidden, first);
  const StepMemory<CellKind, S> memory(group, first);
  for (std::size_t t = 0; t < sizes.time_steps; ++t) {
    throw_if_cancelled(group.cancel);
    const auto inputs = x + t * sizes.inputs;
    const auto state_before = h + slot_before<kPass>(t) * sizes.hidden;
    const Step<S> step = memory.at(t, slot_before<kPass>(t), slot_after<kPass>(t));
    const float* weights = group.memory.gate_weights.data();
    for_tiles<CellKind::kTileUnits>(sizes.hidden, [&](auto units, std::size_t unit) {
      forward_tile<CellKind, kPass, units()>(sizes, weights, unit, inputs, state_before, step);
      weights +=
          units() * (CellKind::kRows.sums + CellKind::kGates * (sizes.inputs + sizes.hidden));
    });
  }
}

// Sets the initial states to 0. Their place depends on T.
inline void zero_first_slots(const Group& group, AlignedVector<float>& states) {
  const std::size_t slot = group.sizes.hidden * kLanes;
  for (std::size_t b = 0; b < group.blocks; ++b)
    std::fill_n(states.data() + b * (group.sizes.time_steps + 1) * slot, slot, 0.0F);
}

template <class CellKind, Pass kPass>
void forward(const Group& group, std::size_t batch_size, SampleSums& sums) {
  zero_first_slots(group, group.memory.states);
  if constexpr (CellKind::kRows.cells > 0) zero_first_slots(group, group.memory.cells);
  const std::size_t last_slot = slot_before<kPass>(group.sizes.time_steps);
  for_strips<CellKind::kPacksSamples>(group.width, [&](auto strip, std::size_t first) {
    forward_strip<CellKind, kPass, decltype(strip)>(group, first);
    output_strip<decltype(strip)>(group, last_slot, first);
  });
  for (std::size_t i = 0; i < group.blocks * kBlockRegisters; ++i) {
    const SampleSums register_sums = loss_register<kPass>(group, i, batch_size);
    sums.loss += register_sums.loss;
    sums.correct += register_sums.correct;
  }
}

// ---- Backward ----------------------------------------------------------------------------------
//
// Vanishing derivatives become denormal numbers and then zeros. They are not flushed to zero: with
// one in six of them denormal a step took as long as with none (AMD Zen 4), and some runs are made
// to show how a gradient vanishes.

// What happens to the derivatives of the states on their way back. Those that are not only passed
// on are limited, and measured where asked for.
enum class BackwardPass { kPassedOn, kLimited };

// Limits the derivatives of one register; returns how many changed.
template <class V>
HWY_INLINE std::uint64_t limit_derivatives(V& derivative, float limit) {
  const auto is_over = hn::Gt(hn::Abs(derivative), constant_like(derivative, limit));
  derivative = clamped(derivative, -limit, limit);
  return hn::CountTrue(hn::DFromV<V>(), is_over);
}

// The sum of the squares of the first `count` lanes, added one by one to `sum`: in double, because
// the squares of a vanishing gradient are far below float32's range.
template <class V>
HWY_NOINLINE void add_squares(V values, std::size_t count, double& sum) {
  HWY_ALIGN float lanes[kRegisterLanes];
  hn::Store(values, hn::DFromV<V>(), lanes);
  for (std::size_t lane = 0; lane < count; ++lane)
    sum += static_cast<double>(lanes[lane]) * static_cast<double>(lanes[lane]);
}

// dloss/dh_t of kUnits units. At the last time step it comes from the output layer, before that
// from the next time step: W_hh' times the derivatives of its sums, and what it carried.
template <class CellKind, std::size_t kUnits, class S>
HWY_INLINE void state_derivatives(typename S::V (&dh)[kUnits][S::kCount], std::size_t first_unit,
                                  const float* weights, std::size_t hidden,
                                  const Rows<const float, S>* next_sums,
                                  const Rows<float, S>& carried,
                                  const Rows<const float, S>& last_state) {
  if (!next_sums) return load_rows<S>(dh, last_state, first_unit);
  if constexpr (CellKind::kAddsCarried)
    load_rows<S>(dh, carried, first_unit);
  else
    set_to_zero(dh);
  for (const GateSums& some : CellKind::kRecurrentSums)
    add_products<kUnits, S>(dh, weights + some.gate * hidden * kUnits,
                            *next_sums + some.sum * hidden, some.count * hidden);
}

// All time steps of a strip, from the last to the first. Returns how many derivatives were limited.
// A limiting pass adds the squares of each time step [T] to `squares`, if not nullptr.
template <class CellKind, BackwardPass kBackward, class S>
HWY_NOINLINE std::uint64_t backward_strip(const Group& group, std::size_t first, float limit,
                                          double* squares) {
  constexpr bool kLimits = kBackward == BackwardPass::kLimited;
  const KernelSizes& sizes = group.sizes;
  const std::size_t rows = CellKind::kRows.sums * sizes.hidden;
  const float* const all_sums = group.memory.sums.data();
  const auto sums = rows_of<S>(all_sums, sizes.time_steps * rows, first);
  const float* const derivatives = group.memory.state_derivatives.data();
  const auto last_state = rows_of<S>(derivatives, sizes.hidden, first);
  const StepMemory<CellKind, S> memory(group, first);
  std::uint64_t limited = 0;
  for (std::size_t t = sizes.time_steps; t-- > 0;) {
    throw_if_cancelled(group.cancel);
    const auto next_sums = sums + (t + 1) * rows;
    const auto* next_if_any = t + 1 < sizes.time_steps ? &next_sums : nullptr;
    const Step<S> step = memory.at(t, t, t + 1);
    const float* weights = group.memory.recurrent_weights.data();
    for_tiles<kTileRows>(sizes.hidden, [&](auto tile, std::size_t unit) {
      constexpr std::size_t kUnits = tile();
      typename S::V dh[kUnits][S::kCount];
      state_derivatives<CellKind, kUnits, S>(dh, unit, weights, sizes.hidden, next_if_any,
                                             step.carried, last_state);
      weights += kUnits * CellKind::kGates * sizes.hidden;
#pragma GCC unroll 8
      for (std::size_t u = 0; u < kUnits; ++u) {
#pragma GCC unroll 3
        for (std::size_t v = 0; v < S::kCount; ++v) {
          if constexpr (kLimits) {
            limited += limit_derivatives(dh[u][v], limit);
            if (squares)
              add_squares(dh[u][v], group.samples_of<typename S::V>(first + v), squares[t]);
          }
          limited += CellKind::template backward<kLimits>(dh[u][v], unit + u, v, limit, step);
        }
      }
    });
  }
  return limited;
}

template <class CellKind, BackwardPass kBackward>
void backward(const Group& group, float limit, double* squares, SampleSums& sums) {
  std::fill_n(group.memory.carried.data(),
              group.blocks * CellKind::kRows.carried * group.sizes.hidden * kLanes, 0.0F);
  for_strips<CellKind::kPacksSamples>(group.width, [&](auto strip, std::size_t first) {
    state_derivative_strip<decltype(strip)>(group, first);
    sums.clipped_derivatives +=
        backward_strip<CellKind, kBackward, decltype(strip)>(group, first, limit, squares);
  });
}

// ---- Gradients of the weights ------------------------------------------------------------------

// Adds one group's contribution to the gradient, with its samples in registers V.
template <class CellKind, class V>
void add_gradients(const Group& group, const Parameters<float>& gradient) {
  const KernelSizes& sizes = group.sizes;
  const std::size_t time_steps = sizes.time_steps;
  const std::size_t hidden = sizes.hidden;
  KernelMemory& memory = group.memory;
  PackedRows& packed = memory.packed;
  const std::size_t states = (time_steps + 1) * hidden;
  const Series logits = {memory.logits.data(), sizes.outputs * kLanes, 0};
  const Series last_states = {memory.states.data() + time_steps * hidden * kLanes, states * kLanes,
                              0};
  const Chunk last = {group.width, 0, 1};
  add_weight_gradient<V>(logits, sizes.outputs, last_states, hidden, last, packed,
                         gradient.output_weight);
  add_bias_gradient<V>(logits, sizes.outputs, last, gradient.output_bias);
  const std::size_t rows = CellKind::kRows.sums * hidden;
  const Series sums = {memory.sums.data(), time_steps * rows * kLanes, rows * kLanes};
  const Series x = {group.inputs, time_steps * sizes.inputs * kLanes, sizes.inputs * kLanes};
  // Slot t of T + 1 is the state before time step t.
  const Series h = {memory.states.data(), states * kLanes, hidden * kLanes};
  static_assert(CellKind::kChunkSteps <= kMaxChunkSteps && kTileRows <= kMaxTileRows);
  const std::size_t longest = CellKind::kChunkSteps / group.blocks;
  const std::size_t chunks = (time_steps + longest - 1) / longest;
  for (std::size_t i = 0; i < chunks; ++i) {
    throw_if_cancelled(group.cancel);
    const Chunk chunk = {group.width, i * time_steps / chunks, (i + 1) * time_steps / chunks};
    const auto add = [&](const GateSums& some, float* bias, float* weight, const Series& factors,
                         std::size_t columns) {
      const Series derivatives = sums.from(some.sum * hidden);
      const std::size_t row = some.gate * hidden;
      if (bias) add_bias_gradient<V>(derivatives, some.count * hidden, chunk, bias + row);
      add_weight_gradient<V>(derivatives, some.count * hidden, factors, columns, chunk, packed,
                             weight + row * columns);
    };
    for (const GateSums& some : CellKind::kInputSums)
      add(some, gradient.bias, gradient.weight_ih, x, sizes.inputs);
    for (const GateSums& some : CellKind::kRecurrentSums)
      add(some, gradient.recurrent_bias, gradient.weight_hh, h, hidden);
  }
}

template <class CellKind>
void add_gradients_of(const Group& group, const Parameters<float>& gradient) {
  if constexpr (CellKind::kPacksSamples)
    if (group.width.in_halves) return add_gradients<CellKind, HalfVector>(group, gradient);
  add_gradients<CellKind, Vector>(group, gradient);
}

// ---- The blocks of a batch ---------------------------------------------------------------------

// Chosen so that the strips of two or three registers (for_strips) cover a group evenly.
constexpr std::size_t kGroupBlocks = kManyRegisters ? 2 : 3;
static_assert(kGroupBlocks <= kMaxGroupBlocks);

// The registers for this number of samples: AVX-512's are halved if the last one would be at least
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
          run.cancel};
}

// Forward and backward, group by group. `after(group)` is called while the group is in memory.
template <class CellKind, BackwardPass kBackward, typename After>
SampleSums through_time(const KernelRun& run, const KernelSizes& sizes, float backprop_limit,
                        double* squares, const After& after) {
  const Parameters<const float> weights(run.weights, sizes);
  pack_for_forward<CellKind>(sizes, weights, run.memory);
  pack_for_backward(sizes, weights, run.memory);
  SampleSums sums;
  for (std::size_t first = run.blocks.begin; first < run.blocks.end; first += kGroupBlocks) {
    const Group group = group_of<CellKind>(run, sizes, first);
    forward<CellKind, Pass::kWithBackward>(group, static_cast<std::size_t>(run.batch.size), sums);
    backward<CellKind, kBackward>(group, backprop_limit, squares, sums);
    after(group);
  }
  return sums;
}

template <class CellKind>
SampleSums gradients(const KernelRun& run, float backprop_limit, float* gradient) {
  const KernelSizes sizes(run.model, run.batch);
  const Parameters<float> to(gradient, sizes);
  std::fill(gradient, to.end, 0.0F);
  const auto add = [&](const Group& group) { add_gradients_of<CellKind>(group, to); };
  return std::isinf(backprop_limit) ? through_time<CellKind, BackwardPass::kPassedOn>(
                                          run, sizes, backprop_limit, nullptr, add)
                                    : through_time<CellKind, BackwardPass::kLimited>(
                                          run, sizes, backprop_limit, nullptr, add);
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
  through_time<CellKind, BackwardPass::kLimited>(run, sizes, backprop_limit, squares,
                                                 [](const Group&) {});
}

template <class CellKind>
CellKernels kernels_of() {
  return {CellKind::kRows, kGroupBlocks, gradients<CellKind>, losses<CellKind>,
          state_derivative_squares<CellKind>};
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
