// What the kernels of all cells share: the work for one run, the memory it uses, and its results.
// The kernels compute the recurrent layers and the dense layer of one run, forward and backward
// through time, by SIMD over the samples of a batch, without tensor operations or memory
// allocations. They are compiled for several instruction sets, and the best one is used (simd.h).
//
// Samples are stored in blocks of kLanes, one cache line per row: [T, rows, kLanes] for each block.
// Up to kMaxGroupBlocks blocks form a group, whose activations stay in the cache while they are
// needed; a batch is processed group by group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "clipsweep/base/aligned.h"
#include "clipsweep/base/cancellation.h"
#include "clipsweep/model/model.h"
#include "clipsweep/tasks/batches.h"

namespace clipsweep {

inline constexpr std::size_t kMaxGroupBlocks = 3;

struct KernelSizes {
  KernelSizes(const Model& model, const Batch& batch);

  // The inputs of a layer: the batch's I, or the states of the layer below.
  std::size_t inputs_of(std::size_t layer) const { return layer == 0 ? inputs : hidden; }

  std::size_t gates;         // G, 1 for a plain cell
  std::size_t biases;        // bias vectors [GH] of a layer, 1 or 2
  std::size_t layers;        // L
  std::size_t time_steps;    // T
  std::size_t inputs;        // I
  std::size_t hidden;        // H
  std::size_t outputs;       // O
  std::size_t output_steps;  // the last time steps, which have outputs: 1, or T for a class at each
};

// The losses of a source whose mean is a run's: of samples, of all their time steps, or of all
// their numbers.
std::size_t losses_of(const Model& model, const Batch& batch, std::size_t source);

// The memory that a cell needs besides its hidden states h, in multiples of H rows.
struct CellRows {
  std::size_t sums = 0;   // at each time step: the values of a unit's sums, then their derivatives
  std::size_t cells = 0;  // at each time step: the second state c, 1 or 0
  std::size_t kept = 0;   // at each time step: other values that the backward pass needs
  std::size_t carried = 0;  // derivatives carried to the previous time step, besides W_hh's
};

// Maximum sizes of the tiles that the gradients of weights are summed in: time steps times blocks,
// and rows and columns of the weights.
inline constexpr std::size_t kMaxChunkSteps = 64;
inline constexpr std::size_t kMaxTileRows = 5;
inline constexpr std::size_t kPanelColumns = 80;

// Which inputs were copied.
struct InputsKey {
  friend bool operator==(const InputsKey& a, const InputsKey& b) {
    return a.call == b.call && a.source == b.source && a.first_block == b.first_block &&
           a.first_step == b.first_step && a.first_column == b.first_column;
  }

  std::uint64_t call = 0;  // as in KernelRun
  std::size_t source = 0;
  std::size_t first_block = 0;
  std::size_t first_step = 0;
  std::size_t first_column = 0;
};

// The factors of those sums, copied into the order in which they are read: [kMaxChunkSteps, kLanes]
// for each row or column. The inputs are copied once for runs that follow each other with the same
// batch (Zen 3, the classic example: a step takes 98.5 us instead of 101.6).
struct PackedRows {
  AlignedVector<float> derivatives;  // of kMaxTileRows rows
  AlignedVector<float> values;       // of kPanelColumns columns
  AlignedVector<float> inputs;       // of kPanelColumns columns
  InputsKey inputs_key;              // of `inputs`
};

// Maximum number of rows whose gradients are summed at once for each symbol.
inline constexpr std::size_t kSymbolRows = 32;

// Sums of derivatives for each symbol that occurs in a part of a batch.
struct SymbolSums {
  AlignedVector<float> sums;         // [I, kLanes, kSymbolRows]
  std::vector<bool> occurs;          // [I]
  std::vector<std::size_t> present;  // the symbols that occur
};

// The memory of one recurrent layer for one group; every row is [kLanes].
struct LayerMemory {
  // The weights in the order in which the kernels read them: in tiles of rows, column by column.
  AlignedVector<float> gate_weights;
  AlignedVector<float> recurrent_weights;  // transposed
  AlignedVector<float> above_weights;      // of the layer above or the output layer, transposed

