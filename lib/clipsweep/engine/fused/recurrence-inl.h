// One recurrent layer through time, forward and backward, for any cell.
#if defined(CLIPSWEEP_RECURRENCE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_RECURRENCE_INL_H
#undef CLIPSWEEP_RECURRENCE_INL_H
#else
#define CLIPSWEEP_RECURRENCE_INL_H
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "clipsweep/engine/fused/group-inl.h"
#include "clipsweep/engine/fused/layers-inl.h"
#include "clipsweep/engine/fused/symbol_inputs-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

// ---- Samples that begin later ------------------------------------------------------------------

// Clears rows in the lanes whose samples begin after time step t.
template <class S>
void clear_before_start(const Group& group, std::size_t first, std::size_t t,
                        const Rows<float, S>& rows, std::size_t count) {
  for (std::size_t v = 0; v < S::kCount; ++v) {
    const auto not_begun = group.begins_after<typename S::V>(t, first + v);
    for (std::size_t row = 0; row < count; ++row)
      rows.store(hn::IfThenZeroElse(not_begun, rows.load(row, v)), row, v);
  }
}

// The states after a time step: a sample begins with zeros.
template <class CellKind, class S>
HWY_NOINLINE void clear_states_before_start(const Group& group, std::size_t first, std::size_t t,
                                            const Step<S>& step) {
  clear_before_start(group, first, t, step.state, step.hidden);
  if constexpr (CellKind::kRows.cells > 0)
    clear_before_start(group, first, t, step.cell, step.hidden);
}

// The derivatives carried to a time step before it is differentiated.
template <class CellKind, class S>
HWY_NOINLINE void clear_carried_before_start(const Group& group, std::size_t first, std::size_t t,
                                             const Step<S>& step) {
  if constexpr (CellKind::kRows.carried > 0)
    clear_before_start(group, first, t, step.carried, CellKind::kRows.carried * step.hidden);
}

// The derivatives of a time step's sums.
template <class CellKind, class S>
HWY_NOINLINE void clear_sums_before_start(const Group& group, std::size_t first, std::size_t t,
                                          const Step<S>& step) {
  clear_before_start(group, first, t, step.sums, CellKind::kRows.sums * step.hidden);
}

// ---- Forward -----------------------------------------------------------------------------------

// The sums of one time step: bias, W_ih x_t and W_hh h_{t-1}. `weights` as in pack_gate_weights.
// If `has_columns`, the first two are in the sums that have products of inputs already.
template <class CellKind, class S>
HWY_INLINE void sum_up(const float* weights, const Rows<const float, S>& inputs,
                       std::size_t input_count, bool has_columns,
                       const Rows<const float, S>& state_before, const Step<S>& step) {
  for (const GateSums& some : CellKind::kSums) {
    const auto to = step.sum(some.sum);
    for_row_tiles(some.count * step.hidden, [&](auto tile, std::size_t first) {
      constexpr std::size_t kRows = tile();
      typename S::V sums[kRows][S::kCount];
      if (has_columns && some.input_gate != kNoGate)
        load_rows<S>(sums, to, first);
      else
        set_to(sums, weights);
      weights += kRows;
      if (some.input_gate != kNoGate) {
        add_products<kRows, S>(sums, weights, inputs, input_count);
        weights += kRows * input_count;
      }
      if (some.recurrent_gate != kNoGate) {
        add_products<kRows, S>(sums, weights, state_before, step.hidden);
        weights += kRows * step.hidden;
      }
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 3
        for (std::size_t v = 0; v < S::kCount; ++v) to.store(sums[r][v], first + r, v);
    });
  }
}

