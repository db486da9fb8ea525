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

// The state of a layer between two time steps.
struct LayerState {
  at::Tensor h;  // [R, H, B]
  at::Tensor c;  // [R, H, B], only for cells with a second state
};

struct StatesThroughTime {
  std::vector<at::Tensor> top;   // h_1 to h_T of the top layer, each [R, H, B]; without meaning
                                 // before a sample begins
  std::vector<LayerState> last;  // after the last time step, of each layer
};

using StateHook = std::function<void(const at::Tensor&)>;

// Runs the layers over inputs [R, I, T, B], from the initial state of each layer or, if there are
// none, from zeros. `on_state` is called with each new c_t and h_t [R, H, B] of every layer.
// `starts` [R, B]: the time step at which each sample begins, with zeros as its states; those
// before reach neither a later state nor, on the way back, a weight. Undefined: all begin at 0.
StatesThroughTime states_through_time(Cell cell, const std::vector<LayerWeights>& layers,
                                      const at::Tensor& inputs, const StateHook& on_state,
                                      const std::vector<LayerState>& initial = {},
                                      const at::Tensor& starts = {});

}  // namespace clipsweep