  AlignedVector<float> sums;    // [blocks, T, CellRows::sums H]
  AlignedVector<float> states;  // [blocks, T + 1, H], beginning with the initial state

  // For the cells that need them. Others may find them in any size, left by another model.
  AlignedVector<float> cells;    // [blocks, T + 1, H], beginning with the initial state
  AlignedVector<float> kept;     // [blocks, T, CellRows::kept H]
  AlignedVector<float> carried;  // [blocks, CellRows::carried H]

  // For Omega (engine/omega.h).
  AlignedVector<float> errors;  // [blocks, T, H], dE/dh_t
  // [blocks, T, H]: v_t, then the factors of u_t in the gradient of W_hh, h_{t-1} + c v_t
  AlignedVector<float> omega_factors;
};

// The memory for one group.
struct KernelMemory {
  // Makes room for a batch of this size. It never shrinks, because batches may differ in length.
  void grow_to(const CellRows& rows, const Model& model, const Batch& batch);

  std::vector<LayerMemory> layers;      // at least L, the lowest one first
  AlignedVector<float> output_weights;  // in tiles of rows, as those of the layers
  AlignedVector<float> logits;          // [blocks, output steps, O]: values, then their derivatives
  PackedRows packed;

  // For one-hot inputs that are kept as symbols.
  AlignedVector<float> symbol_weights;  // [I, GH]: W_ih transposed, with the biases added
  SymbolSums symbol_sums;
  AlignedVector<float> one_hot;  // [blocks, T, I, kLanes], once it was needed
};

// Consecutive blocks of a batch; `begin` is a multiple of the kernels' group_blocks.
struct BlockRange {
  std::size_t begin;
  std::size_t end;
};

// One run with one source of a batch, or with some of its blocks.
struct KernelRun {
  const Model& model;
  const float* weights;  // [P] as in layout_of
  const Batch& batch;
  std::size_t source;
  BlockRange blocks;
  KernelMemory& memory;  // grown to the batch
  const CancelFlag& cancel = kNotCancelled;
  // Of the whole batch, as in StateBlock (gradient_engine.h).
  const float* initial_states = nullptr;  // zeros if nullptr
  float* last_states = nullptr;           // not kept if nullptr
  // Runs with the same number have the same batch. No two batches have the same one, unless it is
  // 0, for runs whose inputs are always copied.
  std::uint64_t call = 0;
};

// Sums over the samples of the blocks.
struct SampleSums {
  double loss = 0;           // of all output steps, or of all numbers
  std::int64_t correct = 0;  // samples, or where the model scores steps, output steps
  std::uint64_t clipped_derivatives = 0;
  double omega = 0;  // of (r_t - 1)^2 (engine/omega.h), if the model has a factor
};

// What the kernels of one cell compute for a run, summed over the samples of its blocks; a mean is
// over the whole batch. The output layer is y_t = W_out h_t + b_out of the top layer's state, after
// the last time step or, for a class at each step, after every one.
//
// If `backprop_limit` is finite, each derivative of the mean loss with respect to a hidden or cell
// state is limited to [-limit, limit] before it flows further back (Graves, 2013), and the ones
// that change are counted.
//
// All of them throw Cancelled soon after the run's flag is set.
struct CellKernels {
  CellRows rows;
  std::size_t group_blocks;  // blocks per group
  // Loss, correct predictions and the gradient [P] of the mean loss.
  SampleSums (*gradients)(const KernelRun& run, float backprop_limit, float* gradient);
  // Loss and correct predictions only.
  SampleSums (*losses)(const KernelRun& run);
  // For each time step [T], the sum over units and samples of the squared derivative of the mean
  // loss with respect to the top layer's h_t, after limiting.
  void (*state_derivative_squares)(const KernelRun& run, float backprop_limit, double* squares);
};

}  // namespace clipsweep
