// Stochastic gradient descent over one run's row. A step is proposed first and kept afterwards, so
// that one which is not finite can be dropped without a trace.
#pragma once

#include <vector>

#include "clipsweep/span.h"

namespace clipsweep {

struct SgdSettings {
  double learning_rate = 0.01;
  double momentum = 0;
  double weight_decay = 0;
  double decoupled_weight_decay = 0;
  double l1 = 0;
};

// A step not taken yet; each [P].
struct SgdStep {
  std::vector<float> velocity;
  std::vector<float> update;   // what is subtracted from the weights
  std::vector<float> weights;  // what they would become
};

// Computes in float32, as PyTorch's SGD does:
//
//   v <- momentum * v + (g + weight_decay * w + l1 * sign(w))
//   u = learning_rate * v + learning_rate * decoupled_weight_decay * w      (SGDW: Loshchilov and
//   w <- w - u                                                               Hutter, 2019)
//
// weights, gradient, velocity [P]; the gradient is the clipped one. Without momentum the old
// velocity is not looked at. Reuses the memory of `step`.
void propose_step(const SgdSettings& settings, Span<const float> weights,
                  Span<const float> gradient, Span<const float> velocity, SgdStep& step);

}  // namespace clipsweep
