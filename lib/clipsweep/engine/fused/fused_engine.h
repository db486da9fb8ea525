// The fused engine computes the loss and all gradients of a run in one pass forward and one
// backward through time, by SIMD over the batch, on the CPU. It needs no LibTorch.
//
// Its results are the same to the last bit for any cohort, number of workers and order of runs.
// Another instruction set may change the last bits, which is why `simd` is recorded.
#pragma once

#include <memory>

#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {

// For any model.
std::unique_ptr<GradientEngine> make_fused_engine(const ParameterLayout& layout);

}  // namespace clipsweep
