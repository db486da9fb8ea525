#include "clipsweep/training/optimizer.h"

#include <cmath>

#include "clipsweep/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/training/optimizer.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "clipsweep/model/product_sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Products are rounded before they are added, as PyTorch does on every machine.
template <typename Tag>
HWY_INLINE hn::Vec<Tag> times(Tag tag, double factor, hn::Vec<Tag> value) {
  return hn::Mul(hn::Set(tag, static_cast<float>(factor)), value);
}

// 0 for 0; a NaN stays one.
template <typename Tag>
HWY_INLINE hn::Vec<Tag> sign(Tag tag, hn::Vec<Tag> value) {
  const auto is_number = hn::Gt(hn::Abs(value), hn::Zero(tag));
  return hn::IfThenElse(is_number, hn::CopySign(hn::Set(tag, 1.0F), value), value);
}

template <typename Tag>
HWY_INLINE hn::Vec<Tag> with_penalties(Tag tag, const Regularization& regularization,
                                       hn::Vec<Tag> gradient, hn::Vec<Tag> weight) {
  if (regularization.weight_decay != 0)
    gradient = hn::Add(gradient, times(tag, regularization.weight_decay, weight));
  if (regularization.l1 != 0)
    gradient = hn::Add(gradient, times(tag, regularization.l1, sign(tag, weight)));
  return gradient;
}

// Where the numbers of a step are. The optimizers below hold these pointers and the parameters by
// value; otherwise the compiler must assume that a store into a row changes them.
struct Rows {
  const float* weights;
  const float* gradient;
  const float* velocity;
  const float* mean_square;
  float* next_velocity;
  float* next_mean_square;
  float* update;
  float* next_weights;
};

// Stores and returns the moving mean of the squared gradient.
template <typename Tag>
HWY_INLINE hn::Vec<Tag> mean_square(Tag tag, double decay, hn::Vec<Tag> gradient, const Rows& rows,
                                    std::size_t i) {
  const auto kept = times(tag, decay, hn::LoadU(tag, rows.mean_square + i));
  const auto mean = hn::Add(kept, hn::Mul(times(tag, 1 - decay, gradient), gradient));
  hn::StoreU(mean, tag, rows.next_mean_square + i);
  return mean;
}

// Each optimizer computes the update of some lanes from their penalized gradient, and stores its
// state.
struct Sgd {
  StepParameters parameters;
  Rows rows;

  template <typename Tag>
  HWY_INLINE hn::Vec<Tag> update(Tag tag, hn::Vec<Tag> gradient, std::size_t i) const {
    const double momentum = parameters.settings.momentum;
    if (momentum == 0) return times(tag, parameters.learning_rate, gradient);
    const auto kept = times(tag, momentum, hn::LoadU(tag, rows.velocity + i));
    const auto velocity = hn::Add(kept, gradient);
    hn::StoreU(velocity, tag, rows.next_velocity + i);
    if (!parameters.settings.nesterov) return times(tag, parameters.learning_rate, velocity);
    return times(tag, parameters.learning_rate, hn::Add(gradient, times(tag, momentum, velocity)));
  }
};

struct Adam {
  StepParameters parameters;
  Rows rows;
  // They correct the bias of means that start at zero.
  double step_size;
  double root_correction;

  Adam(const StepParameters& step_parameters, const Rows& step_rows, double t)
      : parameters(step_parameters),
        rows(step_rows),
        step_size(parameters.learning_rate / (1 - std::pow(parameters.settings.adam_beta1, t))),
        root_correction(std::sqrt(1 - std::pow(parameters.settings.adam_beta2, t))) {}

  template <typename Tag>
  HWY_INLINE hn::Vec<Tag> update(Tag tag, hn::Vec<Tag> gradient, std::size_t i) const {
    const auto& settings = parameters.settings;
    const auto kept = times(tag, settings.adam_beta1, hn::LoadU(tag, rows.velocity + i));
    const auto mean = hn::Add(kept, times(tag, 1 - settings.adam_beta1, gradient));
    hn::StoreU(mean, tag, rows.next_velocity + i);
    const auto root = hn::Sqrt(mean_square(tag, settings.adam_beta2, gradient, rows, i));
    const auto corrected = hn::Div(root, hn::Set(tag, static_cast<float>(root_correction)));
    const auto epsilon = hn::Set(tag, static_cast<float>(settings.adam_epsilon));
    return hn::Div(times(tag, step_size, mean), hn::Add(corrected, epsilon));
  }
};

struct Rmsprop {
  StepParameters parameters;
  Rows rows;

