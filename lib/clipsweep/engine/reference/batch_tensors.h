// Converts a batch to LibTorch tensors, without the blocks and their padding.
#pragma once

#include <ATen/core/Tensor.h>

#include "clipsweep/tasks/batches.h"

namespace clipsweep {

// [S, T, I, B]
at::Tensor input_tensor(const Batch& batch);

// [S, B] of int64 for a class, [S, T, B] of int64 for a class at each step, [S, B] of float for a
// number.
at::Tensor target_tensor(const Batch& batch);

}  // namespace clipsweep
