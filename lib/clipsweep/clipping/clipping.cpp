#include "clipsweep/clipping/clipping.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <type_traits>
#include <vector>

namespace clipsweep {
namespace {

constexpr double kMinWeightNorm = 1e-3;  // of agc, so that weights of 0 can change

// Returns how many elements changed their value. That of float32 is in gradient_norms.h.
std::size_t multiply(Span<double> gradient, long double coefficient) {
  std::size_t changed = 0;
  for (double& element : gradient) {
    const auto scaled = static_cast<double>(element * coefficient);
    changed += scaled != element ? 1 : 0;
    element = scaled;
  }
  return changed;
}

ClipEffect& operator+=(ClipEffect& sum, const ClipEffect& one) {
  sum.clipped |= one.clipped;
  sum.changed += one.changed;
  return sum;
}

double threshold_of(const ClipRule& rule, const ParameterTensor& tensor) {
  return is_output(tensor) ? rule.output_threshold.value_or(rule.threshold) : rule.threshold;
}

// The size of agc's units: a row of a matrix; a vector is one unit.
std::size_t unit_size(const ParameterTensor& tensor) {
  return tensor.shape.size() < 2 || tensor.size() == 0
             ? tensor.size()
             : tensor.size() / static_cast<std::size_t>(tensor.shape.front());
}

// One run's gradient and the inputs of its mode, with a member per mode that applies the mode's
// function to the whole gradient or to each tensor.
template <typename Number>
class Clipper {
 public:
  using W = Wide<Number>;

  Clipper(const ClipRule& rule, const ClipContext<Number>& context, Span<Number> gradient)
      : rule_(rule),
        context_(context),
        gradient_(gradient),
        threshold_(static_cast<W>(rule.threshold)),
        epsilon_(static_cast<W>(rule.options.epsilon)) {}

  ClipEffect by_value() const {
    return for_each_tensor([&](const ParameterTensor& tensor, std::size_t) {
      return clip_by_value(part(gradient_, tensor),
                           static_cast<Number>(threshold_of(rule_, tensor)));
    });
  }

  ClipEffect by_global_norm() const {
    if (!rule_.output_threshold)
      return clip_by_norm(gradient_, global_norm(), threshold_, epsilon_);
    // Two groups, each with its own norm.
    const W recurrent = group_norm(false);
    const W output = group_norm(true);
    return for_each_tensor([&](const ParameterTensor& tensor, std::size_t) {
      return clip_by_norm(part(gradient_, tensor), is_output(tensor) ? output : recurrent,
                          static_cast<W>(threshold_of(rule_, tensor)), epsilon_);
    });
  }

  ClipEffect by_tensor_norm() const {
    return for_each_tensor([&](const ParameterTensor& tensor, std::size_t i) {
      return clip_by_norm(part(gradient_, tensor), tensor_norm(i),
                          static_cast<W>(threshold_of(rule_, tensor)), epsilon_);
    });
  }

  ClipEffect to_norm() const {
    return rescale_to_norm(gradient_, global_norm(), threshold_, epsilon_);
  }

  ClipEffect smoothly() const {
    return clip_smoothly(gradient_, context_.norms.global, threshold_);
  }

  ClipEffect to_zero() const { return clip_to_zero(gradient_, context_.norms.global, threshold_); }

  ClipEffect with_carry() const {
    if (std::isinf(threshold_)) return {};
    return clip_with_carry(gradient_, Span<const Number>(context_.memory.carried), threshold_);
  }

  ClipEffect by_tensor_rms() const {
    return for_each_tensor([&](const ParameterTensor& tensor, std::size_t i) {
      const W rms = context_.norms.tensors[i] / std::sqrt(static_cast<W>(tensor.size()));
      return clip_by_norm(part(gradient_, tensor), rms, threshold_);
    });
  }

