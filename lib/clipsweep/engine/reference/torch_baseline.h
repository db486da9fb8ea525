// The baseline for the engines' speed: one run, written with torch::nn as in a tutorial.
#pragma once

#include <memory>

#include "clipsweep/model/model.h"
#include "clipsweep/tasks/batches.h"

namespace clipsweep {

// One run by LibTorch's own modules, on one thread: torch::nn::LSTM, GRU or RNN, torch::nn::Linear,
// clip_grad_norm_, torch::optim::SGD.
class TorchBaseline {
 public:
  // Every step uses the batch's first source.
  TorchBaseline(const Batch& batch, const Model& model);
  ~TorchBaseline();

  // Forward, loss, backward, clip, update.
  void step();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace clipsweep
