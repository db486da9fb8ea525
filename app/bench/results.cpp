#include "bench/results.h"

namespace clipsweep {

double BenchShape::floating_point_operations() const {
  const double gates = static_cast<double>(gates_of(cell)) * hidden;
  // The forward pass and the gradient of its weights multiply inputs and states, the backward pass
  // through time only states, and the inputs that are states of the layer below.
  const double lowest = 2 * gates * (inputs + hidden) + gates * hidden;
  const double others = 3 * gates * (hidden + hidden);
  const double output = class_each_step ? 3.0 * outputs * hidden : 0;
  return 2 * (lowest + (layers - 1) * others + output) * batch_size * time_steps;
}

const char* contender_name(Contender contender, Cell cell) {
  switch (contender) {
    case Contender::kTorchLoop:
      return cell == Cell::kLstm  ? "torch::nn::LSTM"
             : cell == Cell::kGru ? "torch::nn::GRU"
                                  : "torch::nn::RNN";
    case Contender::kReference:
      return "reference engine";
    case Contender::kFused:
      break;
  }
  return "fused engine";
}

}  // namespace clipsweep