// All time steps of a strip. Not inlined, because GCC 12 would run out of registers (20 % slower).
template <class CellKind, class S>
HWY_NOINLINE void forward_strip(const Group& group, std::size_t l, std::size_t first) {
  const Series x = group.inputs_of(l);
  const SymbolSeries symbols = {group.symbols, group.sizes.time_steps};
  const bool has_symbols = l == 0 && group.symbols;
  const std::size_t input_count = has_symbols ? 0 : group.sizes.inputs_of(l);
  const Slots slots = group.slots(l);
  LayerMemory& layer = group.memory.layers[l];
  const StepMemory<CellKind, S> memory(group.sizes, layer, first);
  for (std::size_t t = 0; t < group.sizes.time_steps; ++t) {
    throw_if_cancelled(group.cancel);
    // Without a backward pass, all time steps use the memory of the first one.
    const std::size_t place = group.pass == Pass::kWithBackward ? t : 0;
    const Step<S> step = memory.at(place, slots.before(t), slots.before(t + 1));
    if (has_symbols)
      set_to_columns<CellKind>(group.memory.symbol_weights.data(), symbols, first, t, step);
    const auto inputs = has_symbols ? as_const(step.state_before) : x.rows<S>(first, t);
    sum_up<CellKind>(layer.gate_weights.data(), inputs, input_count, has_symbols,
                     as_const(step.state_before), step);
    CellKind::forward(step);
    if (group.starts) clear_states_before_start<CellKind>(group, first, t, step);
  }
}

// Calls visit(states [blocks, T + 1, H], place) for each kind of state of each layer; `place` is
// where its initial and last states are, after those of the kinds before.
template <class CellKind, typename Visit>
void for_states(const Group& group, const Visit& visit) {
  std::size_t place = 0;
  for (std::size_t l = 0; l < group.sizes.layers; ++l) {
    visit(group.memory.layers[l].states.data(), l, place++ * group.state_stride);
    if constexpr (CellKind::kRows.cells > 0)
      visit(group.memory.layers[l].cells.data(), l, place++ * group.state_stride);
  }
}

template <class CellKind>
void set_initial_states(const Group& group) {
  const std::size_t slot = group.sizes.hidden * kLanes;
  for_states<CellKind>(group, [&](float* states, std::size_t, std::size_t place) {
    for (std::size_t b = 0; b < group.blocks; ++b) {
      float* const to = states + b * (group.sizes.time_steps + 1) * slot;
      if (group.initial_states)
        std::copy_n(group.initial_states + place + b * slot, slot, to);
      else
        std::fill_n(to, slot, 0.0F);
    }
  });
}

template <class CellKind>
void keep_last_states(const Group& group) {
  if (!group.last_states) return;
  const std::size_t slot = group.sizes.hidden * kLanes;
  for_states<CellKind>(group, [&](const float* states, std::size_t l, std::size_t place) {
    const std::size_t last = group.slots(l).before(group.sizes.time_steps);
    for (std::size_t b = 0; b < group.blocks; ++b)
      std::copy_n(states + (b * (group.sizes.time_steps + 1) + last) * slot, slot,
                  group.last_states + place + b * slot);
  });
}

// ---- Backward ----------------------------------------------------------------------------------
//
// Vanishing derivatives become denormal numbers and then zeros. They are not flushed to zero: with
// one in six of them denormal a step took as long as with none (AMD Zen 4), and some runs are made
// to show how a gradient vanishes.

// Limits the derivatives of one register; returns how many changed.
template <class V>
HWY_INLINE std::uint64_t limit_derivatives(V& derivative, float limit) {
  const auto is_over = hn::Gt(hn::Abs(derivative), constant_like(derivative, limit));
  derivative = clamped(derivative, -limit, limit);
  return hn::CountTrue(hn::DFromV<V>(), is_over);
}

// The sum of the squares of the first `count` lanes, added one by one to `sum`: in double, because
// the squares of a vanishing gradient are far below float32's range.
template <class V>
HWY_NOINLINE void add_squares(V values, std::size_t count, double& sum) {
  HWY_ALIGN float lanes[hn::MaxLanes(hn::DFromV<V>())];
  hn::Store(values, hn::DFromV<V>(), lanes);
  for (std::size_t lane = 0; lane < count; ++lane)
    sum += static_cast<double>(lanes[lane]) * static_cast<double>(lanes[lane]);
}

// A part of dloss/dh_t: transposed weights times derivatives of sums or outputs.
template <class S>
struct Products {
  // Of a tile of units.
  const float* of_tile(std::size_t first_unit, std::size_t units) const {
    return weights + first_unit * rows_in_tile + first_row * units;
  }

