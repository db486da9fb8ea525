// What the engines are measured against: one run as a tutorial writes it, with torch::nn::LSTM.
#pragma once

#include <memory>

#include "clipsweep/batches.h"

namespace clipsweep {

// One run in LibTorch's usual way, on one thread: torch::nn::LSTM and torch::nn::Linear,
// clip_grad_norm_, torch::optim::SGD.
class LstmBaseline {
 public:
  // Every step sees the batch's first source.
  LstmBaseline(const Batch& batch, int hidden);
  ~LstmBaseline();

  // Forward, loss, backward, clip, update.
  void step();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace clipsweep
