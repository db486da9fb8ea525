// The reference engine: every model in LibTorch over the run axis, with gradients by autograd. It
// is written for clarity, and every other engine must agree with it.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/engine/reference/recurrent_layers.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {

// The results for each sample of a batch.
struct SampleResults {
  at::Tensor losses;         // [R, B]; their mean is that over the batch
  at::Tensor correct;        // [R, B], 0 or 1 as int64; where the model scores steps, up to T
  StatesThroughTime states;  // with B' samples
};

// Computes the layout's model: the recurrent layers over T time steps, y = W_out h + b_out for the
// top layer's last state (for a class at each step, for all states), and the loss (model.h).
//
// parameters [R, P]; inputs [S, I, T, B]; targets [S, B] of int64, [S, T, B] of int64 for a class
// at each step, or [S, O, B] of float for numbers; source_of_run [R] of int64. `on_state` is called
// with each c_t and h_t [R, H, B'] of every layer, where B' is B plus padding. `initial`: the
// states [R, H, B] with which the sequences begin, of each layer; zeros if there are none. `starts`
// [S, B]: the time step at which each sample begins; undefined: 0.
SampleResults sample_results(const at::Tensor& parameters, const ParameterLayout& layout,
                             const at::Tensor& inputs, const at::Tensor& targets,
                             const at::Tensor& source_of_run, const StateHook& on_state = {},
                             const std::vector<LayerState>& initial = {},
                             const at::Tensor& starts = {});

// device: `cpu` or `cuda`. Throws ConfigError if LibTorch has no such device. Each engine belongs
// to the thread that made it, and restricts LibTorch to one thread there.
std::unique_ptr<GradientEngine> make_reference_engine(const ParameterLayout& layout,
                                                      const std::string& device);

}  // namespace clipsweep
