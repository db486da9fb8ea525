// The dense layer on the states of the top layer, and the loss with its derivatives, for all cells.
#if defined(CLIPSWEEP_OUTPUT_LAYER_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_OUTPUT_LAYER_INL_H
#undef CLIPSWEEP_OUTPUT_LAYER_INL_H
#else
#define CLIPSWEEP_OUTPUT_LAYER_INL_H
#endif

#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "clipsweep/engine/fused/group-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

// The outputs of a strip at output step k.
template <class S>
Rows<float, S> output_rows(const Group& group, std::size_t k, std::size_t first) {
  const KernelSizes& sizes = group.sizes;
  return rows_of<S>(group.memory.logits.data() + k * sizes.outputs * kLanes,
                    sizes.output_steps * sizes.outputs, first);
}

// Tiles of rows of weights [O, H], each [1 + H, rows of the tile]: bias, then column after column.
inline void pack_output_weights(const KernelSizes& sizes, const float* weight, const float* bias,
                                float* to) {
  for_tiles<kTileRows>(sizes.outputs, [&](auto tile, std::size_t first) {
    for (std::size_t r = 0; r < tile(); ++r) *to++ = bias[first + r];
    for (std::size_t k = 0; k < sizes.hidden; ++k)
      for (std::size_t r = 0; r < tile(); ++r) *to++ = weight[(first + r) * sizes.hidden + k];
  });
}

// y_t = W_out h_t + b_out at each output step
template <class S>
void output_strip(const Group& group, std::size_t first) {
  const KernelSizes& sizes = group.sizes;
  const std::size_t top = sizes.layers - 1;
  const Slots slots = group.slots(top);
  for (std::size_t k = 0; k < sizes.output_steps; ++k) {
    const std::size_t slot = slots.before(sizes.time_steps - sizes.output_steps + 1 + k);
    const auto h = group.states(top).rows<S>(first, slot);
    const auto logits = output_rows<S>(group, k, first);
    const float* weights = group.memory.output_weights.data();
    for_tiles<kTileRows>(sizes.outputs, [&](auto tile, std::size_t first_row) {
      typename S::V sums[tile()][S::kCount];
      set_to(sums, weights);
      add_products<tile(), S>(sums, weights + tile(), h, sizes.hidden);
      for (std::size_t r = 0; r < tile(); ++r)
        for (std::size_t v = 0; v < S::kCount; ++v) logits.store(sums[r][v], first_row + r, v);
      weights += tile() * (1 + sizes.hidden);
    });
  }
}

// The sum of the first `count` lanes, in order.
inline double sum_of_first(Vector values, std::size_t count) {
  HWY_ALIGN float lanes[kRegisterLanes];
  hn::Store(values, kFloats, lanes);
  double sum = 0;
  for (std::size_t lane = 0; lane < count; ++lane) sum += static_cast<double>(lanes[lane]);
  return sum;
}

// The loss of each sample of one register, and whether its prediction is correct.
struct RegisterLoss {
  Vector loss;
  hn::Mask<Floats> is_correct;
};

