#include "clipsweep/optimizer.h"

#include "clipsweep/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/optimizer.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// 0 for 0; a NaN stays one.
template <typename Tag, typename Vector>
HWY_INLINE Vector sign(Tag tag, Vector value) {
  const auto is_number = hn::Gt(hn::Abs(value), hn::Zero(tag));
  return hn::IfThenElse(is_number, hn::CopySign(hn::Set(tag, 1.0F), value), value);
}

// Parameters i to i + the lanes of `Tag`; products are rounded before they are added, as PyTorch
// does on every machine.
template <typename Tag>
HWY_INLINE void propose_lanes(Tag tag, const SgdSettings& settings, const float* weights,
                              const float* gradient, const float* velocity, SgdStep& step,
                              std::size_t i) {
  const auto factor = [&](double value) { return hn::Set(tag, static_cast<float>(value)); };
  const auto weight = hn::LoadU(tag, weights + i);
  auto moved = hn::LoadU(tag, gradient + i);
  // A factor of 0 is left out, not multiplied with: 0 * Inf is NaN.
  if (settings.weight_decay != 0)
    moved = hn::Add(moved, hn::Mul(factor(settings.weight_decay), weight));
  if (settings.l1 != 0) moved = hn::Add(moved, hn::Mul(factor(settings.l1), sign(tag, weight)));
  if (settings.momentum != 0)
    moved = hn::Add(moved, hn::Mul(factor(settings.momentum), hn::LoadU(tag, velocity + i)));
  auto update = hn::Mul(factor(settings.learning_rate), moved);
  if (settings.decoupled_weight_decay != 0)
    update = hn::Add(
        update, hn::Mul(factor(settings.learning_rate * settings.decoupled_weight_decay), weight));
  hn::StoreU(moved, tag, step.velocity.data() + i);
  hn::StoreU(update, tag, step.update.data() + i);
  hn::StoreU(hn::Sub(weight, update), tag, step.weights.data() + i);
}

void propose(const SgdSettings& settings, const float* weights, const float* gradient,
             const float* velocity, std::size_t size, SgdStep& step) {
  constexpr hn::CappedTag<float, 16> kFloats;
  constexpr hn::CappedTag<float, 1> kOne;
  std::size_t i = 0;
  for (; i + hn::MaxLanes(kFloats) <= size; i += hn::MaxLanes(kFloats))
    propose_lanes(kFloats, settings, weights, gradient, velocity, step, i);
  for (; i < size; ++i) propose_lanes(kOne, settings, weights, gradient, velocity, step, i);
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace clipsweep {

HWY_EXPORT(propose);

void propose_step(const SgdSettings& settings, Span<const float> weights,
                  Span<const float> gradient, Span<const float> velocity, SgdStep& step) {
  const std::size_t size = weights.size();
  step.velocity.resize(size);
  step.update.resize(size);
  step.weights.resize(size);
  HWY_DYNAMIC_DISPATCH(propose)
  (settings, weights.data(), gradient.data(), velocity.data(), size, step);
}

}  // namespace clipsweep
#endif
