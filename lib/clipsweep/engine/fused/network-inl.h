// The network of one run: layers of one kind of cell and the output layer, over the blocks of a
// batch.
#if defined(CLIPSWEEP_NETWORK_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_NETWORK_INL_H
#undef CLIPSWEEP_NETWORK_INL_H
#else
#define CLIPSWEEP_NETWORK_INL_H
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "clipsweep/engine/fused/omega-inl.h"
#include "clipsweep/engine/fused/output_layer-inl.h"
#include "clipsweep/engine/fused/recurrence-inl.h"
#include "clipsweep/engine/fused/weight_gradients-inl.h"
#include "clipsweep/model/gradient_norms.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

// ---- One group ---------------------------------------------------------------------------------

template <class CellKind, Pass kPass>
void forward(const Group& group, SampleSums& sums) {
  set_initial_states<CellKind>(group);
  for_strips<CellKind::kPacksSamples>(group.width, [&](auto strip, std::size_t first) {
    using S = decltype(strip);
    for (std::size_t l = 0; l < group.sizes.layers; ++l)
      forward_strip<CellKind, kPass, S>(group, l, first);
    output_strip<kPass, S>(group, first);
  });
  keep_last_states<CellKind, kPass>(group);
  for (std::size_t i = 0; i < group.blocks * kBlockRegisters; ++i)
    add_losses<kPass>(group, i, sums);
}

// The squares are those of the top layer.
template <class CellKind, BackwardPass kBackward>
void backward(const Group& group, float limit, double* squares, SampleSums& sums) {
  const std::size_t layers = group.sizes.layers;
  for (std::size_t l = 0; l < layers; ++l)
    std::fill_n(group.memory.layers[l].carried.data(),
                group.blocks * CellKind::kRows.carried * group.sizes.hidden * kLanes, 0.0F);
  for_strips<CellKind::kPacksSamples>(group.width, [&](auto strip, std::size_t first) {
    for (std::size_t l = layers; l-- > 0;)
      sums.clipped_derivatives += backward_strip<CellKind, kBackward, decltype(strip)>(
          group, l, first, limit, l + 1 == layers ? squares : nullptr);
  });
}

// Calls `add(chunk)` with chunks of nearly equal length that cover all steps.
template <class CellKind, typename Add>
void for_chunks(const Group& group, std::size_t steps, const Add& add) {
  static_assert(CellKind::kChunkSteps <= kMaxChunkSteps && kTileRows <= kMaxTileRows);
  const std::size_t longest = CellKind::kChunkSteps / group.blocks;
  const std::size_t chunks = (steps + longest - 1) / longest;
  for (std::size_t i = 0; i < chunks; ++i) {
    throw_if_cancelled(group.cancel);
    add(Chunk{group.width, i * steps / chunks, (i + 1) * steps / chunks});
  }
}

