// The fused engine: forward pass, loss, backward pass through time and the gradients of all
// parameters of a run in one pass, by SIMD over the batch, on the CPU. It needs no LibTorch.
//
// Its numbers are the same to the last bit for any cohort, worker count and order of runs; another
// instruction set may change the last bits, so `simd` is recorded.
#pragma once

#include <memory>

#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {

// Throws std::logic_error for a model that it does not support (fused_engine_supports in
// engine_choice.h).
std::unique_ptr<GradientEngine> make_fused_engine(const ParameterLayout& layout);

}  // namespace clipsweep
