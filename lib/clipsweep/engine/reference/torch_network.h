// A model made of LibTorch's own modules: torch::nn::LSTM, GRU or RNN and torch::nn::Linear. The
// engines are compared with it, both their speed and their results.
#pragma once

#include <torch/nn/modules/linear.h>
#include <torch/types.h>

#include <functional>

#include "clipsweep/model/model.h"

namespace clipsweep {

// Its parameters are called `cell.weight_ih_l0` and so on, `output.weight` and `output.bias`.
class TorchNetwork : public torch::nn::Module {
 public:
  explicit TorchNetwork(const Model& model);

  // Returns the outputs [B, O], or [T, B, O] for a class at each step, for inputs [T, B, I].
  at::Tensor outputs(const at::Tensor& inputs);

  // Returns the mean loss of a batch; targets [B], [T, B] for a class at each
  // step, or [O, B] for numbers.
  at::Tensor loss(const at::Tensor& outputs, const at::Tensor& targets) const;

 private:
  template <typename Layers>
  std::function<at::Tensor(const at::Tensor&)> states_by(Layers layers);

  Target target_;
  std::function<at::Tensor(const at::Tensor&)> states_;  // [T, B, I] -> [T, B, H]
  torch::nn::Linear output_;
};

}  // namespace clipsweep