  ClipEffect by_unit() const {
    return for_each_tensor([&](const ParameterTensor& tensor, std::size_t) -> ClipEffect {
      if (!rule_.options.agc_clips_output && is_output(tensor)) return {};
      return clip_by_unit(part(gradient_, tensor), part(context_.weights, tensor),
                          unit_size(tensor), threshold_);
    });
  }

  ClipEffect by_percentile() const {
    const W norm = context_.norms.global;
    return clip_by_norm(gradient_, norm, autoclip_limit(rule_, context_.memory, norm));
  }

  ClipEffect by_median() const {
    return clip_by_norm(gradient_, context_.norms.global, median_limit(rule_, context_.memory));
  }

  ClipEffect by_z_score() const {
    const W norm = context_.norms.global;
    if (!(norm > zclip_limit(rule_, context_.memory))) return {};
    return clip_by_norm(gradient_, norm, zclip_target(rule_, context_.memory, norm));
  }

  ClipEffect by_tensor_average() const {
    if (std::isinf(threshold_)) return {};
    if (is_adagc_warmup(rule_, context_.memory))
      return clip_by_norm(gradient_, context_.norms.global,
                          static_cast<W>(rule_.options.adagc_warmup_norm));
    return for_each_tensor([&](const ParameterTensor& tensor, std::size_t i) {
      return clip_by_norm(part(gradient_, tensor), context_.norms.tensors[i],
                          adagc_limit(rule_, context_.memory, i));
    });
  }

  ClipEffect by_random_step() const {
    if (std::isinf(threshold_)) return {};
    if (context_.norms.global <= threshold_) return {};  // false for NaN
    return replace_by_random(gradient_, threshold_,
                             NormalStream(context_.memory.random_key, context_.memory.steps));
  }

 private:
  template <typename Mode>
  ClipEffect for_each_tensor(const Mode& mode) const {
    ClipEffect effect;
    const auto& tensors = context_.layout.tensors;
    for (std::size_t i = 0; i < tensors.size(); ++i) effect += mode(tensors[i], i);
    return effect;
  }

  W tensor_norm(std::size_t i) const {
    if (rule_.options.norm_type == 2) return context_.norms.tensors[i];
    return wide_norm(Span<const Number>(part(gradient_, context_.layout.tensors[i])),
                     rule_.options.norm_type);
  }

  W global_norm() const {
    if (rule_.options.norm_type == 2) return context_.norms.global;
    return wide_norm(Span<const Number>(gradient_), rule_.options.norm_type);
  }

  // The joint norm of the output layer's tensors, or of all others.
  W group_norm(bool is_output_group) const {
    W norm = 0;
    for (std::size_t i = 0; i < context_.layout.tensors.size(); ++i)
      if (is_output(context_.layout.tensors[i]) == is_output_group) {
        const std::array<W, 2> both = {norm, tensor_norm(i)};
        norm = joint_norm(Span<const W>(both.data(), 2), rule_.options.norm_type);
      }
    return norm;
  }

