// A model in LibTorch's usual way: torch::nn::LSTM, GRU or RNN and torch::nn::Linear. What the
// engines are compared with, in speed and in their numbers.
#pragma once

#include <torch/torch.h>

#include <functional>

#include "clipsweep/model/model.h"

namespace clipsweep {

// Its parameters are `cell.weight_ih_l0` and so on, `output.weight` and `output.bias`.
class TorchNetwork : public torch::nn::Module {
 public:
  explicit TorchNetwork(const Model& model);

  // What the output layer says [B, O], or at each step [T, B, O], to inputs [T, B, I].
  at::Tensor outputs(const at::Tensor& inputs);

  // The mean loss of a batch from those outputs; targets [B], or [T, B] for a class at each step.
  at::Tensor loss(const at::Tensor& outputs, const at::Tensor& targets) const;

 private:
  template <typename Layers>
  std::function<at::Tensor(const at::Tensor&)> states_by(Layers layers);

  Target target_;
  std::function<at::Tensor(const at::Tensor&)> states_;  // [T, B, I] -> [T, B, H]
  torch::nn::Linear output_;
};

}  // namespace clipsweep
