// The reference engine: LSTM and dense layer in LibTorch over the run axis, gradients by autograd.
// It is written to be seen through, and every other engine must agree with it.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "clipsweep/gradient_engine.h"
#include "clipsweep/parameters.h"

namespace clipsweep {

// Cross-entropy from logits of an LSTM over T time steps and a dense layer on its last state, each
// sample by itself.
//
//   i, f, g, o = W_ih x_t + W_hh h_{t-1} + b,  c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g),
//   h_t = sigmoid(o) tanh(c_t)                       (Hochreiter and Schmidhuber, 1997; with
//   logits = W_out h_T + b_out                        the forget gate of Gers et al., 2000)
//
// parameters [R, P] laid out as `layout`; inputs [S, I, T, B]; labels [S, B] of int64;
// source_of_run [R] of int64. Returns losses [R, B] and, as int64, right answers [R, B] (0 or 1).
// `on_state` gets each c_t and h_t [R, H, B'], B' being B and padding.
struct SampleResults {
  at::Tensor losses;
  at::Tensor corrects;
};
SampleResults lstm_cross_entropy(const at::Tensor& parameters, const ParameterLayout& layout,
                                 const at::Tensor& inputs, const at::Tensor& labels,
                                 const at::Tensor& source_of_run,
                                 const std::function<void(const at::Tensor&)>& on_state = {});

// device: `cpu` or `cuda`. Throws ConfigError if LibTorch has no such device here. Each engine
// belongs to the thread that made it, and holds LibTorch to one thread there.
std::unique_ptr<GradientEngine> make_reference_engine(const ParameterLayout& layout,
                                                      const std::string& device);

}  // namespace clipsweep
