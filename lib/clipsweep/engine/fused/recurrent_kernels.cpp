#include "clipsweep/engine/fused/recurrent_kernels.h"

namespace clipsweep {
namespace {

void grow(AlignedVector<float>& memory, std::size_t size) {
  if (memory.size() < size) memory.resize(size);
}

}  // namespace

KernelSizes::KernelSizes(const Model& model, const Batch& batch)
    : gates(cell_entry(model.cell).gates.size()),
      biases(cell_entry(model.cell).biases.size()),
      layers(static_cast<std::size_t>(model.layers)),
      time_steps(static_cast<std::size_t>(batch.time_steps)),
      inputs(static_cast<std::size_t>(model.inputs)),
      hidden(static_cast<std::size_t>(model.hidden)),
      outputs(static_cast<std::size_t>(model.outputs)),
      output_steps(model.target == Target::kClassEachStep ? time_steps : 1) {}

std::size_t losses_of(const Model& model, const Batch& batch, std::size_t source) {
  if (model.target == Target::kClassEachStep)
    return static_cast<std::size_t>(batch.steps_of(static_cast<int>(source)));
  const auto samples = static_cast<std::size_t>(batch.size);
  return model.target == Target::kNumber ? samples * static_cast<std::size_t>(model.outputs)
                                         : samples;
}

void KernelMemory::grow_to(const CellRows& rows, const Model& model, const Batch& batch) {
  const KernelSizes sizes(model, batch);
  const std::size_t hidden = sizes.hidden;
  const std::size_t lanes = kMaxGroupBlocks * kLanes;
  if (layers.size() < sizes.layers) layers.resize(sizes.layers);
  for (std::size_t l = 0; l < sizes.layers; ++l) {
    LayerMemory& layer = layers[l];
    const std::size_t rows_above = l + 1 < sizes.layers ? sizes.gates * hidden : sizes.outputs;
    grow(layer.gate_weights, hidden * (rows.sums + sizes.gates * (sizes.inputs_of(l) + hidden)));
    grow(layer.recurrent_weights, sizes.gates * hidden * hidden);
    grow(layer.above_weights, rows_above * hidden);
    grow(layer.sums, lanes * sizes.time_steps * rows.sums * hidden);
    grow(layer.states, lanes * (sizes.time_steps + 1) * hidden);
    grow(layer.cells, lanes * (sizes.time_steps + 1) * rows.cells * hidden);
    grow(layer.kept, lanes * sizes.time_steps * rows.kept * hidden);
    grow(layer.carried, lanes * rows.carried * hidden);
    if (model.omega == 0) continue;
    grow(layer.errors, lanes * sizes.time_steps * hidden);
    grow(layer.omega_factors, lanes * sizes.time_steps * hidden);
  }
  grow(output_weights, sizes.outputs * (1 + hidden));
  grow(logits, lanes * sizes.output_steps * sizes.outputs);
  grow(packed.derivatives, kMaxTileRows * kMaxChunkSteps * kLanes);
  grow(packed.values, kPanelColumns * kMaxChunkSteps * kLanes);
  grow(packed.inputs, kPanelColumns * kMaxChunkSteps * kLanes);
  if (!batch.keeps_symbols) return;
  // A column is read in fours, the last one too.
  grow(symbol_weights, sizes.inputs * sizes.gates * hidden + 4);
  grow(symbol_sums.sums, sizes.inputs * kLanes * kSymbolRows);
}

}  // namespace clipsweep