  const ClipRule& rule_;
  const ClipContext<Number>& context_;
  const Span<Number> gradient_;
  const W threshold_;
  const W epsilon_;
};

template <typename Number>
double limit_of_tensors(const ClipRule& rule, const ClipContext<Number>& context) {
  if (is_adagc_warmup(rule, context.memory)) return rule.options.adagc_warmup_norm;
  Wide<Number> squares = 0;
  for (std::size_t i = 0; i < context.layout.tensors.size(); ++i) {
    const auto limit = adagc_limit(rule, context.memory, i);
    squares += limit * limit;
  }
  return static_cast<double>(std::sqrt(squares));
}

// The norm modes leave a gradient unchanged if its norm is not finite.
bool leaves_nonfinite(ClipMode mode) {
  return mode != ClipMode::kValue && mode != ClipMode::kRandomStep;
}

}  // namespace

template <typename Number>
ClipEffect clip_by_value(Span<Number> gradient, Number limit) {
  // Most tensors are within the limit at most steps, which SIMD sees in a tenth of the time.
  if constexpr (std::is_same_v<Number, float>)
    if (largest_magnitude(gradient) <= limit) return {};  // false for NaN
  std::size_t changed = 0;
  for (Number& element : gradient) {
    const Number above = element > limit ? limit : element;
    const Number within = above < -limit ? -limit : above;
    // A NaN differs from itself, but it is not changed.
    changed += within != element && element == element ? 1 : 0;
    element = within;
  }
  return {changed > 0, changed};
}

template <typename Number>
ClipEffect clip_by_norm(Span<Number> gradient, Wide<Number> norm, Wide<Number> limit,
                        Wide<Number> epsilon) {
  const Wide<Number> measured = norm + epsilon;
  if (!(measured > limit) || norm == 0 || std::isinf(norm)) return {};
  return {true, multiply(gradient, limit / measured)};
}

template <typename Number>
ClipEffect rescale_to_norm(Span<Number> gradient, Wide<Number> norm, Wide<Number> target,
                           Wide<Number> epsilon) {
  const Wide<Number> measured = norm + epsilon;
  if (measured == target || !(norm > 0) || std::isinf(norm) || std::isinf(target)) return {};
  return {true, multiply(gradient, target / measured)};
}

template <typename Number>
ClipEffect clip_smoothly(Span<Number> gradient, Wide<Number> norm, Wide<Number> limit) {
  if (!(norm > 0) || std::isinf(norm) || std::isinf(limit)) return {};
  const std::size_t changed = multiply(gradient, limit / (limit + norm));
  return {changed > 0, changed};
}

template <typename Number>
ClipEffect clip_to_zero(Span<Number> gradient, Wide<Number> norm, Wide<Number> limit) {
  if (!(norm > limit) || std::isinf(norm)) return {};
  return {true, multiply(gradient, Wide<Number>{0})};
}

template <typename Number>
ClipEffect clip_with_carry(Span<Number> gradient, Span<const Number> carried, Wide<Number> limit) {
  std::vector<Number> sum(gradient.size());
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = gradient[i] + carried[i];
  const Wide<Number> norm = wide_norm(Span<const Number>(sum));
  if (!std::isfinite(norm)) return {};
  clip_by_norm(Span<Number>(sum), norm, limit);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < sum.size(); ++i) changed += sum[i] != gradient[i] ? 1 : 0;
  if (changed > 0) std::copy(sum.begin(), sum.end(), gradient.begin());
  return {changed > 0, changed};
}

template <typename Number>
ClipEffect clip_by_unit(Span<Number> gradient, Span<const Number> weights, std::size_t unit_size,
                        Wide<Number> share) {
  ClipEffect effect;
  for (std::size_t first = 0; first < gradient.size(); first += unit_size) {
    const auto unit = gradient.subspan(first, unit_size);
    const auto weight_norm = wide_norm(weights.subspan(first, unit_size));
    const Wide<Number> limit = share * std::max<Wide<Number>>(weight_norm, kMinWeightNorm);
    effect += clip_by_norm(unit, wide_norm(Span<const Number>(unit)), limit);
  }
  return effect;
}

template <typename Number>
ClipEffect replace_by_random(Span<Number> gradient, Wide<Number> length, NormalStream random) {
  random.fill(gradient);
  multiply(gradient, length / wide_norm(Span<const Number>(gradient)));
  return {true, gradient.size()};
}

