// The dense layer on the last hidden state and the loss, forward and backward, for all cells.
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

#include "clipsweep/engine/fused/recurrent_kernels.h"
#include "clipsweep/engine/fused/simd_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

// Whether a forward pass keeps what a backward pass needs.
enum class Pass { kForwardOnly, kWithBackward };

// One group: blocks that are processed together.
struct Group {
  const Model& model;
  const KernelSizes& sizes;
  KernelMemory& memory;
  const float* inputs;         // [blocks, T, I, kLanes]
  const std::uint8_t* labels;  // [blocks * kLanes], where a class is the target
  const float* targets;        // [blocks * kLanes], where a number is the target
  std::size_t blocks;
  std::size_t samples;  // number of lanes that hold samples; the rest are padding
  Width width;          // the registers that are processed
  const CancelFlag& cancel;

  // The number of lanes of one register that hold samples.
  template <class V>
  std::size_t samples_of(std::size_t index) const {
    constexpr std::size_t kLanesEach = hn::MaxLanes(hn::DFromV<V>());
    const std::size_t before = index * kLanesEach;
    return samples > before ? std::min(samples - before, kLanesEach) : 0;
  }
};

// Tiles of rows of weights [O, H], each [1 + H, rows of the tile]: bias, then column after column.
inline void pack_output_weights(const KernelSizes& sizes, const float* weight, const float* bias,
                                float* to) {
  for_tiles<kTileRows>(sizes.outputs, [&](auto tile, std::size_t first) {
    for (std::size_t r = 0; r < tile(); ++r) *to++ = bias[first + r];
    for (std::size_t k = 0; k < sizes.hidden; ++k)
      for (std::size_t r = 0; r < tile(); ++r) *to++ = weight[(first + r) * sizes.hidden + k];
  });
}

// y = W_out h_T + b_out
template <class S>
void output_strip(const Group& group, std::size_t last_slot, std::size_t first) {
  const KernelSizes& sizes = group.sizes;
  const float* states = group.memory.states.data() + last_slot * sizes.hidden * kLanes;
  const auto h = rows_of<S>(states, (sizes.time_steps + 1) * sizes.hidden, first);
  const auto logits = rows_of<S>(group.memory.logits.data(), sizes.outputs, first);
  const float* weights = group.memory.output_weights.data();
  for_tiles<kTileRows>(sizes.outputs, [&](auto tile, std::size_t first_row) {
    typename S::V sums[tile()][S::kCount];
    set_to(sums, weights);
    add_products<tile(), S>(sums, weights + tile(), h, group.sizes.hidden);
    for (std::size_t r = 0; r < tile(); ++r)
      for (std::size_t v = 0; v < S::kCount; ++v) logits.store(sums[r][v], first_row + r, v);
    weights += tile() * (1 + group.sizes.hidden);
  });
}

// dloss/dh_T = W_out' dloss/dy
template <class S>
void state_derivative_strip(const Group& group, std::size_t first) {
  KernelMemory& memory = group.memory;
  const float* derivatives = memory.logits.data();
  const auto logits = rows_of<S>(derivatives, group.sizes.outputs, first);
  const auto states = rows_of<S>(memory.state_derivatives.data(), group.sizes.hidden, first);
  const float* weights = memory.output_weights_transposed.data();
  for_tiles<kTileRows>(group.sizes.hidden, [&](auto tile, std::size_t first_unit) {
    typename S::V sums[tile()][S::kCount];
    set_to_zero(sums);
    add_products<tile(), S>(sums, weights, logits, group.sizes.outputs);
    for (std::size_t r = 0; r < tile(); ++r)
      for (std::size_t v = 0; v < S::kCount; ++v) states.store(sums[r][v], first_unit + r, v);
    weights += tile() * group.sizes.outputs;
  });
}

// The sum of the first `count` lanes, in order.
inline double sum_of_first(Vector values, std::size_t count) {
  HWY_ALIGN float lanes[kRegisterLanes];
  hn::Store(values, kFloats, lanes);
  double sum = 0;
  for (std::size_t lane = 0; lane < count; ++lane) sum += static_cast<double>(lanes[lane]);
  return sum;
}

// The sums over the first `count` lanes.
inline SampleSums sample_sums(Vector loss, hn::Mask<Floats> is_correct, std::size_t count) {
  const Vector correct = hn::IfThenElseZero(is_correct, constant(1.0F));
  SampleSums sums;
  sums.loss = sum_of_first(loss, count);
  sums.correct = static_cast<std::int64_t>(sum_of_first(correct, count));
  return sums;
}