// Adds one group's contribution to the gradient, with its samples in registers V.
template <class CellKind, class V>
void add_gradients(const Group& group, const Parameters<float>& gradient) {
  const KernelSizes& sizes = group.sizes;
  const std::size_t hidden = sizes.hidden;
  PackedRows& packed = group.memory.packed;
  const Series logits = group.logits();
  const Series top_states =
      group.states(sizes.layers - 1).from((sizes.time_steps - sizes.output_steps + 1) * hidden);
  for_chunks<CellKind>(group, sizes.output_steps, [&](const Chunk& chunk) {
    RowGradients to;
    to.bias = gradient.output_bias;
    to.add({top_states, hidden, gradient.output_weight});
    add_row_gradients<V>(logits, sizes.outputs, to, chunk, packed);
  });
  const SymbolSeries symbols = {group.symbols, sizes.time_steps};
  Series one_hot{};  // only if it is needed
  const auto one_hot_inputs = [&] {
    if (!one_hot.first) one_hot = group.one_hot_inputs();
    return one_hot;
  };
  for (std::size_t l = 0; l < sizes.layers; ++l) {
    const LayerParameters<float> layer = gradient.layer(l);
    const Series sums = group.sums(l, CellKind::kRows.sums);
    for_chunks<CellKind>(group, sizes.time_steps, [&](const Chunk& chunk) {
      for (const GateSums& some : CellKind::kSums) {
        const Series derivatives = sums.from(some.sum * hidden);
        const std::size_t rows = some.count * hidden;
        RowGradients to;
        if (some.input_gate != kNoGate) {
          const std::size_t row = some.input_gate * hidden, columns = sizes.inputs_of(l);
          const Series inputs = group.inputs_of(l);
          float* const weight = layer.weight_ih + row * columns;
          to.bias = layer.bias + row;
          if (inputs.first)
            to.add({inputs, columns, weight, l == 0 ? group.inputs_key : InputsKey{}});
          else
            add_symbol_gradient<V>(derivatives, rows, symbols, columns, chunk, group.memory, weight,
                                   one_hot_inputs);
        }
        if (some.recurrent_gate != kNoGate) {
          const std::size_t row = some.recurrent_gate * hidden;
          if (layer.recurrent_bias) to.recurrent_bias = layer.recurrent_bias + row;
          to.add({group.recurrent_factors(l), hidden, layer.weight_hh + row * hidden});
        }
        add_row_gradients<V>(derivatives, rows, to, chunk, packed);
      }
    });
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

// Whether the symbols of a batch are read as such. With a weight that is not finite, zeros count.
inline bool reads_symbols(const KernelRun& run, const KernelSizes& sizes) {
  if (!run.batch.keeps_symbols) return false;
  const float* const weight_ih = Parameters<const float>(run.weights, sizes).layer(0).weight_ih;
  const std::size_t size = sizes.gates * sizes.hidden * sizes.inputs;
  return !find_nonfinite({weight_ih, size});
}

template <class CellKind>
Group group_of(const KernelRun& run, const KernelSizes& sizes, bool has_symbols,
               std::size_t first_block) {
  const Batch& batch = run.batch;
  const std::size_t blocks = std::min(kGroupBlocks, run.blocks.end - first_block);
  const std::size_t samples = static_cast<std::size_t>(batch.size) - first_block * kLanes;
  const std::size_t block = run.source * batch.blocks() + first_block;
  const std::size_t states = first_block * sizes.hidden * kLanes;
  const std::size_t steps = block * sizes.time_steps;
  Group group = {
      run.model,
      sizes,
      run.memory,
      batch.keeps_symbols ? nullptr : batch.inputs.data() + steps * sizes.inputs * kLanes,
      batch.keeps_symbols ? batch.symbols.data() + steps * kLanes : nullptr,
      batch.labels.empty() ? nullptr : batch.labels.data() + block * sizes.output_steps * kLanes,
      batch.targets.empty() ? nullptr : batch.targets.data() + block * sizes.outputs * kLanes,
      batch.starts.empty() ? nullptr : batch.starts.data() + block * kLanes,
      run.initial_states ? run.initial_states + states : nullptr,
      run.last_states ? run.last_states + states : nullptr,
      batch.blocks() * sizes.hidden * kLanes,
      blocks,
      samples,
      losses_of(run.model, batch, run.source),
      CellKind::kPacksSamples ? packed_width(std::min(samples, blocks * kLanes))
                              : Width{blocks * kBlockRegisters},
      run.cancel,
      {run.call, run.source, first_block}};
  if (batch.keeps_symbols && !has_symbols) {
    group.inputs = group.one_hot_inputs().first;
    group.symbols = nullptr;
  }
  return group;
}

template <class CellKind>
void pack_for_forward(const KernelSizes& sizes, const Parameters<const float>& from,
                      bool has_symbols, KernelMemory& memory) {
  for (std::size_t l = 0; l < sizes.layers; ++l)
    pack_gate_weights<CellKind>(sizes, from.layer(l),
                                l == 0 && has_symbols ? 0 : sizes.inputs_of(l),
                                memory.layers[l].gate_weights.data());
  if (has_symbols)
    pack_symbol_weights<CellKind>(sizes, from.layer(0), memory.symbol_weights.data());
  pack_output_weights(sizes, from.output_weight, from.output_bias, memory.output_weights.data());
}

// Forward and backward, group by group. `after(group)` is called while the group is in memory.
template <class CellKind, BackwardPass kBackward, typename After>
SampleSums through_time(const KernelRun& run, const KernelSizes& sizes, float backprop_limit,
                        double* squares, const After& after) {
  const Parameters<const float> weights(run.weights, sizes);
  const bool has_symbols = reads_symbols(run, sizes);
  pack_for_forward<CellKind>(sizes, weights, has_symbols, run.memory);
  for (std::size_t l = 0; l < sizes.layers; ++l)
    pack_for_backward(sizes, weights, l, run.memory.layers[l]);
  SampleSums sums;
  for (std::size_t first = run.blocks.begin; first < run.blocks.end; first += kGroupBlocks) {
    const Group group = group_of<CellKind>(run, sizes, has_symbols, first);
    forward<CellKind, Pass::kWithBackward>(group, sums);
    backward<CellKind, kBackward>(group, backprop_limit, squares, sums);
    after(group);
  }
  return sums;
}

// With Omega.
template <class CellKind>
SampleSums regularized_gradients(const KernelRun& run, const KernelSizes& sizes,
                                 float backprop_limit, const Parameters<float>& to) {
  const double pairs = omega_pairs(run.model, run.batch, static_cast<int>(run.source));
  double omega = 0;
  SampleSums sums = through_time<CellKind, BackwardPass::kKept>(
      run, sizes, backprop_limit, nullptr, [&](const Group& group) {
        for (std::size_t l = 0; l < sizes.layers; ++l)
          omega += add_omega(group, l, 2 * run.model.omega / pairs);
        add_gradients_of<CellKind>(group, to);
      });
  sums.omega = omega;
  return sums;
}

template <class CellKind>
SampleSums gradients(const KernelRun& run, float backprop_limit, float* gradient) {
  const KernelSizes sizes(run.model, run.batch);
  const Parameters<float> to(gradient, sizes);
  std::fill(gradient, to.end, 0.0F);
  if constexpr (CellKind::kHasOmega)
    if (run.model.omega != 0)
      return regularized_gradients<CellKind>(run, sizes, backprop_limit, to);
  const auto add = [&](const Group& group) { add_gradients_of<CellKind>(group, to); };
  return std::isinf(backprop_limit) ? through_time<CellKind, BackwardPass::kPassedOn>(
                                          run, sizes, backprop_limit, nullptr, add)
                                    : through_time<CellKind, BackwardPass::kLimited>(
                                          run, sizes, backprop_limit, nullptr, add);
}

template <class CellKind>
SampleSums losses(const KernelRun& run) {
  const KernelSizes sizes(run.model, run.batch);
  const bool has_symbols = reads_symbols(run, sizes);
  pack_for_forward<CellKind>(sizes, Parameters<const float>(run.weights, sizes), has_symbols,
                             run.memory);
  SampleSums sums;
  for (std::size_t first = run.blocks.begin; first < run.blocks.end; first += kGroupBlocks)
    forward<CellKind, Pass::kForwardOnly>(group_of<CellKind>(run, sizes, has_symbols, first), sums);
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
