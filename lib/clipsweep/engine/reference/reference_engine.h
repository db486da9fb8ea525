// The reference engine: every model in LibTorch over the run axis, gradients by autograd. It is
// written for clarity, and every other engine must agree with it.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/engine/reference/recurrent_layers.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {

// The results of a batch, sample by sample.
struct SampleResults {
  at::Tensor losses;                   // [R, B]
  at::Tensor correct_counts;           // [R, B], 0 or 1 as int64
  std::vector<at::Tensor> top_states;  // h_1 to h_T of the top layer, each [R, H, B']
};

// The layout's model: recurrent layers over T time steps, y = W_out h + b_out of the top layer's
// last state or, for a class at each step, of all, and the losses that model.h names.
//
// parameters [R, P]; inputs [S, I, T, B]; targets [S, B] of int64, [S, T, B] of int64 for a class
// at each step, or [S, B] numbers; source_of_run [R] of int64. `on_state` gets each c_t and h_t [R,
// H, B'] of every layer, B' being B and padding.
SampleResults sample_results(const at::Tensor& parameters, const ParameterLayout& layout,
                             const at::Tensor& inputs, const at::Tensor& targets,
                             const at::Tensor& source_of_run, const StateHook& on_state = {});

// device: `cpu` or `cuda`. Throws ConfigError if LibTorch has no such device here. Each engine
// belongs to the thread that made it, and holds LibTorch to one thread there.
std::unique_ptr<GradientEngine> make_reference_engine(const ParameterLayout& layout,
                                                      const std::string& device);

}  // namespace clipsweep
