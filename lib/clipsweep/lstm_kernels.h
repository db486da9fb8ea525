// What the fused engine computes with: LSTM and dense layer of one run, forward and backward
// through time, by SIMD over the samples of a batch, without a tensor operation or a memory
// allocation. Compiled for several instruction sets, the best of which is used (simd.h).
//
// Samples lie in blocks of kLanes, one cache line a row: [T, rows, kLanes] for each block. Up to
// kGroupBlocks blocks are one group, whose activations are in the cache while they are needed; a
// batch is worked through group by group.
#pragma once

#include <cstddef>
#include <cstdint>

#include "clipsweep/aligned.h"
#include "clipsweep/batches.h"

namespace clipsweep {

inline constexpr std::size_t kGroupBlocks = 2;

struct LstmSizes {
  std::size_t time_steps = 0;  // T
  std::size_t inputs = 0;      // I
  std::size_t hidden = 0;      // H
  std::size_t outputs = 0;     // O
};

// The memory of one group's pass; every row is [kLanes].
struct LstmWorkspace {
  explicit LstmWorkspace(const LstmSizes& sizes);

  // The weights as the kernels read them, one after the other: in tiles of rows, column by column.
  AlignedVector<float> gate_weights;
  AlignedVector<float> recurrent_weights;  // transposed
  AlignedVector<float> output_weights;
  AlignedVector<float> output_weights_transposed;

  AlignedVector<float> gates;              // [blocks, T, 4H]: values, then their derivatives
  AlignedVector<float> cells;              // [blocks, T + 1, H], the first of zeros
  AlignedVector<float> cell_tanhs;         // [blocks, T, H]
  AlignedVector<float> states;             // [blocks, T + 1, H], the first of zeros
  AlignedVector<float> cell_derivatives;   // [blocks, H]
  AlignedVector<float> state_derivatives;  // [blocks, H], of the last state
  AlignedVector<float> logits;             // [blocks, O]: values, then their derivatives
};

// Summed over the samples of a batch.
struct SampleSums {
  double loss = 0;
  std::int64_t corrects = 0;
  std::uint64_t clipped_derivatives = 0;
};

// Loss, right answers and gradient of one run at one source of the batch.
//
//   i, f, g, o = W_ih x_t + W_hh h_{t-1} + b,  c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g),
//   h_t = sigmoid(o) tanh(c_t),  logits = W_out h_T + b_out
//
// weights, gradient [P] as in lstm_layout; the gradient is that of the mean loss. Where
// `backprop_limit` is finite, each derivative with respect to an h_t or c_t is limited to
// [-limit, limit] on its way back (Graves, 2013), and those that were changed are counted.
SampleSums lstm_gradients(const LstmSizes& sizes, const float* weights, const Batch& batch,
                          std::size_t source, float backprop_limit, LstmWorkspace& workspace,
                          float* gradient);

// Loss and right answers alone.
SampleSums lstm_losses(const LstmSizes& sizes, const float* weights, const Batch& batch,
                       std::size_t source, LstmWorkspace& workspace);

}  // namespace clipsweep
