// Recurrent layers in LibTorch over the run axis. Each cell is one small function whose body is its
// formula; the gradients are autograd's.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "clipsweep/model/model.h"

namespace clipsweep {

// One layer of G gates; I is H above the first layer.
struct LayerWeights {
  at::Tensor weight_ih;  // [R, GH, I]
  at::Tensor weight_hh;  // [R, GH, H]
  at::Tensor bias;       // [R, GH, 1]; that of a gru's inputs
  at::Tensor bias_hh;    // [R, 3H, 1], of a gru alone
};

using StateHook = std::function<void(const at::Tensor&)>;

// The hidden states h_1 to h_T of the top layer, each [R, H, B], from inputs [R, I, T, B] and
// states of zero. `on_state` gets each c_t and h_t [R, H, B] of every layer as it is made.
std::vector<at::Tensor> hidden_states(Cell cell, const std::vector<LayerWeights>& layers,
                                      const at::Tensor& inputs, const StateHook& on_state);

}  // namespace clipsweep
