#include "clipsweep/engine/reference/torch_network.h"

#include <torch/enum.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/rnn.h>

#include <stdexcept>

namespace clipsweep {

using at::Tensor;
namespace nn = torch::nn;

TorchNetwork::TorchNetwork(const Model& model)
    : target_(model.target), output_(model.hidden, model.outputs) {
  const auto sized = [&](auto options) { return options.num_layers(model.layers); };
  switch (model.cell) {
    case Cell::kLstm:
      states_ = states_by(nn::LSTM(sized(nn::LSTMOptions(model.inputs, model.hidden))));
      break;
    case Cell::kGru:
      states_ = states_by(nn::GRU(sized(nn::GRUOptions(model.inputs, model.hidden))));
      break;
    case Cell::kRnnTanh:
    case Cell::kRnnRelu:
      auto options = nn::RNNOptions(model.inputs, model.hidden);
      if (cell_entry(model.cell).gates[0].activation == Activation::kRelu)
        options.nonlinearity(torch::kReLU);
      states_ = states_by(nn::RNN(sized(options)));
      break;
  }
  register_module("output", output_);
}

template <typename Layers>
std::function<Tensor(const Tensor&)> TorchNetwork::states_by(Layers layers) {
  register_module("cell", layers);
  return [layers](const Tensor& inputs) mutable { return std::get<0>(layers->forward(inputs)); };
}

Tensor TorchNetwork::outputs(const Tensor& inputs) {
  const Tensor states = states_(inputs);
  return output_->forward(target_ == Target::kClassEachStep ? states : states[-1]);
}

Tensor TorchNetwork::loss(const Tensor& outputs, const Tensor& targets) const {
  if (target_ == Target::kNumber) return nn::functional::mse_loss(outputs, targets.t());
  return nn::functional::cross_entropy(outputs.flatten(0, -2), targets.flatten());
}

}  // namespace clipsweep
