// What the kernels of the fused engine share, whatever the cell: one run's work, the memory it is
// done in, and what comes out. They compute one recurrent layer and a dense layer of one run,
// forward and backward through time, by SIMD over the samples of a batch, without a tensor
// operation or a memory allocation. Compiled for several instruction sets, the best of which is
// used (simd.h).
//
// Samples lie in blocks of kLanes, one cache line a row: [T, rows, kLanes] for each block. A few
// blocks, kMaxGroupBlocks at most, are one group, whose activations are in the cache while they
// are needed; a batch is worked through group by group.
#pragma once

#include <cstddef>
#include <cstdint>

#include "clipsweep/base/aligned.h"
#include "clipsweep/base/cancellation.h"
#include "clipsweep/model/model.h"
#include "clipsweep/tasks/batches.h"

namespace clipsweep {

inline constexpr std::size_t kMaxGroupBlocks = 3;

// G is the number of the cell's gates, 1 for the plain cells.
struct KernelSizes {
  KernelSizes(const Model& model, const Batch& batch);

  std::size_t gates;       // G
  std::size_t time_steps;  // T
  std::size_t inputs;      // I
  std::size_t hidden;      // H
  std::size_t outputs;     // O
};

// Gradients of weights are summed over so many time steps times blocks at most, for so many rows
// and columns of the weights at most.
inline constexpr std::size_t kMaxChunkSteps = 64;
inline constexpr std::size_t kMaxTileRows = 5;
inline constexpr std::size_t kPanelColumns = 40;

// What they are summed from, copied into the order it is read in: [kMaxChunkSteps, kLanes] for
// each row or column.
struct PackedRows {
  AlignedVector<float> derivatives;  // of kMaxTileRows rows
  AlignedVector<float> values;       // of kPanelColumns columns
};

// The memory of one group's pass; every row is [kLanes].
struct KernelMemory {
  // Makes room for a batch of this size. It never shrinks: batches may differ in length.
  void grow_to(const Model& model, const Batch& batch);

  // The weights as the kernels read them, one after the other: in tiles of rows, column by column.
  AlignedVector<float> gate_weights;
  AlignedVector<float> recurrent_weights;  // transposed
  AlignedVector<float> output_weights;
  AlignedVector<float> output_weights_transposed;

  AlignedVector<float> gates;              // [blocks, T, GH]: values, then their derivatives
  AlignedVector<float> states;             // [blocks, T + 1, H], the first of zeros
  AlignedVector<float> state_derivatives;  // [blocks, H], of the last state
  AlignedVector<float> logits;             // [blocks, O]: values, then their derivatives
  PackedRows packed;

  // For the LSTM alone. Another cell may find them here, of a model before it, in any size.
  AlignedVector<float> cells;             // [blocks, T + 1, H], the first of zeros
  AlignedVector<float> cell_tanhs;        // [blocks, T, H]
  AlignedVector<float> cell_derivatives;  // [blocks, H]
};

// Some blocks of a batch that lie side by side: from a multiple of the kernels' group_blocks on.
struct BlockRange {
  std::size_t begin;
  std::size_t end;
};

// One run at one source of a batch, or at some of its blocks.
struct KernelRun {
  const Model& model;    // of one layer
  const float* weights;  // [P] as in layout_of
  const Batch& batch;
  std::size_t source;
  BlockRange blocks;
  KernelMemory& memory;  // grown to the batch
  const CancelFlag& stop = kNotCancelled;
};

// Summed over the samples of the blocks.
struct SampleSums {
  double loss = 0;
  std::int64_t correct_counts = 0;
  std::uint64_t clipped_derivatives = 0;
};

// What can be computed of a run with one kind of cell, summed over the samples of its blocks; a
// mean is one over the whole batch. The output layer is y = W_out h_T + b_out.
//
// Where `backprop_limit` is finite, each derivative of the mean loss with respect to a hidden or
// cell state is limited to [-limit, limit] on its way back (Graves, 2013), and those that were
// changed are counted.
//
// All of them throw Cancelled soon after the run's flag is set.
struct CellKernels {
  std::size_t group_blocks;  // blocks of one group
  // Loss, right answers and the gradient [P] of the mean loss.
  SampleSums (*gradients)(const KernelRun& run, float backprop_limit, float* gradient);
  // Loss and right answers alone.
  SampleSums (*losses)(const KernelRun& run);
  // The sum over units and samples of the squared derivative of the mean loss with respect to h_t,
  // as limited, for each time step [T].
  void (*state_derivative_squares)(const KernelRun& run, float backprop_limit, double* squares);
};

}  // namespace clipsweep
