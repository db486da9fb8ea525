#include "clipsweep/engine/fused/recurrent_kernels.h"

namespace clipsweep {
namespace {

void grow(AlignedVector<float>& memory, std::size_t size) {
  if (memory.size() < size) memory.resize(size);
}

}  // namespace

KernelSizes::KernelSizes(const Model& model, const Batch& batch)
    : gates(static_cast<std::size_t>(gates_of(model.cell))),
      time_steps(static_cast<std::size_t>(batch.time_steps)),
      inputs(static_cast<std::size_t>(model.inputs)),
      hidden(static_cast<std::size_t>(model.hidden)),
      outputs(static_cast<std::size_t>(model.outputs)) {}

void KernelMemory::grow_to(const Model& model, const Batch& batch) {
  const KernelSizes sizes(model, batch);
  const std::size_t rows = sizes.gates * sizes.hidden;
  const std::size_t lanes = kMaxGroupBlocks * kLanes;
  grow(gate_weights, rows * (1 + sizes.inputs + sizes.hidden));
  grow(recurrent_weights, rows * sizes.hidden);
  grow(output_weights, sizes.outputs * (1 + sizes.hidden));
  grow(output_weights_transposed, sizes.outputs * sizes.hidden);
  grow(gates, lanes * sizes.time_steps * rows);
  grow(states, lanes * (sizes.time_steps + 1) * sizes.hidden);
  grow(state_derivatives, lanes * sizes.hidden);
  grow(logits, lanes * sizes.outputs);
  grow(packed.derivatives, kMaxTileRows * kMaxChunkSteps * kLanes);
  grow(packed.values, kPanelColumns * kMaxChunkSteps * kLanes);
  if (model.cell != Cell::kLstm) return;
  grow(cells, lanes * (sizes.time_steps + 1) * sizes.hidden);
  grow(cell_tanhs, lanes * sizes.time_steps * sizes.hidden);
  grow(cell_derivatives, lanes * sizes.hidden);
}

}  // namespace clipsweep
