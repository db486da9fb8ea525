#include "clipsweep/lstm_baseline.h"

#include <torch/torch.h>

#include "clipsweep/image_data.h"
#include "clipsweep/torch_runtime.h"

namespace clipsweep {

struct LstmBaseline::State {
  State(const Batch& batch, int hidden)
      : lstm(torch::nn::LSTMOptions(batch.inputs, hidden)),
        output(hidden, ImageData::kClasses),
        inputs(torch::empty({batch.time_steps, batch.size, batch.inputs})),
        labels(torch::empty({batch.size}, torch::kInt64)) {
    parameters = lstm->parameters();
    for (const auto& parameter : output->parameters()) parameters.push_back(parameter);
    optimizer = std::make_unique<torch::optim::SGD>(parameters, torch::optim::SGDOptions(0.01));
    const auto pixels = static_cast<std::size_t>(batch.time_steps * batch.inputs);
    for (std::int64_t b = 0; b < batch.size; ++b) {
      const auto lane = static_cast<std::size_t>(b);
      labels[b] = static_cast<std::int64_t>(batch.labels[lane]);
      const float* block = batch.values.data() + lane / kLanes * pixels * kLanes + lane % kLanes;
      auto sample = torch::empty({batch.time_steps, batch.inputs});
      for (std::size_t pixel = 0; pixel < pixels; ++pixel)
        sample.data_ptr<float>()[pixel] = block[pixel * kLanes];
      inputs.select(1, b).copy_(sample);
    }
  }

  torch::nn::LSTM lstm;
  torch::nn::Linear output;
  std::vector<torch::Tensor> parameters;
  std::unique_ptr<torch::optim::SGD> optimizer;
  torch::Tensor inputs;  // [T, B, I], as torch::nn::LSTM wants it
  torch::Tensor labels;  // [B]
};

LstmBaseline::LstmBaseline(const Batch& batch, int hidden) {
  use_one_thread();
  state_ = std::make_unique<State>(batch, hidden);
}

LstmBaseline::~LstmBaseline() = default;

void LstmBaseline::step() {
  state_->optimizer->zero_grad();
  const auto states = std::get<0>(state_->lstm->forward(state_->inputs));  // [T, B, H]
  const auto logits = state_->output->forward(states[-1]);
  torch::nn::functional::cross_entropy(logits, state_->labels).backward();
  torch::nn::utils::clip_grad_norm_(state_->parameters, 1.0);
  state_->optimizer->step();
}

}  // namespace clipsweep