  const float* weights;       // as pack_transposed makes them, [rows, units] for each tile of units
  std::size_t rows_in_tile;   // all rows of those weights
  std::size_t first_row;      // of those that are used
  Rows<const float, S> rows;  // the derivatives
  std::size_t count;          // how many are used
};

// All parts of dloss/dh_t: from above, if the time step has outputs or there is a layer, and from
// the next time step, if there is one.
template <class CellKind, class S>
class ProductList {
 public:
  // Of the sums of a layer of this kind that products of its inputs are added to, or of its states.
  void add_sums(std::size_t GateSums::*gate, const float* weights, std::size_t hidden,
                const Rows<const float, S>& derivatives) {
    for (const GateSums& some : CellKind::kSums)
      if (some.*gate != kNoGate)
        products_[size_++] = {weights, CellKind::kGates * hidden, some.*gate * hidden,
                              derivatives + some.sum * hidden, some.count * hidden};
  }
  void add_outputs(const float* weights, std::size_t outputs,
                   const Rows<const float, S>& derivatives) {
    products_[size_++] = {weights, outputs, 0, derivatives, outputs};
  }

  const Products<S>* begin() const { return products_; }
  const Products<S>* end() const { return products_ + size_; }

 private:
  Products<S> products_[2 * std::size(CellKind::kSums)];
  std::size_t size_ = 0;
};

// What a strip keeps of a time step for Omega: dE/dh_t and, as a part of it, v_{t+1}.
template <class S>
struct KeptErrors {
  Rows<float, S> error{};
  Rows<float, S> passed_back{};  // not after the last time step, which nothing is passed back to
};

template <class S>
KeptErrors<S> kept_errors(const KernelSizes& sizes, LayerMemory& layer, std::size_t first,
                          std::size_t t) {
  const std::size_t rows = sizes.time_steps * sizes.hidden;
  KeptErrors<S> kept{rows_of<S>(layer.errors.data(), rows, first) + t * sizes.hidden};
  if (t + 1 < sizes.time_steps)
    kept.passed_back = rows_of<S>(layer.omega_factors.data(), rows, first) + (t + 1) * sizes.hidden;
  return kept;
}

// All time steps of a strip, from the last to the first. Returns how many derivatives were limited.
// kLimits: whether they are more than passed on.
template <class CellKind, bool kLimits, class S>
HWY_NOINLINE std::uint64_t backward_strip(const Group& group, std::size_t l, std::size_t first,
                                          const BackwardPass& pass) {
  const float limit = pass.limit;
  double* const squares = l + 1 == group.sizes.layers ? pass.squares : nullptr;
  const bool keeps = kLimits && CellKind::kHasOmega && pass.kind == BackwardPass::Kind::kKept;
  const KernelSizes& sizes = group.sizes;
  const std::size_t hidden = sizes.hidden;
  LayerMemory& layer = group.memory.layers[l];
  const float* const above_weights = layer.above_weights.data();
  const Series own_sums = group.sums(l, CellKind::kRows.sums);
  const StepMemory<CellKind, S> memory(sizes, layer, first);
  std::uint64_t limited = 0;
  for (std::size_t t = sizes.time_steps; t-- > 0;) {
    throw_if_cancelled(group.cancel);
    ProductList<CellKind, S> products, through_time;
    if (l + 1 < sizes.layers)
      products.add_sums(&GateSums::input_gate, above_weights, hidden,
                        group.sums(l + 1, CellKind::kRows.sums).template rows<S>(first, t));
    else if (t + sizes.output_steps >= sizes.time_steps)
      products.add_outputs(
          above_weights, sizes.outputs,
          group.logits().rows<S>(first, t + sizes.output_steps - sizes.time_steps));
    if (t + 1 < sizes.time_steps)
      (keeps ? through_time : products)
          .add_sums(&GateSums::recurrent_gate, layer.recurrent_weights.data(), hidden,
                    own_sums.rows<S>(first, t + 1));
    const Step<S> step = memory.at(t, t, t + 1);
    KeptErrors<S> kept;
    if (keeps) kept = kept_errors<S>(sizes, layer, first, t);
    if (group.starts) clear_carried_before_start<CellKind>(group, first, t, step);
    for_row_tiles(hidden, [&](auto tile, std::size_t unit) {
      constexpr std::size_t kUnits = tile();
      typename S::V dh[kUnits][S::kCount];
      if constexpr (CellKind::kAddsCarried)
        load_rows<S>(dh, step.carried, unit);
      else
        set_to_zero(dh);
      if (keeps) {
        for (const Products<S>& some : through_time)
          add_products<kUnits, S>(dh, some.of_tile(unit, kUnits), some.rows, some.count);
        if (t + 1 < sizes.time_steps) store_rows<S>(dh, kept.passed_back, unit);
      }
      for (const Products<S>& some : products)
        add_products<kUnits, S>(dh, some.of_tile(unit, kUnits), some.rows, some.count);
#pragma GCC unroll 8
      for (std::size_t u = 0; u < kUnits; ++u) {
#pragma GCC unroll 3
        for (std::size_t v = 0; v < S::kCount; ++v) {
          if constexpr (kLimits) {
            if (group.starts)
              dh[u][v] =
                  hn::IfThenZeroElse(group.begins_after<typename S::V>(t, first + v), dh[u][v]);
            limited += limit_derivatives(dh[u][v], limit);
            if (squares)
              add_squares(dh[u][v], group.samples_of<typename S::V>(first + v), squares[t]);
            if (keeps) kept.error.store(dh[u][v], unit + u, v);
          }
          limited += CellKind::template backward<kLimits>(dh[u][v], unit + u, v, limit, step);
        }
      }
    });
    if (group.starts) clear_sums_before_start<CellKind>(group, first, t, step);
  }
  return limited;
}