// Softmax cross-entropy of one register of samples at output step k. With the largest logit z_m,
// s = sum over k != m of exp(z_k - z_m) and p_k = exp(z_k - z_m) / (1 + s):
//
//   loss = (z_m - z_label) + log1p(s),   dloss/dz_k = p_k - [k = label]
//
// This is exact even if a class is nearly certain. Overwrites the logits with the derivatives of
// the mean over the group's terms, 0 where `is_sample` is not set.
inline RegisterLoss cross_entropy(const Group& group, std::size_t k, std::size_t first,
                                  hn::Mask<Floats> is_sample) {
  const std::size_t outputs = group.sizes.outputs;
  const auto logits = output_rows<Strip<Vector, 1>>(group, k, first);
  const hn::RebindToSigned<Floats> integers;
  const std::size_t lanes_before = first * kRegisterLanes;
  const std::int32_t* const labels =
      group.labels + (lanes_before / kLanes * group.sizes.output_steps + k) * kLanes +
      lanes_before % kLanes;
  const auto label = hn::ConvertTo(kFloats, hn::Load(integers, labels));
  Vector largest = logits.load(0, 0);
  Vector predicted = hn::Zero(kFloats);
  Vector label_logit = largest;
  for (std::size_t o = 1; o < outputs; ++o) {
    const Vector logit = logits.load(o, 0);
    const Vector number = constant(static_cast<float>(o));
    const auto is_larger = hn::Gt(logit, largest);
    largest = hn::IfThenElse(is_larger, logit, largest);
    predicted = hn::IfThenElse(is_larger, number, predicted);
    label_logit = hn::IfThenElse(hn::Eq(label, number), logit, label_logit);
  }
  // s, starting from 0, or from NaN if the largest logit is infinite: then there is no softmax.
  Vector others = hn::Sub(largest, largest);
  Vector others_than_label = hn::Zero(kFloats);
  for (std::size_t o = 0; o < outputs; ++o) {
    const Vector number = constant(static_cast<float>(o));
    Vector power[] = {hn::Sub(logits.load(o, 0), largest)};
    exp_of_negative(power);
    others = hn::Add(others, hn::IfThenZeroElse(hn::Eq(predicted, number), power[0]));
    others_than_label =
        hn::Add(others_than_label, hn::IfThenZeroElse(hn::Eq(label, number), power[0]));
    logits.store(power[0], o, 0);
  }
  // NaN if s is NaN: Highway's Log1p does not guarantee that.
  const auto is_number = hn::Eq(others, others);
  const Vector log = hn::IfThenElse(is_number, hn::Log1p(kFloats, others), others);
  const Vector loss = hn::Add(hn::Sub(largest, label_logit), log);
  if (group.pass == Pass::kWithBackward) {
    const Vector total = hn::Add(others, constant(1.0F));
    const Vector mean = constant(static_cast<float>(group.terms));
    for (std::size_t o = 0; o < outputs; ++o) {
      const auto is_label = hn::Eq(label, constant(static_cast<float>(o)));
      const Vector numerator =
          hn::IfThenElse(is_label, hn::Neg(others_than_label), logits.load(o, 0));
      const Vector derivative = hn::Div(hn::Div(numerator, total), mean);
      logits.store(hn::IfThenElseZero(is_sample, derivative), o, 0);
    }
  }
  return {loss, hn::And(hn::Eq(predicted, label), hn::Eq(loss, loss))};
}

// Squared error of one register of samples, summed over K numbers. They count as correct if the
// mean is at most Model::tolerance:
//
//   loss = sum over k of (y_k - target_k)^2,   dloss/dy_k = 2 (y_k - target_k)
//
// Overwrites the outputs as cross_entropy does.
inline RegisterLoss squared_error(const Group& group, std::size_t first,
                                  hn::Mask<Floats> is_sample) {
  const std::size_t outputs = group.sizes.outputs;
  const auto values = output_rows<Strip<Vector, 1>>(group, 0, first);
  const auto targets = rows_of<Strip<Vector, 1>>(group.targets, outputs, first);
  const Vector mean = constant(static_cast<float>(group.terms));
  Vector loss = hn::Zero(kFloats);
  for (std::size_t o = 0; o < outputs; ++o) {
    const Vector error = hn::Sub(values.load(o, 0), targets.load(o, 0));
    loss = hn::Add(loss, hn::Mul(error, error));
    if (group.pass == Pass::kWithBackward) {
      const Vector derivative = hn::Div(hn::Add(error, error), mean);
      values.store(hn::IfThenElseZero(is_sample, derivative), o, 0);
    }
  }
  const Vector tolerance = constant(static_cast<float>(group.model.tolerance));
  const Vector count = constant(static_cast<float>(outputs));
  return {loss, hn::Le(hn::Div(loss, count), tolerance)};
}

// The same for a model's target at output step k.
inline RegisterLoss register_loss(const Group& group, std::size_t k, std::size_t first,
                                  hn::Mask<Floats> is_sample) {
  return group.model.target == Target::kNumber ? squared_error(group, first, is_sample)
                                               : cross_entropy(group, k, first, is_sample);
}

// Adds the samples of one register to the sums. Output steps before a sample begins do not count.
inline void add_losses(const Group& group, std::size_t first, SampleSums& sums) {
  const std::size_t count = group.samples_of<Vector>(first);
  const auto is_sample = hn::FirstN(kFloats, count);
  const std::size_t steps_before = group.sizes.time_steps - group.sizes.output_steps;
  auto all_correct = is_sample;
  for (std::size_t k = 0; k < group.sizes.output_steps; ++k) {
    auto counts = is_sample;
    if (group.starts)
      counts = hn::AndNot(group.begins_after<Vector>(steps_before + k, first), is_sample);
    RegisterLoss step = register_loss(group, k, first, counts);
    if (group.starts) {
      step.loss = hn::IfThenElseZero(counts, step.loss);
      step.is_correct = hn::Or(step.is_correct, hn::Not(counts));
    }
    sums.loss += sum_of_first(step.loss, count);
    all_correct = hn::And(all_correct, step.is_correct);
    if (group.model.scores_steps)
      sums.correct +=
          static_cast<std::int64_t>(hn::CountTrue(kFloats, hn::And(counts, step.is_correct)));
  }
  if (!group.model.scores_steps)
    sums.correct += static_cast<std::int64_t>(hn::CountTrue(kFloats, all_correct));
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
