// The network of one run: layers of one kind of cell and the output layer, over the blocks of a
// batch.
#include "clipsweep/engine/fused/cell_kernels.h"

#include "clipsweep/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/engine/fused/cell_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "clipsweep/model/gradient_norms.h"
// After those, once for each target:
#include "clipsweep/engine/fused/omega-inl.h"
#include "clipsweep/engine/fused/output_layer-inl.h"
#include "clipsweep/engine/fused/recurrence-inl.h"
#include "clipsweep/engine/fused/weight_gradients-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

// Declared here and not in a header, so that a new cell does not recompile the others, which takes
// minutes.
CellPasses passes_of_lstm();
CellPasses passes_of_gru();
CellPasses passes_of_rnn_tanh();
CellPasses passes_of_rnn_relu();

namespace {

CellPasses passes_of(Cell cell) {
  switch (cell) {
    case Cell::kLstm:
      return passes_of_lstm();
    case Cell::kGru:
      return passes_of_gru();
    case Cell::kRnnTanh:
      return passes_of_rnn_tanh();
    case Cell::kRnnRelu:
      return passes_of_rnn_relu();
  }
  throw std::logic_error("passes_of: no such cell");
}

// ---- One group ---------------------------------------------------------------------------------

void forward(const CellPasses& cell, const Group& group, SampleSums& sums) {
  cell.forward(group);
  for_strips<true>(group.width, [&](auto strip, std::size_t first) {
    output_strip<decltype(strip)>(group, first);
  });
  for (std::size_t i = 0; i < group.blocks * kBlockRegisters; ++i) add_losses(group, i, sums);
}

// Calls `add(chunk)` with chunks of nearly equal length that cover all steps.
template <typename Add>
void for_chunks(const CellPasses& cell, const Group& group, std::size_t steps, const Add& add) {
  static_assert(kTileRows <= kMaxTileRows);
  const std::size_t longest = cell.chunk_steps / group.blocks;
  const std::size_t chunks = (steps + longest - 1) / longest;
  for (std::size_t i = 0; i < chunks; ++i) {
    throw_if_cancelled(group.cancel);
    add(Chunk{group.width, i * steps / chunks, (i + 1) * steps / chunks});
  }
}

// Adds one group's contribution to the gradient, with its samples in registers V.
template <class V>
void add_gradients(const CellPasses& cell, const Group& group, const Parameters<float>& gradient) {
  const KernelSizes& sizes = group.sizes;
  const std::size_t hidden = sizes.hidden;
  PackedRows& packed = group.memory.packed;
  const Series logits = group.logits();
  const Series top_states =
      group.states(sizes.layers - 1).from((sizes.time_steps - sizes.output_steps + 1) * hidden);
  for_chunks(cell, group, sizes.output_steps, [&](const Chunk& chunk) {
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
    const Series sums = group.sums(l, cell.rows.sums);
    for_chunks(cell, group, sizes.time_steps, [&](const Chunk& chunk) {
      for (const GateSums& some : cell.sums) {
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

void add_gradients_of(const CellPasses& cell, const Group& group,
                      const Parameters<float>& gradient) {
  if (group.width.in_halves)
    add_gradients<HalfVector>(cell, group, gradient);
  else
    add_gradients<Vector>(cell, group, gradient);
}

// ---- The blocks of a batch ---------------------------------------------------------------------

// Chosen so that the strips of two or three registers (for_strips) cover a group evenly.
constexpr std::size_t kGroupBlocks = kManyRegisters ? 2 : 3;
static_assert(kGroupBlocks <= kMaxGroupBlocks);

// The registers for this number of samples: AVX-512's are halved if the last one would be at least
// half empty.
Width packed_width(std::size_t samples) {
  const std::size_t half = (kRegisterLanes + 1) / 2;
  const std::size_t halves = (samples + half - 1) / half;
  if (kManyRegisters && halves % 2 == 1) return {halves, true};
  return {(samples + kRegisterLanes - 1) / kRegisterLanes, false};
}

// Whether the symbols of a batch are read as such. With a weight that is not finite, zeros count.
bool reads_symbols(const KernelRun& run, const KernelSizes& sizes) {
  if (!run.batch.keeps_symbols) return false;
  const float* const weight_ih = Parameters<const float>(run.weights, sizes).layer(0).weight_ih;
  const std::size_t size = sizes.gates * sizes.hidden * sizes.inputs;
  return !find_nonfinite({weight_ih, size});
}

Group group_of(const CellPasses& cell, const KernelRun& run, const KernelSizes& sizes, Pass pass,
               bool has_symbols, std::size_t first_block) {
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
      pass,
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
      cell.packs_samples ? packed_width(std::min(samples, blocks * kLanes))
                         : Width{blocks * kBlockRegisters},
      run.cancel,
      {run.call, run.source, first_block}};
  if (batch.keeps_symbols && !has_symbols) {
    group.inputs = group.one_hot_inputs().first;
    group.symbols = nullptr;
  }
  return group;
}

void pack_for_forward(const CellPasses& cell, const KernelSizes& sizes,
                      const Parameters<const float>& from, bool has_symbols, KernelMemory& memory) {
  for (std::size_t l = 0; l < sizes.layers; ++l)
    pack_gate_weights(sizes, cell.sums, from.layer(l),
                      l == 0 && has_symbols ? 0 : sizes.inputs_of(l),
                      memory.layers[l].gate_weights.data());
  if (has_symbols)
    pack_symbol_weights(sizes, cell.sums, from.layer(0), memory.symbol_weights.data());
  pack_output_weights(sizes, from.output_weight, from.output_bias, memory.output_weights.data());
}

// Forward and backward, group by group. Adds to the gradient, if it is not nullptr.
SampleSums through_time(const CellPasses& cell, const KernelRun& run, const KernelSizes& sizes,
                        const BackwardPass& pass, const Parameters<float>* gradient) {
  const Parameters<const float> weights(run.weights, sizes);
  const bool has_symbols = reads_symbols(run, sizes);
  pack_for_forward(cell, sizes, weights, has_symbols, run.memory);
  for (std::size_t l = 0; l < sizes.layers; ++l)
    pack_for_backward(sizes, weights, l, run.memory.layers[l]);
  const bool has_omega = pass.kind == BackwardPass::Kind::kKept;
  const double pairs =
      has_omega ? omega_pairs(run.model, run.batch, static_cast<int>(run.source)) : 0;
  SampleSums sums;
  for (std::size_t first = run.blocks.begin; first < run.blocks.end; first += kGroupBlocks) {
    const Group group = group_of(cell, run, sizes, Pass::kWithBackward, has_symbols, first);
    forward(cell, group, sums);
    sums.clipped_derivatives += cell.backward(group, pass);
    for (std::size_t l = 0; has_omega && l < sizes.layers; ++l)
      sums.omega += add_omega(group, l, 2 * run.model.omega / pairs);
    if (gradient) add_gradients_of(cell, group, *gradient);
  }
  return sums;
}

SampleSums gradients(const KernelRun& run, float backprop_limit, float* gradient) {
  const CellPasses cell = passes_of(run.model.cell);
  const KernelSizes sizes(run.model, run.batch);
  const Parameters<float> to(gradient, sizes);
  std::fill(gradient, to.end, 0.0F);
  using Kind = BackwardPass::Kind;
  const Kind kind = cell.has_omega && run.model.omega != 0 ? Kind::kKept
                    : std::isinf(backprop_limit)           ? Kind::kPassedOn
                                                           : Kind::kLimited;
  return through_time(cell, run, sizes, {kind, backprop_limit}, &to);
}

SampleSums losses(const KernelRun& run) {
  const CellPasses cell = passes_of(run.model.cell);
  const KernelSizes sizes(run.model, run.batch);
  const bool has_symbols = reads_symbols(run, sizes);
  pack_for_forward(cell, sizes, Parameters<const float>(run.weights, sizes), has_symbols,
                   run.memory);
  SampleSums sums;
  for (std::size_t first = run.blocks.begin; first < run.blocks.end; first += kGroupBlocks)
    forward(cell, group_of(cell, run, sizes, Pass::kForwardOnly, has_symbols, first), sums);
  return sums;
}

void state_derivative_squares(const KernelRun& run, float backprop_limit, double* squares) {
  const KernelSizes sizes(run.model, run.batch);
  std::fill_n(squares, sizes.time_steps, 0.0);
  through_time(passes_of(run.model.cell), run, sizes,
               {BackwardPass::Kind::kLimited, backprop_limit, squares}, nullptr);
}

}  // namespace

CellKernels kernels_of(Cell cell) {
  return {passes_of(cell).rows, kGroupBlocks, gradients, losses, state_derivative_squares};
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace clipsweep {

HWY_EXPORT(kernels_of);

CellKernels cell_kernels(Cell cell) { return HWY_DYNAMIC_DISPATCH(kernels_of)(cell); }

}  // namespace clipsweep
#endif