// ---- All layers of a group ---------------------------------------------------------------------

template <class CellKind>
void forward_layers(const Group& group) {
  set_initial_states<CellKind>(group);
  for_strips<CellKind::kPacksSamples>(group.width, [&](auto strip, std::size_t first) {
    for (std::size_t l = 0; l < group.sizes.layers; ++l)
      forward_strip<CellKind, decltype(strip)>(group, l, first);
  });
  keep_last_states<CellKind>(group);
}

template <class CellKind, bool kLimits>
std::uint64_t backward_layers_of(const Group& group, const BackwardPass& pass) {
  std::uint64_t limited = 0;
  for_strips<CellKind::kPacksSamples>(group.width, [&](auto strip, std::size_t first) {
    for (std::size_t l = group.sizes.layers; l-- > 0;)
      limited += backward_strip<CellKind, kLimits, decltype(strip)>(group, l, first, pass);
  });
  return limited;
}

template <class CellKind>
std::uint64_t backward_layers(const Group& group, const BackwardPass& pass) {
  for (std::size_t l = 0; l < group.sizes.layers; ++l)
    std::fill_n(group.memory.layers[l].carried.data(),
                group.blocks * CellKind::kRows.carried * group.sizes.hidden * kLanes, 0.0F);
  return pass.kind == BackwardPass::Kind::kPassedOn
             ? backward_layers_of<CellKind, false>(group, pass)
             : backward_layers_of<CellKind, true>(group, pass);
}

// A cell as the network sees it. All other kernels do not depend on it, and are compiled once.
struct CellPasses {
  CellRows rows;
  Span<const GateSums> sums;  // of a unit
  std::size_t chunk_steps;    // these three as in a cell's class
  bool packs_samples;
  bool has_omega;

  // All layers of a group through time.
  void (*forward)(const Group& group);
  // Returns how many derivatives it limited.
  std::uint64_t (*backward)(const Group& group, const BackwardPass& pass);
};

template <class CellKind>
CellPasses passes_of() {
  static_assert(CellKind::kChunkSteps <= kMaxChunkSteps);
  return {CellKind::kRows,          {CellKind::kSums, std::size(CellKind::kSums)},
          CellKind::kChunkSteps,    CellKind::kPacksSamples,
          CellKind::kHasOmega,      forward_layers<CellKind>,
          backward_layers<CellKind>};
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
