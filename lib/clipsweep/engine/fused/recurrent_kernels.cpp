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
      time_steps(static_cast<std::size_t>(batch.time_steps)),
      inputs(static_cast<std::size_t>(model.inputs)),
      hidden(static_cast<std::size_t>(model.hidden)),
      outputs(static_cast<std::size_t>(model.outputs)) {}

void KernelMemory::grow_to(const CellRows& rows, const Model& model, const Batch& batch) {
  const KernelSizes sizes(model, batch);
  const std::size_t hidden = sizes.hidden;
  const std::size_t lanes = kMaxGroupBlocks * kLanes;
  grow(gate_weights, hidden * (rows.sums + sizes.gates * (sizes.inputs + hidden)));
  grow(recurrent_weights, sizes.gates * hidden * hidden);
  grow(output_weights, sizes.outputs * (1 + hidden));
  grow(output_weights_transposed, sizes.outputs * hidden);
  grow(sums, lanes * sizes.time_steps * rows.sums * hidden);
  grow(states, lanes * (sizes.time_steps + 1) * hidden);
  grow(state_derivatives, lanes * hidden);
  grow(logits, lanes * sizes.outputs);
  grow(packed.derivatives, kMaxTileRows * kMaxChunkSteps * kLanes);
  grow(packed.values, kPanelColumns * kMaxChunkSteps * kLanes);
  grow(cells, lanes * (sizes.time_steps + 1) * rows.cells * hidden);
  grow(kept, lanes * sizes.time_steps * rows.kept * hidden);
  grow(carried, lanes * rows.carried * hidden);
}

}  // namespace clipsweep
