#include "clipsweep/clipping.h"

#include <cmath>
#include <stdexcept>

namespace clipsweep {
namespace {

// Returns how many elements changed their value.
std::size_t multiply(Span<float> gradient, double coefficient) {
  std::size_t changed = 0;
  for (float& element : gradient) {
    const auto scaled = static_cast<float>(element * coefficient);
    changed += scaled != element ? 1 : 0;
    element = scaled;
  }
  return changed;
}

ClipEffect clip_by_tensor_norm(Span<float> gradient, const ParameterLayout& layout,
                               const GradientNorms& norms, double limit) {
  if (!std::isfinite(norms.global)) return {};
  ClipEffect effect;
  for (std::size_t i = 0; i < layout.tensors.size(); ++i) {
    const ClipEffect one = clip_by_norm(part(gradient, layout.tensors[i]), norms.tensors[i], limit);
    effect.clipped |= one.clipped;
    effect.changed += one.changed;
  }
  return effect;
}

}  // namespace

ClipEffect clip_by_value(Span<float> gradient, float limit) {
  std::size_t changed = 0;
  for (float& element : gradient) {
    const float above = element > limit ? limit : element;
    const float within = above < -limit ? -limit : above;
    // A NaN is not equal to itself, and not changed either.
    changed += within != element && element == element ? 1 : 0;
    element = within;
  }
  return {changed > 0, changed};
}

ClipEffect clip_by_norm(Span<float> gradient, double norm, double limit) {
  if (!(norm > limit) || std::isinf(norm)) return {};
  return {true, multiply(gradient, limit / norm)};
}

ClipEffect rescale_to_norm(Span<float> gradient, double norm, double target) {
  if (norm == target || !(norm > 0) || std::isinf(norm) || std::isinf(target)) return {};
  return {true, multiply(gradient, target / norm)};
}

ClipEffect clip_gradient(const ClipRule& rule, const ParameterLayout& layout,
                         const GradientNorms& norms, Span<float> gradient) {
  switch (rule.mode) {
    case ClipMode::kNone:
      return {};
    case ClipMode::kValue:
      return clip_by_value(gradient, static_cast<float>(rule.threshold));
    case ClipMode::kGlobalNorm:
      return clip_by_norm(gradient, norms.global, rule.threshold);
    case ClipMode::kTensorNorm:
      return clip_by_tensor_norm(gradient, layout, norms, rule.threshold);
    case ClipMode::kScale:
      return rescale_to_norm(gradient, norms.global, rule.threshold);
  }
  throw std::logic_error("clip_gradient: no such mode");
}

}  // namespace clipsweep