// Softmax cross-entropy of one register of samples. With the largest logit z_m, s = sum over k != m
// of exp(z_k - z_m) and p_k = exp(z_k - z_m) / (1 + s):
//
//   loss = (z_m - z_label) + log1p(s),   dloss/dz_k = p_k - [k = label]
//
// This is exact even if a class is nearly certain. Overwrites the logits with the derivatives of
// the mean over `batch_size` samples, 0 in the padding.
template <Pass kPass>
SampleSums cross_entropy_register(const Group& group, std::size_t first, std::size_t batch_size) {
  const std::size_t count = group.samples_of<Vector>(first);
  const std::size_t outputs = group.sizes.outputs;
  const auto logits = rows_of<Strip<Vector, 1>>(group.memory.logits.data(), outputs, first);
  const hn::RebindToSigned<Floats> integers;
  HWY_ALIGN std::int32_t label_lanes[kRegisterLanes];
  for (std::size_t lane = 0; lane < kRegisterLanes; ++lane)
    label_lanes[lane] = group.labels[first * kRegisterLanes + lane];
  const auto label = hn::ConvertTo(kFloats, hn::Load(integers, label_lanes));
  Vector largest = logits.load(0, 0);
  Vector predicted = hn::Zero(kFloats);
  Vector label_logit = largest;
  for (std::size_t k = 1; k < outputs; ++k) {
    const Vector logit = logits.load(k, 0);
    const Vector number = constant(static_cast<float>(k));
    const auto is_larger = hn::Gt(logit, largest);
    largest = hn::IfThenElse(is_larger, logit, largest);
    predicted = hn::IfThenElse(is_larger, number, predicted);
    label_logit = hn::IfThenElse(hn::Eq(label, number), logit, label_logit);
  }
  // s, starting from 0, or from NaN if the largest logit is infinite: then there is no softmax.
  Vector others = hn::Sub(largest, largest);
  Vector others_than_label = hn::Zero(kFloats);
  for (std::size_t k = 0; k < outputs; ++k) {
    const Vector number = constant(static_cast<float>(k));
    const Vector power = exp_of_negative(hn::Sub(logits.load(k, 0), largest));
    others = hn::Add(others, hn::IfThenZeroElse(hn::Eq(predicted, number), power));
    others_than_label =
        hn::Add(others_than_label, hn::IfThenZeroElse(hn::Eq(label, number), power));
    logits.store(power, k, 0);
  }
  // NaN if s is NaN: Highway's Log1p does not guarantee that.
  const auto is_number = hn::Eq(others, others);
  const Vector log = hn::IfThenElse(is_number, hn::Log1p(kFloats, others), others);
  const Vector loss = hn::Add(hn::Sub(largest, label_logit), log);
  if constexpr (kPass == Pass::kWithBackward) {
    const auto is_sample = hn::FirstN(kFloats, count);
    const Vector total = hn::Add(others, constant(1.0F));
    const Vector mean = constant(static_cast<float>(batch_size));
    for (std::size_t k = 0; k < outputs; ++k) {
      const auto is_label = hn::Eq(label, constant(static_cast<float>(k)));
      const Vector numerator =
          hn::IfThenElse(is_label, hn::Neg(others_than_label), logits.load(k, 0));
      const Vector derivative = hn::Div(hn::Div(numerator, total), mean);
      logits.store(hn::IfThenElseZero(is_sample, derivative), k, 0);
    }
  }
  return sample_sums(loss, hn::And(hn::Eq(predicted, label), hn::Eq(loss, loss)), count);
}

// Squared error of one register of samples, which counts as correct up to Model::tolerance:
//
//   loss = (y - target)^2,   dloss/dy = 2 (y - target)
//
// Overwrites the outputs as cross_entropy_register does.
template <Pass kPass>
SampleSums squared_error_register(const Group& group, std::size_t first, std::size_t batch_size) {
  const std::size_t count = group.samples_of<Vector>(first);
  const auto output = rows_of<Strip<Vector, 1>>(group.memory.logits.data(), 1, first);
  const Vector target = hn::Load(kFloats, group.targets + first * kRegisterLanes);
  const Vector error = hn::Sub(output.load(0, 0), target);
  const Vector loss = hn::Mul(error, error);
  if constexpr (kPass == Pass::kWithBackward) {
    const Vector mean = constant(static_cast<float>(batch_size));
    const Vector derivative = hn::Div(hn::Add(error, error), mean);
    output.store(hn::IfThenElseZero(hn::FirstN(kFloats, count), derivative), 0, 0);
  }
  const Vector tolerance = constant(static_cast<float>(group.model.tolerance));
  return sample_sums(loss, hn::Le(loss, tolerance), count);
}

template <Pass kPass>
SampleSums loss_register(const Group& group, std::size_t first, std::size_t batch_size) {
  return group.model.target == Target::kNumber
             ? squared_error_register<kPass>(group, first, batch_size)
             : cross_entropy_register<kPass>(group, first, batch_size);
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
