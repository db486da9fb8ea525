// The fused engine: forward, loss, backward through time and the gradients of all parameters of a
// run in one go, by SIMD over the batch, on the CPU. It needs no LibTorch.
//
// Its numbers are the same to the last bit for any cohort, worker count and order of runs; another
// instruction set may change the last bits, which is why `simd` is recorded.
#pragma once

#include <memory>

#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {

// Throws std::logic_error for a model that it does not know (fused_engine_supports,
// engine_choice.h).
std::unique_ptr<GradientEngine> make_fused_engine(const ParameterLayout& layout);

}  // namespace clipsweep
