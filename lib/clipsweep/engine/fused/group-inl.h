// One group: blocks of a batch that are processed together, and where their numbers are.
#if defined(CLIPSWEEP_GROUP_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_GROUP_INL_H
#undef CLIPSWEEP_GROUP_INL_H
#else
#define CLIPSWEEP_GROUP_INL_H
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "clipsweep/engine/fused/recurrent_kernels.h"
#include "clipsweep/engine/fused/simd_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

// Whether a forward pass keeps what a backward pass needs.
enum class Pass { kForwardOnly, kWithBackward };

// What happens to the derivatives of the states on their way back. Those that are not only passed
// on are limited, and measured where asked for, or kept for Omega.
struct BackwardPass {
  enum class Kind { kPassedOn, kLimited, kKept };

  Kind kind;
  float limit;
  double* squares = nullptr;  // [T], which those of the top layer's time steps are added to
};

// Where a layer's states are among T + 1 slots. If all of them are needed later, each has its own;
// otherwise the initial state has one, and the others alternate between two.
struct Slots {
  // The slot of the state before time step t; that of the last state for t = T.
  std::size_t before(std::size_t t) const { return each || t == 0 ? t : 1 + (t - 1) % 2; }

  bool each;
};

struct Group {
  const Model& model;
  const KernelSizes& sizes;
  KernelMemory& memory;
  Pass pass;
  const float* inputs;          // [blocks, T, I, kLanes], or nullptr if symbols are read instead
  const std::int32_t* symbols;  // [blocks, T, kLanes], or nullptr
  const std::int32_t* labels;   // [blocks, output steps, kLanes], where a class is the target
  const float* targets;         // [blocks, outputs, kLanes], where numbers are the target
  const std::int32_t* starts;   // [blocks, kLanes] as in Batch; nullptr: all begin at 0
  // The states of the group's blocks of each layer, h and then c: where the next pair lies
  // state_stride further on. nullptr: zeros, or not kept.
  const float* initial_states;
  float* last_states;
  std::size_t state_stride;  // between the states of one kind of all blocks of the batch
  std::size_t blocks;
  std::size_t samples;  // number of lanes that hold samples; the rest are padding
  std::size_t terms;    // losses_of: those whose mean is the run's
  Width width;          // the registers that are processed
  const CancelFlag& cancel;
  InputsKey inputs_key;  // of its first time step

  // The number of lanes of one register that hold samples.
  template <class V>
  std::size_t samples_of(std::size_t index) const {
    constexpr std::size_t kLanesEach = hn::MaxLanes(hn::DFromV<V>());
    const std::size_t before = index * kLanesEach;
    return samples > before ? std::min(samples - before, kLanesEach) : 0;
  }

  // The lanes of one register whose samples begin after time step t. Needs `starts`.
  template <class V>
  hn::Mask<hn::DFromV<V>> begins_after(std::size_t t, std::size_t index) const {
    const hn::DFromV<V> floats;
    const hn::RebindToSigned<hn::DFromV<V>> integers;
    const auto start = hn::Load(integers, starts + index * hn::MaxLanes(floats));
    return hn::RebindMask(floats, hn::Gt(start, hn::Set(integers, static_cast<std::int32_t>(t))));
  }

  Slots slots(std::size_t l) const {
    return {pass == Pass::kWithBackward || l + 1 < sizes.layers || sizes.output_steps > 1};
  }

  // The slots of a layer's states.
  Series states(std::size_t l) const {
    return series(memory.layers[l].states.data(), sizes.time_steps + 1, sizes.hidden);
  }
  // What a layer reads at each time step: the batch, or the states of the layer below.
  Series inputs_of(std::size_t l) const {
    if (l == 0) return series(inputs, sizes.time_steps, sizes.inputs);
    return states(l - 1).from(sizes.hidden);
  }
  // The inputs of the batch with zeros and ones where symbols are read. It takes a while.
  Series one_hot_inputs() const {
    memory.one_hot.resize(blocks * sizes.time_steps * sizes.inputs * kLanes);
    write_one_hot(symbols, blocks * sizes.time_steps, sizes.inputs, memory.one_hot.data());
    return series(memory.one_hot.data(), sizes.time_steps, sizes.inputs);
  }
  // A layer's sums, or their derivatives, at each time step; `count` of each unit.
  Series sums(std::size_t l, std::size_t count) const {
    return series(memory.layers[l].sums.data(), sizes.time_steps, count * sizes.hidden);
  }
  // What the derivatives of a layer's sums are multiplied by in the gradient of W_hh: the states
  // before each time step (slot t), and what Omega adds to them.
  Series recurrent_factors(std::size_t l) const {
    if (model.omega == 0) return states(l);
    return series(memory.layers[l].omega_factors.data(), sizes.time_steps, sizes.hidden);
  }
  // The outputs, or their derivatives, at each output step.
  Series logits() const { return series(memory.logits.data(), sizes.output_steps, sizes.outputs); }

 private:
  // [blocks, steps, rows, kLanes]
  static Series series(const float* first, std::size_t steps, std::size_t rows) {
    return {first, steps * rows * kLanes, rows * kLanes};
  }
};

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
