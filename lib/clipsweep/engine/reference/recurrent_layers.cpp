#include "clipsweep/engine/reference/recurrent_layers.h"

#include <torch/types.h>

#include <stdexcept>

namespace clipsweep {
namespace {

using at::Tensor;

using State = LayerState;

// Each cell returns the state after one time step; x is W_ih x_t + b [R, GH, B].
//
//   i, f, g, o = x + W_hh h_{t-1}
//   c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
//   h_t = sigmoid(o) tanh(c_t)
State lstm(const LayerWeights& weights, const Tensor& x, const State& before) {
  const Tensor gates = torch::baddbmm(x, weights.weight_hh, before.h);
  const auto gate = gates.chunk(4, 1);  // i, f, g, o
  const Tensor c =
      torch::sigmoid(gate[1]) * before.c + torch::sigmoid(gate[0]) * torch::tanh(gate[2]);
  return {torch::sigmoid(gate[3]) * torch::tanh(c), c};
}

//   u = W_hh h_{t-1} + b_hh
//   r, z = sigmoid(x + u),  n = tanh(x + r u)
//   h_t = (1 - z) n + z h_{t-1}
State gru(const LayerWeights& weights, const Tensor& x, const State& before) {
  const auto from_input = x.chunk(3, 1);  // r, z, n
  const auto u = torch::baddbmm(weights.bias_hh, weights.weight_hh, before.h).chunk(3, 1);
  const Tensor r = torch::sigmoid(from_input[0] + u[0]);
  const Tensor z = torch::sigmoid(from_input[1] + u[1]);
  const Tensor n = torch::tanh(from_input[2] + r * u[2]);
  return {(1 - z) * n + z * before.h, {}};
}

Tensor activated(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::kSigmoid:
      return torch::sigmoid(x);
    case Activation::kTanh:
      return torch::tanh(x);
    case Activation::kRelu:
      return torch::relu(x);
  }
  throw std::logic_error("activated: no such activation");
}

//   h_t = f(x + W_hh h_{t-1})
State plain(Activation f, const LayerWeights& weights, const Tensor& x, const State& before) {
  return {activated(f, torch::baddbmm(x, weights.weight_hh, before.h)), {}};
}

using CellStep = std::function<State(const LayerWeights&, const Tensor&, const State&)>;

CellStep step_of(Cell cell) {
  switch (cell) {
    case Cell::kLstm:
      return lstm;
    case Cell::kGru:
      return gru;
    case Cell::kRnnTanh:
    case Cell::kRnnRelu:
      return [f = cell_entry(cell).gates[0].activation](const auto&... arguments) {
        return plain(f, arguments...);
      };
  }
  throw std::logic_error("step_of: no such cell");
}

// The state after time step t, but zeros for the samples that begin later.
State begun(const State& state, const Tensor& starts, std::int64_t t) {
  const Tensor begins_later = (starts > t).unsqueeze(1);  // [R, 1, B]
  const auto zeros_there = [&](const Tensor& values) {
    return values.defined() ? torch::where(begins_later, torch::zeros_like(values), values)
                            : values;
  };
  return {zeros_there(state.h), zeros_there(state.c)};
}

// Returns one layer's hidden states, each [R, H, B], for inputs [R, I, T, B]. `state` is the
// initial state, and then the last one.
std::vector<Tensor> layer_states(const CellStep& step, const LayerWeights& weights,
                                 const Tensor& inputs, const StateHook& on_state, State& state,
                                 const Tensor& starts) {
  const std::int64_t runs = inputs.size(0);
  const std::int64_t batch = inputs.size(3);
  const Tensor from_inputs = torch::baddbmm(weights.bias, weights.weight_ih, inputs.flatten(2));
  const auto by_time = from_inputs.view({runs, -1, inputs.size(2), batch}).unbind(2);
  std::vector<Tensor> states;
  for (const Tensor& from_input : by_time) {
    state = step(weights, from_input, state);
    if (on_state && state.c.defined()) on_state(state.c);
    if (on_state) on_state(state.h);
    states.push_back(state.h);
    if (starts.defined())
      state = begun(state, starts, static_cast<std::int64_t>(states.size()) - 1);
  }
  return states;
}

}  // namespace

StatesThroughTime states_through_time(Cell cell, const std::vector<LayerWeights>& layers,
                                      const Tensor& inputs, const StateHook& on_state,
                                      const std::vector<LayerState>& initial,
                                      const Tensor& starts) {
  const CellStep step = step_of(cell);
  const Tensor zeros = torch::zeros(
      {inputs.size(0), layers.front().weight_hh.size(2), inputs.size(3)}, inputs.options());
  StatesThroughTime states;
  states.last = initial.empty() ? std::vector<LayerState>(layers.size(), {zeros, zeros}) : initial;
  for (std::size_t l = 0; l < layers.size(); ++l)
    states.top = layer_states(step, layers[l], l == 0 ? inputs : torch::stack(states.top, 2),
                              on_state, states.last[l], starts);
  return states;
}

}  // namespace clipsweep
