#include "clipsweep/engine/reference/torch_baseline.h"

#include <torch/nn/module.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/sgd.h>

#include "clipsweep/engine/reference/batch_tensors.h"
#include "clipsweep/engine/reference/torch_network.h"
#include "clipsweep/engine/reference/torch_runtime.h"

namespace clipsweep {

struct TorchBaseline::State {
  State(const Batch& batch, const Model& model)
      : network(model),
        optimizer(network.parameters(), torch::optim::SGDOptions(0.01)),
        inputs(input_tensor(batch)[0].transpose(1, 2).contiguous()),
        targets(target_tensor(batch)[0]) {}

  TorchNetwork network;
  torch::optim::SGD optimizer;
  torch::Tensor inputs;   // [T, B, I], as torch::nn expects it
  torch::Tensor targets;  // [B], [T, B] or [O, B]
};

TorchBaseline::TorchBaseline(const Batch& batch, const Model& model) {
  use_one_thread();
  state_ = std::make_unique<State>(batch, model);
}

TorchBaseline::~TorchBaseline() = default;

void TorchBaseline::step() {
  auto& [network, optimizer, inputs, targets] = *state_;
  optimizer.zero_grad();
  network.loss(network.outputs(inputs), targets).backward();
  torch::nn::utils::clip_grad_norm_(network.parameters(), 1.0);
  optimizer.step();
}

}  // namespace clipsweep
