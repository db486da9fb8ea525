// Recurrent layers in LibTorch over the run axis. Each cell is one small function whose body is its
// formula; autograd computes the gradients.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "clipsweep/model/model.h"

namespace clipsweep {

// The weights of one layer with G gates. Above the first layer, I is H.
struct LayerWeights {
  at::Tensor weight_ih;  // [R, GH, I]
  at::Tensor weight_hh;  // [R, GH, H]
  at::Tensor bias;       // [R, GH, 1]
  at::Tensor bias_hh;    // [R, GH, 1], only for cells with two biases
};

using StateHook = std::function<void(const at::Tensor&)>;

// Returns the hidden states h_1 to h_T of the top layer, each [R, H, B], for inputs [R, I, T, B]
// and initial states of 0. `on_state` is called with each new c_t and h_t [R, H, B] of every layer.
std::vector<at::Tensor> hidden_states(Cell cell, const std::vector<LayerWeights>& layers,
                                      const at::Tensor& inputs, const StateHook& on_state);

}  // namespace clipsweep