template <typename Number>
ClipEffect clip_gradient(const ClipRule& rule, const ClipContext<Number>& context,
                         Span<Number> gradient) {
  if (gradient.empty() || (leaves_nonfinite(rule.mode) && !std::isfinite(context.norms.global)))
    return {};
  const Clipper<Number> clipper(rule, context, gradient);
  switch (rule.mode) {
    case ClipMode::kNone:
    case ClipMode::kBackprop:
    case ClipMode::kUpdateNorm:
      return {};
    case ClipMode::kValue:
      return clipper.by_value();
    case ClipMode::kGlobalNorm:
      return clipper.by_global_norm();
    case ClipMode::kTensorNorm:
      return clipper.by_tensor_norm();
    case ClipMode::kScale:
      return clipper.to_norm();
    case ClipMode::kSmooth:
      return clipper.smoothly();
    case ClipMode::kSkip:
      return clipper.to_zero();
    case ClipMode::kCarry:
      return clipper.with_carry();
    case ClipMode::kTensorRms:
      return clipper.by_tensor_rms();
    case ClipMode::kAgc:
      return clipper.by_unit();
    case ClipMode::kAutoclip:
      return clipper.by_percentile();
    case ClipMode::kMedian:
      return clipper.by_median();
    case ClipMode::kZclip:
      return clipper.by_z_score();
    case ClipMode::kAdagc:
      return clipper.by_tensor_average();
    case ClipMode::kRandomStep:
      return clipper.by_random_step();
  }
  throw std::logic_error("clip_gradient: unknown mode");
}

template <typename Number>
double limit_in_force(const ClipRule& rule, const ClipContext<Number>& context) {
  if (std::isinf(rule.threshold)) return rule.threshold;
  switch (rule.mode) {
    case ClipMode::kNone:
    case ClipMode::kAgc:
      return std::numeric_limits<double>::infinity();
    case ClipMode::kAutoclip:
      return static_cast<double>(autoclip_limit(rule, context.memory, context.norms.global));
    case ClipMode::kMedian:
      return static_cast<double>(median_limit(rule, context.memory));
    case ClipMode::kZclip:
      return static_cast<double>(zclip_limit(rule, context.memory));
    case ClipMode::kAdagc:
      return limit_of_tensors(rule, context);
    case ClipMode::kValue:
    case ClipMode::kGlobalNorm:
    case ClipMode::kTensorNorm:
    case ClipMode::kScale:
    case ClipMode::kSmooth:
    case ClipMode::kSkip:
    case ClipMode::kCarry:
    case ClipMode::kTensorRms:
    case ClipMode::kBackprop:
    case ClipMode::kUpdateNorm:
    case ClipMode::kRandomStep:
      return rule.threshold;
  }
  throw std::logic_error("limit_in_force: unknown mode");
}

template ClipEffect clip_by_value(Span<float>, float);
template ClipEffect clip_by_value(Span<double>, double);
template ClipEffect clip_by_norm(Span<float>, double, double, double);
template ClipEffect clip_by_norm(Span<double>, long double, long double, long double);
template ClipEffect rescale_to_norm(Span<float>, double, double, double);
template ClipEffect rescale_to_norm(Span<double>, long double, long double, long double);
template ClipEffect clip_smoothly(Span<float>, double, double);
template ClipEffect clip_smoothly(Span<double>, long double, long double);
template ClipEffect clip_to_zero(Span<float>, double, double);
template ClipEffect clip_to_zero(Span<double>, long double, long double);
template ClipEffect clip_with_carry(Span<float>, Span<const float>, double);
template ClipEffect clip_with_carry(Span<double>, Span<const double>, long double);
template ClipEffect clip_by_unit(Span<float>, Span<const float>, std::size_t, double);
template ClipEffect clip_by_unit(Span<double>, Span<const double>, std::size_t, long double);
template ClipEffect replace_by_random(Span<float>, double, NormalStream);
template ClipEffect replace_by_random(Span<double>, long double, NormalStream);
template ClipEffect clip_gradient(const ClipRule&, const ClipContext<float>&, Span<float>);
template ClipEffect clip_gradient(const ClipRule&, const ClipContext<double>&, Span<double>);
template double limit_in_force(const ClipRule&, const ClipContext<float>&);
template double limit_in_force(const ClipRule&, const ClipContext<double>&);

}  // namespace clipsweep