  template <typename Tag>
  HWY_INLINE hn::Vec<Tag> update(Tag tag, hn::Vec<Tag> gradient, std::size_t i) const {
    const auto& settings = parameters.settings;
    const auto root = hn::Sqrt(mean_square(tag, settings.rmsprop_alpha, gradient, rows, i));
    const auto divisor = hn::Add(root, hn::Set(tag, static_cast<float>(settings.rmsprop_epsilon)));
    if (settings.momentum == 0)
      return hn::Div(times(tag, parameters.learning_rate, gradient), divisor);
    const auto kept = times(tag, settings.momentum, hn::LoadU(tag, rows.velocity + i));
    const auto velocity = hn::Add(kept, hn::Div(gradient, divisor));
    hn::StoreU(velocity, tag, rows.next_velocity + i);
    return times(tag, parameters.learning_rate, velocity);
  }
};

// Parameters from i on, as many as `Tag` has lanes.
template <typename Tag, typename Method>
HWY_INLINE void propose_lanes(Tag tag, const Method& method, std::size_t i) {
  const Rows& rows = method.rows;
  const Regularization& regularization = method.parameters.regularization;
  const auto weight = hn::LoadU(tag, rows.weights + i);
  const auto gradient =
      with_penalties(tag, regularization, hn::LoadU(tag, rows.gradient + i), weight);
  auto update = method.update(tag, gradient, i);
  if (const double decay = regularization.decoupled_weight_decay; decay != 0)
    update = hn::Add(update, times(tag, method.parameters.learning_rate * decay, weight));
  hn::StoreU(update, tag, rows.update + i);
  hn::StoreU(hn::Sub(weight, update), tag, rows.next_weights + i);
}

// Returns the norms of the step. What has been stored is squared at once: adding up a row's squares
// takes longer than computing a step of SGD, since each sum waits for the one before it.
template <typename Method>
HWY_INLINE StepNorms propose_with(const Method method, std::size_t size) {
  ProductSum update;
  ProductSum weights;
  std::size_t i = 0;
  const auto propose_next = [&](auto tag, std::size_t count) {
    for (std::size_t n = 0; n < count; n += hn::MaxLanes(tag)) propose_lanes(tag, method, i + n);
    for (std::size_t n = 0; n < count; n += kPartialSums) {
      update.add_squares(method.rows.update + i + n);
      weights.add_squares(method.rows.next_weights + i + n);
    }
    i += count;
  };
  while (size - i >= 16) propose_next(hn::CappedTag<float, 16>(), 16);
  if (size - i >= kPartialSums) propose_next(hn::CappedTag<float, kPartialSums>(), kPartialSums);
  for (; i < size; ++i) {
    propose_lanes(hn::CappedTag<float, 1>(), method, i);
    update.add_last_square(method.rows.update[i]);
    weights.add_last_square(method.rows.next_weights[i]);
  }
  return {std::sqrt(update.total()), std::sqrt(weights.total())};
}

StepNorms propose(const StepParameters& parameters, Span<const float> weights,
                  Span<const float> gradient, const OptimizerState& state, ProposedStep& step) {
  const Rows rows = {weights.data(),
                     gradient.data(),
                     state.velocity.data(),
                     state.mean_square.data(),
                     step.state.velocity.data(),
                     step.state.mean_square.data(),
                     step.update.data(),
                     step.weights.data()};
  switch (parameters.settings.optimizer) {
    case Optimizer::kSgd:
      return propose_with(Sgd{parameters, rows}, weights.size());
    case Optimizer::kAdam:
      return propose_with(Adam(parameters, rows, static_cast<double>(step.state.steps)),
                          weights.size());
    case Optimizer::kRmsprop:
      return propose_with(Rmsprop{parameters, rows}, weights.size());
  }
  return {};
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace clipsweep {

HWY_EXPORT(propose);

OptimizerState initial_state(const OptimizerSettings& settings, std::size_t size) {
  const bool is_adam = settings.optimizer == Optimizer::kAdam;
  OptimizerState state;
  if (is_adam || settings.momentum != 0) state.velocity.resize(size);
  if (is_adam || settings.optimizer == Optimizer::kRmsprop) state.mean_square.resize(size);
  return state;
}

void propose_step(const StepParameters& parameters, Span<const float> weights,
                  Span<const float> gradient, const OptimizerState& state, ProposedStep& step) {
  step.state.steps = state.steps + 1;
  step.state.velocity.resize(state.velocity.size());
  step.state.mean_square.resize(state.mean_square.size());
  step.update.resize(weights.size());
  step.weights.resize(weights.size());
  step.norms = HWY_DYNAMIC_DISPATCH(propose)(parameters, weights, gradient, state, step);
}

}  // namespace clipsweep
#endif
