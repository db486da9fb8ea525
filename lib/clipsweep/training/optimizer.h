// SGD, Adam and RMSprop over one run's row, in float32 and in the order of operations of
// torch.optim. A step is proposed first and taken afterwards, so that one which is not finite can
// be dropped without any effect.
//
// With g the clipped gradient, plus weight_decay * w (L2) and l1 * sign(w), and r the learning
// rate:
//
//   SGD      v <- momentum * v + g                                          u = r * v
//            Nesterov's momentum                           u = r * (g + momentum * v)
//   Adam     m <- beta1 * m + (1 - beta1) * g,   s <- beta2 * s + (1 - beta2) * g^2
//            u = r / (1 - beta1^t) * m / (sqrt(s) / sqrt(1 - beta2^t) + epsilon)
//   RMSprop  s <- alpha * s + (1 - alpha) * g^2,   v <- momentum * v + g / (sqrt(s) + epsilon)
//            u = r * v
//
// Then u <- u + r * decoupled_weight_decay * w (SGDW and AdamW: Loshchilov & Hutter 2019; Keras
// offers it with all optimizers) and w <- w - u.
//
// An element of g above 5e20 makes its s infinite, as in PyTorch: Adam and RMSprop never move that
// weight again. Only s is infinite then; the gradient's `norm-overflow` event reports the cause.
#pragma once

#include <cstdint>
#include <vector>

#include "clipsweep/base/span.h"
#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/experiment/optimizer_settings.h"

namespace clipsweep {

// What determines a step, in addition to weights and gradient.
struct StepParameters {
  OptimizerSettings settings;
  Regularization regularization;
  double learning_rate = 0.01;  // of this step
};

// An optimizer's state of a run, as plain data: checkpoints store it.
struct OptimizerState {
  std::uint64_t steps = 0;         // taken: Adam's t
  std::vector<float> velocity;     // [P] v or m; empty for SGD and RMSprop without momentum
  std::vector<float> mean_square;  // [P] s; empty for SGD

  template <typename Archive>
  void archive(Archive& archive) {
    archive(steps, velocity, mean_square);
  }
};

// The state before the first step: zeros.
OptimizerState initial_state(const OptimizerSettings& settings, std::size_t size);

// Euclidean norms of a step, as `euclidean_norm` computes them.
struct StepNorms {
  double update = 0;
  double weights = 0;  // after the step
};

// A step that is not taken yet.
struct ProposedStep {
  OptimizerState state;        // after the step
  std::vector<float> update;   // [P] u, which is subtracted from the weights
  std::vector<float> weights;  // [P] after the step
  StepNorms norms;
};

// One pass over weights, gradient [P] and state. A term whose factor is 0 is left out, since
// 0 * Inf is NaN. Reuses the memory of `step`.
void propose_step(const StepParameters& parameters, Span<const float> weights,
                  Span<const float> gradient, const OptimizerState& state, ProposedStep& step);

}  // namespace clipsweep
