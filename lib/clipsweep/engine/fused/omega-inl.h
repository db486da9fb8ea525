// Omega of one layer for one group, and what it adds to the gradient of W_hh (engine/omega.h).
#if defined(CLIPSWEEP_OMEGA_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_OMEGA_INL_H
#undef CLIPSWEEP_OMEGA_INL_H
#else
#define CLIPSWEEP_OMEGA_INL_H
#endif

#include <cstddef>

#include "clipsweep/engine/fused/group-inl.h"
#include "clipsweep/engine/omega.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

// In double: float32 holds neither the squares of large and small numbers nor one divided by the
// norms of the latter.
using DoubleTag = hn::CappedTag<double, kLanes>;
using Doubles = hn::Vec<DoubleTag>;
using NarrowTag = hn::Rebind<float, DoubleTag>;
constexpr DoubleTag kDoubles;
constexpr NarrowTag kNarrow;
constexpr std::size_t kDoubleLanes = hn::MaxLanes(kDoubles);

HWY_INLINE Doubles load_doubles(const float* from) {
  return hn::PromoteTo(kDoubles, hn::Load(kNarrow, from));
}

// The pairs of one time step t and the time step before it, in kDoubleLanes lanes: rows of H units.
struct OmegaPairs {
  const float* state_before;
  const float* error;  // dE/dh_t
  float* passed_back;  // v_t; then h_{t-1} + c v_t
  std::size_t hidden;
};

// The terms (r_t - 1)^2 of the lanes that `are_pairs`. weight: 2 factor / pairs
HWY_INLINE Doubles add_omega_of_pairs(const OmegaPairs& pairs, hn::Mask<DoubleTag> are_pairs,
                                      double weight) {
  const Doubles zero = hn::Zero(kDoubles), one = hn::Set(kDoubles, 1.0);
  Doubles error_square = zero, passed_square = zero;
  for (std::size_t unit = 0; unit < pairs.hidden; ++unit) {
    const Doubles error = load_doubles(pairs.error + unit * kLanes);
    const Doubles passed = load_doubles(pairs.passed_back + unit * kLanes);
    error_square = hn::MulAdd(error, error, error_square);
    passed_square = hn::MulAdd(passed, passed, passed_square);
  }
  // A NaN counts.
  const auto has_vanished = hn::Lt(error_square, hn::Set(kDoubles, kVanishedErrorSquare));
  const auto counts = hn::AndNot(has_vanished, are_pairs);
  const Doubles error_norm = hn::Sqrt(error_square), passed_norm = hn::Sqrt(passed_square);
  const Doubles excess = hn::Sub(hn::Div(passed_norm, error_norm), one);
  const Doubles factor =
      hn::Div(hn::Mul(hn::Set(kDoubles, weight), excess), hn::Mul(passed_norm, error_norm));
  const auto has_derivative = hn::AndNot(hn::Eq(passed_square, zero), counts);
  for (std::size_t unit = 0; unit < pairs.hidden; ++unit) {
    const Doubles state = load_doubles(pairs.state_before + unit * kLanes);
    float* const to = pairs.passed_back + unit * kLanes;
    const Doubles sum = hn::MulAdd(factor, load_doubles(to), state);
    hn::Store(hn::DemoteTo(kNarrow, hn::IfThenElse(has_derivative, sum, state)), kNarrow, to);
  }
  return hn::IfThenElseZero(counts, hn::Mul(excess, excess));
}

// Turns the v_t of a layer into the factors of u_t in the gradient of W_hh, and returns the sum of
// (r_t - 1)^2 over all pairs of the group. weight: 2 factor / pairs
inline double add_omega(const Group& group, std::size_t l, double weight) {
  const std::size_t hidden = group.sizes.hidden, steps = group.sizes.time_steps;
  LayerMemory& layer = group.memory.layers[l];
  double sum = 0;
  for (std::size_t lane = 0; lane < group.blocks * kLanes; lane += kDoubleLanes) {
    const std::size_t block = lane / kLanes, in_block = lane % kLanes;
    // The first time step of each lane that has a pair.
    HWY_ALIGN double first[kDoubleLanes];
    for (std::size_t i = 0; i < kDoubleLanes; ++i) {
      const std::int32_t start = group.starts ? group.starts[lane + i] : 0;
      first[i] = lane + i < group.samples ? start + 1.0 : static_cast<double>(steps);
    }
    const Doubles begin = hn::Load(kDoubles, first);
    Doubles terms = hn::Zero(kDoubles);
    for (std::size_t t = 0; t < steps; ++t) {
      const auto row = [&](auto* rows, std::size_t slots) {
        return rows + (block * slots + t) * hidden * kLanes + in_block;
      };
      const OmegaPairs pairs = {row(layer.states.data(), steps + 1),
                                row(layer.errors.data(), steps),
                                row(layer.omega_factors.data(), steps), hidden};
      const auto are_pairs = hn::Ge(hn::Set(kDoubles, static_cast<double>(t)), begin);
      terms = hn::Add(terms, add_omega_of_pairs(pairs, are_pairs, weight));
    }
    HWY_ALIGN double lanes[kDoubleLanes];
    hn::Store(terms, kDoubles, lanes);
    for (const double term : lanes) sum += term;
  }
  return sum;
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
