// Converts a batch to LibTorch tensors, without the blocks and their padding.
#pragma once

#include <ATen/core/Tensor.h>

#include "clipsweep/tasks/batches.h"

namespace clipsweep {

// [S, T, I, B]
at::Tensor input_tensor(const Batch& batch);

// [S, B] of int64 for a class, [S, T, B] of int64 for a class at each step, [S, K, B] of float for
// K numbers.
at::Tensor target_tensor(const Batch& batch);

// The time step at which each sample begins, [S, B] of int64; undefined if all begin at 0.
at::Tensor start_tensor(const Batch& batch);

}  // namespace clipsweep
