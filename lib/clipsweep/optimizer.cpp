#include "clipsweep/optimizer.h"

namespace clipsweep {

void propose_step(const SgdSettings& settings, Span<const float> weights,
                  Span<const float> gradient, Span<const float> velocity, SgdStep& step) {
  const std::size_t size = weights.size();
  step.velocity.assign(gradient.begin(), gradient.end());
  step.update.resize(size);
  step.weights.resize(size);
  // A factor of 0 is left out, not multiplied with: 0 * Inf is NaN.
  if (settings.weight_decay != 0) {
    const auto decay = static_cast<float>(settings.weight_decay);
    for (std::size_t i = 0; i < size; ++i) step.velocity[i] += decay * weights[i];
  }
  if (settings.momentum != 0) {
    const auto momentum = static_cast<float>(settings.momentum);
    for (std::size_t i = 0; i < size; ++i) step.velocity[i] += momentum * velocity[i];
  }
  const auto learning_rate = static_cast<float>(settings.learning_rate);
  for (std::size_t i = 0; i < size; ++i) {
    step.update[i] = learning_rate * step.velocity[i];
    step.weights[i] = weights[i] - step.update[i];
  }
}

}  // namespace clipsweep
