#include "clipsweep/lstm_kernels.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "clipsweep/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/lstm_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After those, once for each target:
#include <hwy/contrib/math/math-inl.h>

#include "clipsweep/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {
namespace {

constexpr std::size_t kRegisterLanes = hn::MaxLanes(kFloats);
// A block is so many registers wide.
constexpr std::size_t kBlockRegisters = kLanes / kRegisterLanes;

// Tiles: how many sums are kept in registers at once. AVX-512 has 32 registers, the others 16.
constexpr bool kManyRegisters = kRegisterLanes == 16;
constexpr std::size_t kTileUnits = kManyRegisters ? 2 : 1;    // of four gates each, times two
constexpr std::size_t kTileRows = kManyRegisters ? 5 : 4;     // times two registers of samples
constexpr std::size_t kTileColumns = kManyRegisters ? 5 : 3;  // times kTileRows

// Time steps times blocks whose rows of one tile fit the first cache.
constexpr std::size_t kChunkSteps = 64;
// Columns whose rows of one chunk fit the second.
constexpr std::size_t kPanelColumns = 40;

template <std::size_t kValue>
using Constant = std::integral_constant<std::size_t, kValue>;

// Calls `body(size, first)` with the tiles of `count` things, of at most kMost each and of nearly
// equal size; the size is a constant type.
template <std::size_t kMost, typename Body>
HWY_INLINE void for_tiles(std::size_t count, const Body& body) {
  static_assert(kMost <= 5, "a case for each size");
  const std::size_t tiles = (count + kMost - 1) / kMost;
  for (std::size_t tile = 0; tile < tiles; ++tile) {
    const std::size_t first = tile * count / tiles;
    const std::size_t size = (tile + 1) * count / tiles - first;
    if constexpr (kMost >= 5)
      if (size == 5) body(Constant<5>{}, first);
    if constexpr (kMost >= 4)
      if (size == 4) body(Constant<4>{}, first);
    if constexpr (kMost >= 3)
      if (size == 3) body(Constant<3>{}, first);
    if constexpr (kMost >= 2)
      if (size == 2) body(Constant<2>{}, first);
    if (size == 1) body(Constant<1>{}, first);
  }
}

// Rows of samples in V neighbouring registers: row k of register v lies at `at[v] + k * kLanes`.
template <typename T, std::size_t V>
struct Rows {
  T* at[V];

  Rows operator+(std::size_t rows) const {
    Rows moved;
    for (std::size_t v = 0; v < V; ++v) moved.at[v] = at[v] + rows * kLanes;
    return moved;
  }
  HWY_INLINE Vector load(std::size_t row, std::size_t v) const {
    return hn::Load(kFloats, at[v] + row * kLanes);
  }
  HWY_INLINE void store(Vector value, std::size_t row, std::size_t v) const {
    hn::Store(value, kFloats, at[v] + row * kLanes);
  }
};

// The rows of the V registers from number `first` on, in memory [blocks, rows_in_block, kLanes].
template <std::size_t V, typename T>
Rows<T, V> rows_of(T* memory, std::size_t rows_in_block, std::size_t first) {
  Rows<T, V> rows;
  for (std::size_t v = 0; v < V; ++v)
    rows.at[v] = memory + (first + v) / kBlockRegisters * rows_in_block * kLanes +
                 (first + v) % kBlockRegisters * kRegisterLanes;
  return rows;
}

// sums[r][v] += sum over k of weights[k * R + r] * x[k][v]
template <std::size_t R, std::size_t V>
HWY_INLINE void add_products(Vector (&sums)[R][V], const float* HWY_RESTRICT weights,
                             const Rows<const float, V>& x, std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) {
    Vector values[V];
    for (std::size_t v = 0; v < V; ++v) values[v] = x.load(k, v);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < R; ++r) {
      const Vector weight = constant(weights[k * R + r]);
#pragma GCC unroll 2
      for (std::size_t v = 0; v < V; ++v) sums[r][v] = hn::MulAdd(weight, values[v], sums[r][v]);
    }
  }
}

template <std::size_t R, std::size_t V>
HWY_INLINE void set_to(Vector (&sums)[R][V], const float* values) {
#pragma GCC unroll 8
  for (std::size_t r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (std::size_t v = 0; v < V; ++v) sums[r][v] = constant(values[r]);
}

template <std::size_t R, std::size_t V>
HWY_INLINE void set_to_zero(Vector (&sums)[R][V]) {
#pragma GCC unroll 8
  for (std::size_t r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (std::size_t v = 0; v < V; ++v) sums[r][v] = hn::Zero(kFloats);
}

// ---- Weights as the kernels read them ----------------------------------------------------------

// The parts of a row of parameters, as in lstm_layout.
template <typename T>
struct Parameters {
  Parameters(T* row, const LstmSizes& sizes)
      : weight_ih(row),
        weight_hh(weight_ih + 4 * sizes.hidden * sizes.inputs),
        bias(weight_hh + 4 * sizes.hidden * sizes.hidden),
        output_weight(bias + 4 * sizes.hidden),
        output_bias(output_weight + sizes.outputs * sizes.hidden) {}

  T* weight_ih;      // [4H, I]
  T* weight_hh;      // [4H, H]
  T* bias;           // [4H]
  T* output_weight;  // [O, H]
  T* output_bias;    // [O]
};

// Tiles of units, each [1 + I + H, units, 4]: bias, then column after column.
void pack_gate_weights(const LstmSizes& sizes, const Parameters<const float>& from, float* to) {
  const std::size_t hidden = sizes.hidden;
  for (std::size_t first = 0; first < hidden;) {
    const std::size_t units = first + kTileUnits <= hidden ? kTileUnits : 1;
    const std::size_t rows = 4 * units;
    for (std::size_t r = 0; r < rows; ++r) {
      const std::size_t row = r % 4 * hidden + first + r / 4;
      float* column = to + r;
      *column = from.bias[row];
      for (std::size_t k = 0; k < sizes.inputs; ++k)
        *(column += rows) = from.weight_ih[row * sizes.inputs + k];
      for (std::size_t k = 0; k < hidden; ++k) *(column += rows) = from.weight_hh[row * hidden + k];
    }
    to += rows * (1 + sizes.inputs + hidden);
    first += units;
  }
}

// Tiles of columns of `from` [rows, columns], each [rows, columns of the tile].
void pack_transposed(const float* from, std::size_t rows, std::size_t columns, float* to) {
  for_tiles<kTileRows>(columns, [&](auto tile, std::size_t first) {
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t c = 0; c < tile(); ++c) *to++ = from[row * columns + first + c];
  });
}

// Tiles of rows, each [1 + columns, rows of the tile]: bias, then column after column.
void pack_output_weights(const LstmSizes& sizes, const Parameters<const float>& from, float* to) {
  for_tiles<kTileRows>(sizes.outputs, [&](auto tile, std::size_t first) {
    for (std::size_t r = 0; r < tile(); ++r) *to++ = from.output_bias[first + r];
    for (std::size_t k = 0; k < sizes.hidden; ++k)
      for (std::size_t r = 0; r < tile(); ++r)
        *to++ = from.output_weight[(first + r) * sizes.hidden + k];
  });
}

// ---- Forward -----------------------------------------------------------------------------------

// Whether a forward pass keeps what a backward pass needs.
enum class Pass { kForwardOnly, kWithBackward };

// Where the state before and after time step t lies among T + 1: every one of its own, or the
// initial one and two that take turns.
template <Pass kPass>
std::size_t slot_before(std::size_t t) {
  return kPass == Pass::kWithBackward || t == 0 ? t : 1 + (t - 1) % 2;
}
template <Pass kPass>
std::size_t slot_after(std::size_t t) {
  return slot_before<kPass>(t + 1);
}

// One group: the blocks that are worked on together.
struct Group {
  const LstmSizes& sizes;
  LstmWorkspace& memory;
  const float* inputs;         // [blocks, T, I, kLanes]
  const std::uint8_t* labels;  // [blocks * kLanes]
  std::size_t blocks;
  std::size_t samples;  // of all lanes, so many are samples; the others are filled up

  std::size_t registers() const { return blocks * kBlockRegisters; }
};

// What one time step reads and writes, for V registers of samples.
template <std::size_t V>
struct ForwardStep {
  Rows<const float, V> inputs;        // [I]
  Rows<const float, V> state_before;  // [H]
  Rows<const float, V> cell_before;   // [H]
  Rows<float, V> state;               // [H]
  Rows<float, V> cell;                // [H]
  Rows<float, V> gates;               // [4H]
  Rows<float, V> cell_tanh;           // [H]
};

// Gates and states of kUnits units.
template <Pass kPass, std::size_t kUnits, std::size_t V>
HWY_INLINE void forward_tile(const LstmSizes& sizes, const float* weights, std::size_t first_unit,
                             const ForwardStep<V>& step) {
  constexpr std::size_t kRows = 4 * kUnits;
  Vector sums[kRows][V];
  set_to(sums, weights);
  add_products(sums, weights + kRows, step.inputs, sizes.inputs);
  add_products(sums, weights + kRows * (1 + sizes.inputs), step.state_before, sizes.hidden);
#pragma GCC unroll 2
  for (std::size_t u = 0; u < kUnits; ++u) {
#pragma GCC unroll 2
    for (std::size_t v = 0; v < V; ++v) {
      const std::size_t unit = first_unit + u;
      const Vector i = sigmoid(sums[4 * u][v]);
      const Vector f = sigmoid(sums[4 * u + 1][v]);
      const Vector g = tanh(sums[4 * u + 2][v]);
      const Vector o = sigmoid(sums[4 * u + 3][v]);
      const Vector c = hn::MulAdd(f, step.cell_before.load(unit, v), hn::Mul(i, g));
      const Vector cell_tanh = tanh(c);
      step.cell.store(c, unit, v);
      step.state.store(hn::Mul(o, cell_tanh), unit, v);
      if constexpr (kPass == Pass::kWithBackward) {
        step.gates.store(i, unit, v);
        step.gates.store(f, sizes.hidden + unit, v);
        step.gates.store(g, 2 * sizes.hidden + unit, v);
        step.gates.store(o, 3 * sizes.hidden + unit, v);
        step.cell_tanh.store(cell_tanh, unit, v);
      }
    }
  }
}

// All time steps of V registers of samples.
template <Pass kPass, std::size_t V>
void forward_registers(const Group& group, std::size_t first) {
  const auto [time_steps, inputs, hidden, outputs] = group.sizes;
  LstmWorkspace& memory = group.memory;
  const auto x = rows_of<V>(group.inputs, time_steps * inputs, first);
  const auto states = rows_of<V>(memory.states.data(), (time_steps + 1) * hidden, first);
  const auto cells = rows_of<V>(memory.cells.data(), (time_steps + 1) * hidden, first);
  const auto gates = rows_of<V>(memory.gates.data(), time_steps * 4 * hidden, first);
  const auto cell_tanhs = rows_of<V>(memory.cell_tanhs.data(), time_steps * hidden, first);
  const auto constant_rows = [](const Rows<float, V>& rows) {
    Rows<const float, V> same;
    for (std::size_t v = 0; v < V; ++v) same.at[v] = rows.at[v];
    return same;
  };
  for (std::size_t t = 0; t < time_steps; ++t) {
    const std::size_t before = slot_before<kPass>(t) * hidden;
    const std::size_t after = slot_after<kPass>(t) * hidden;
    const ForwardStep<V> step = {x + t * inputs,
                                 constant_rows(states + before),
                                 constant_rows(cells + before),
                                 states + after,
                                 cells + after,
                                 gates + t * 4 * hidden,
                                 cell_tanhs + t * hidden};
    const float* weights = memory.gate_weights.data();
    std::size_t unit = 0;
    for (; unit + kTileUnits <= hidden; unit += kTileUnits) {
      forward_tile<kPass, kTileUnits>(group.sizes, weights, unit, step);
      weights += 4 * kTileUnits * (1 + inputs + hidden);
    }
    for (; unit < hidden; ++unit) {
      forward_tile<kPass, 1>(group.sizes, weights, unit, step);
      weights += 4 * (1 + inputs + hidden);
    }
  }
}

// Calls `body(V, first)` for all registers of a group, two at a time where there are two.
template <typename Body>
HWY_INLINE void for_registers(std::size_t registers, const Body& body) {
  std::size_t first = 0;
  for (; first + 2 <= registers; first += 2) body(Constant<2>{}, first);
  if (first < registers) body(Constant<1>{}, first);
}

// ---- Output layer and loss -----------------------------------------------------------------------

// logits = W_out h_T + b_out
template <std::size_t V>
void output_registers(const Group& group, std::size_t last_slot, std::size_t first) {
  const auto [time_steps, inputs, hidden, outputs] = group.sizes;
  LstmWorkspace& memory = group.memory;
  const float* states = memory.states.data() + last_slot * hidden * kLanes;
  const auto h = rows_of<V>(states, (time_steps + 1) * hidden, first);
  const auto logits = rows_of<V>(memory.logits.data(), outputs, first);
  const float* weights = memory.output_weights.data();
  for_tiles<kTileRows>(outputs, [&](auto tile, std::size_t first_row) {
    Vector sums[tile()][V];
    set_to(sums, weights);
    add_products(sums, weights + tile(), h, group.sizes.hidden);
    for (std::size_t r = 0; r < tile(); ++r)
      for (std::size_t v = 0; v < V; ++v) logits.store(sums[r][v], first_row + r, v);
    weights += tile() * (1 + group.sizes.hidden);
  });
}

// The sum over the lanes of the first `count` ones, in order.
double sum_of_first(Vector values, std::size_t count) {
  HWY_ALIGN float lanes[kRegisterLanes];
  hn::Store(values, kFloats, lanes);
  double sum = 0;
  for (std::size_t lane = 0; lane < std::min(count, kRegisterLanes); ++lane)
    sum += static_cast<double>(lanes[lane]);
  return sum;
}

// Softmax cross-entropy of one register of samples, `count` of which are real. With the largest
// logit z_m, s = sum over k != m of exp(z_k - z_m) and p_k = exp(z_k - z_m) / (1 + s):
//
//   loss = (z_m - z_label) + log1p(s),   dloss/dz_k = p_k - [k = label]
//
// exact where the answer is nearly certain too. Overwrites the logits by the derivatives of the
// mean over `batch_size` samples, 0 in lanes that are filled up.
template <Pass kPass>
SampleSums loss_register(const Group& group, std::size_t first, std::size_t count,
                         std::size_t batch_size) {
  const std::size_t outputs = group.sizes.outputs;
  const auto logits = rows_of<1>(group.memory.logits.data(), outputs, first);
  const hn::RebindToSigned<Floats> integers;
  HWY_ALIGN std::int32_t label_lanes[kRegisterLanes];
  for (std::size_t lane = 0; lane < kRegisterLanes; ++lane)
    label_lanes[lane] = group.labels[first * kRegisterLanes + lane];
  const auto label = hn::ConvertTo(kFloats, hn::Load(integers, label_lanes));
  Vector largest = logits.load(0, 0);
  Vector answer = hn::Zero(kFloats);
  Vector of_label = largest;
  for (std::size_t k = 1; k < outputs; ++k) {
    const Vector logit = logits.load(k, 0);
    const Vector number = constant(static_cast<float>(k));
    const auto is_larger = hn::Gt(logit, largest);
    largest = hn::IfThenElse(is_larger, logit, largest);
    answer = hn::IfThenElse(is_larger, number, answer);
    of_label = hn::IfThenElse(hn::Eq(label, number), logit, of_label);
  }
  // s, from 0, or from NaN where the largest is infinite: there is no softmax then.
  Vector others = hn::Sub(largest, largest);
  Vector others_than_label = hn::Zero(kFloats);
  for (std::size_t k = 0; k < outputs; ++k) {
    const Vector number = constant(static_cast<float>(k));
    const Vector power = exp_of_negative(hn::Sub(logits.load(k, 0), largest));
    others = hn::Add(others, hn::IfThenZeroElse(hn::Eq(answer, number), power));
    others_than_label =
        hn::Add(others_than_label, hn::IfThenZeroElse(hn::Eq(label, number), power));
    logits.store(power, k, 0);
  }
  // NaN where s is: the library's log1p need not say so.
  const auto is_number = hn::Eq(others, others);
  const Vector log = hn::IfThenElse(is_number, hn::Log1p(kFloats, others), others);
  const Vector loss = hn::Add(hn::Sub(largest, of_label), log);
  if constexpr (kPass == Pass::kWithBackward) {
    const auto is_sample =
        hn::FirstN(kFloats, std::min(count, kRegisterLanes));
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
  const auto is_right = hn::And(hn::Eq(answer, label), hn::Eq(loss, loss));
  const Vector right = hn::IfThenElseZero(is_right, constant(1.0F));
  SampleSums sums;
  sums.loss = sum_of_first(loss, count);
  sums.corrects = static_cast<std::int64_t>(sum_of_first(right, count));
  return sums;
}

// ---- Backward ------------------------------------------------------------------------------------

// Limits the derivatives of one register; returns how many that changed.
HWY_INLINE std::uint64_t limit_derivatives(Vector& derivative, float limit) {
  const auto is_over = hn::Gt(hn::Abs(derivative), constant(limit));
  derivative = clamped(derivative, -limit, limit);
  return hn::CountTrue(kFloats, is_over);
}

// dloss/dh_T = W_out' dloss/dlogits
template <std::size_t V>
void state_derivative_registers(const Group& group, std::size_t first) {
  LstmWorkspace& memory = group.memory;
  const float* derivatives = memory.logits.data();
  const auto logits = rows_of<V>(derivatives, group.sizes.outputs, first);
  const auto states = rows_of<V>(memory.state_derivatives.data(), group.sizes.hidden, first);
  const float* weights = memory.output_weights_transposed.data();
  for_tiles<kTileRows>(group.sizes.hidden, [&](auto tile, std::size_t first_unit) {
    Vector sums[tile()][V];
    set_to_zero(sums);
    add_products(sums, weights, logits, group.sizes.outputs);
    for (std::size_t r = 0; r < tile(); ++r)
      for (std::size_t v = 0; v < V; ++v) states.store(sums[r][v], first_unit + r, v);
    weights += tile() * group.sizes.outputs;
  });
}

// What one time step of the way back reads and writes.
template <std::size_t V>
struct BackwardStep {
  Rows<float, V> gates;            // [4H]: values, overwritten by the derivatives of their sums
  Rows<float, V> cell_before;      // [H]
  Rows<float, V> cell_tanh;        // [H]
  Rows<float, V> cell_derivative;  // [H], of this time step's; overwritten by that of the one before
};

// From dloss/dh_t of one unit to the derivatives of what its gates summed up.
template <bool kLimits, std::size_t V>
HWY_INLINE std::uint64_t backward_unit(std::size_t hidden, std::size_t unit, std::size_t v,
                                       Vector dh, float limit, const BackwardStep<V>& step) {
  const Vector one = constant(1.0F);
  const Vector i = step.gates.load(unit, v);
  const Vector f = step.gates.load(hidden + unit, v);
  const Vector g = step.gates.load(2 * hidden + unit, v);
  const Vector o = step.gates.load(3 * hidden + unit, v);
  const Vector cell_tanh = step.cell_tanh.load(unit, v);
  std::uint64_t limited = 0;
  if constexpr (kLimits) limited += limit_derivatives(dh, limit);
  const Vector dh_o = hn::Mul(dh, o);
  Vector dc = hn::MulAdd(dh_o, hn::NegMulAdd(cell_tanh, cell_tanh, one),
                         step.cell_derivative.load(unit, v));
  if constexpr (kLimits) limited += limit_derivatives(dc, limit);
  const Vector di = hn::Mul(hn::Mul(dc, g), hn::Mul(i, hn::Sub(one, i)));
  const Vector df =
      hn::Mul(hn::Mul(dc, step.cell_before.load(unit, v)), hn::Mul(f, hn::Sub(one, f)));
  const Vector dg = hn::Mul(hn::Mul(dc, i), hn::NegMulAdd(g, g, one));
  const Vector d_o = hn::Mul(hn::Mul(dh_o, cell_tanh), hn::Sub(one, o));
  step.gates.store(di, unit, v);
  step.gates.store(df, hidden + unit, v);
  step.gates.store(dg, 2 * hidden + unit, v);
  step.gates.store(d_o, 3 * hidden + unit, v);
  step.cell_derivative.store(hn::Mul(dc, f), unit, v);
  return limited;
}

// dh_t = W_hh' times the derivatives of the later time step's gates, or what the output layer says
// at the last one, for kUnits units; then on to their gates.
template <bool kLimits, std::size_t kUnits, std::size_t V>
HWY_INLINE std::uint64_t backward_tile(std::size_t hidden, std::size_t first_unit,
                                       const float* weights, const Rows<const float, V>* later,
                                       const Rows<const float, V>& last_state, float limit,
                                       const BackwardStep<V>& step) {
  Vector dh[kUnits][V];
  set_to_zero(dh);
  if (later) {
    add_products(dh, weights, *later, 4 * hidden);
  } else {
#pragma GCC unroll 8
    for (std::size_t u = 0; u < kUnits; ++u)
#pragma GCC unroll 2
      for (std::size_t v = 0; v < V; ++v) dh[u][v] = last_state.load(first_unit + u, v);
  }
  std::uint64_t limited = 0;
#pragma GCC unroll 8
  for (std::size_t u = 0; u < kUnits; ++u)
#pragma GCC unroll 2
    for (std::size_t v = 0; v < V; ++v)
      limited += backward_unit<kLimits>(hidden, first_unit + u, v, dh[u][v], limit, step);
  return limited;
}

// All time steps of V registers of samples, from the last to the first. Returns how many
// derivatives were limited.
template <bool kLimits, std::size_t V>
std::uint64_t backward_registers(const Group& group, std::size_t first, float limit) {
  const std::size_t time_steps = group.sizes.time_steps;
  const std::size_t hidden = group.sizes.hidden;
  LstmWorkspace& memory = group.memory;
  const float* derivatives = memory.gates.data();
  const float* state_derivatives = memory.state_derivatives.data();
  const auto gates = rows_of<V>(memory.gates.data(), time_steps * 4 * hidden, first);
  const auto gate_derivatives = rows_of<V>(derivatives, time_steps * 4 * hidden, first);
  const auto cells = rows_of<V>(memory.cells.data(), (time_steps + 1) * hidden, first);
  const auto cell_tanhs = rows_of<V>(memory.cell_tanhs.data(), time_steps * hidden, first);
  const auto cell_derivative = rows_of<V>(memory.cell_derivatives.data(), hidden, first);
  const auto last_state = rows_of<V>(state_derivatives, hidden, first);
  std::uint64_t limited = 0;
  for (std::size_t t = time_steps; t-- > 0;) {
    const BackwardStep<V> step = {gates + t * 4 * hidden, cells + t * hidden,
                                  cell_tanhs + t * hidden, cell_derivative};
    const auto later = gate_derivatives + (t + 1) * 4 * hidden;
    const auto* later_if_any = t + 1 < time_steps ? &later : nullptr;
    const float* weights = memory.recurrent_weights.data();
    for_tiles<kTileRows>(hidden, [&](auto tile, std::size_t unit) {
      limited += backward_tile<kLimits, tile()>(hidden, unit, weights, later_if_any, last_state,
                                                limit, step);
      weights += tile() * 4 * hidden;
    });
  }
  return limited;
}

// ---- Gradients of the weights --------------------------------------------------------------------

// Rows of samples over blocks and time steps: row k of block b at time t lies at
// `first + b * block + t * step + k * kLanes`.
struct Series {
  const float* first;
  std::size_t block;
  std::size_t step;
};

// The part of a group that one tile is summed over: blocks and time steps [begin, end).
struct Chunk {
  std::size_t blocks;
  std::size_t begin;
  std::size_t end;
};

#if HWY_TARGET == HWY_SCALAR

// sums[n] = the sum over the lanes of register n: there is one.
template <std::size_t kCount>
HWY_INLINE void store_lane_sums(const Vector (&registers)[kCount], float* sums) {
  for (std::size_t n = 0; n < kCount; ++n) sums[n] = hn::GetLane(registers[n]);
}

#else

// Halves a register, adding its halves, until four lanes are left.
template <typename Tag>
HWY_INLINE hn::Vec<hn::FixedTag<float, 4>> folded_to_four(Tag tag, hn::Vec<Tag> values) {
  if constexpr (hn::MaxLanes(tag) == 4) {
    return values;
  } else {
    const hn::Half<Tag> half;
    return folded_to_four(half,
                          hn::Add(hn::LowerHalf(half, values), hn::UpperHalf(half, values)));
  }
}

// The sums over the lanes of each of four registers.
HWY_INLINE hn::Vec<hn::FixedTag<float, 4>> lane_sums(Vector a, Vector b, Vector c, Vector d) {
  const hn::RepartitionToWide<Floats> wide;
  const auto in_pairs = [](Vector x, Vector y) {
    return hn::Add(hn::InterleaveLower(kFloats, x, y), hn::InterleaveUpper(kFloats, x, y));
  };
  const auto ab = hn::BitCast(wide, in_pairs(a, b));
  const auto cd = hn::BitCast(wide, in_pairs(c, d));
  return folded_to_four(kFloats,
                        hn::Add(hn::BitCast(kFloats, hn::InterleaveLower(wide, ab, cd)),
                                hn::BitCast(kFloats, hn::InterleaveUpper(wide, ab, cd))));
}

// sums[n] = the sum over the lanes of register n; room for three more.
template <std::size_t kCount>
HWY_INLINE void store_lane_sums(const Vector (&registers)[kCount], float* sums) {
  const hn::FixedTag<float, 4> four;
  const Vector zero = hn::Zero(kFloats);
#pragma GCC unroll 8
  for (std::size_t n = 0; n < kCount; n += 4)
    hn::StoreU(lane_sums(registers[n], n + 1 < kCount ? registers[n + 1] : zero,
                         n + 2 < kCount ? registers[n + 2] : zero,
                         n + 3 < kCount ? registers[n + 3] : zero),
               four, sums + n);
}

#endif

// gradient[r][c] += sum over samples and time steps of derivatives[r] * values[c]
template <std::size_t R, std::size_t C>
HWY_NOINLINE void add_outer_products(const Series& derivatives, const Series& values,
                                     const Chunk& chunk, float* gradient, std::size_t columns) {
  Vector sums[R * C];
#pragma GCC unroll 32
  for (std::size_t n = 0; n < R * C; ++n) sums[n] = hn::Zero(kFloats);
  for (std::size_t b = 0; b < chunk.blocks; ++b) {
    for (std::size_t part = 0; part < kBlockRegisters; ++part) {
      const std::size_t lane = part * kRegisterLanes;
      const float* HWY_RESTRICT d =
          derivatives.first + b * derivatives.block + chunk.begin * derivatives.step + lane;
      const float* HWY_RESTRICT x =
          values.first + b * values.block + chunk.begin * values.step + lane;
      for (std::size_t t = chunk.begin; t < chunk.end; ++t) {
        Vector value[C];
#pragma GCC unroll 8
        for (std::size_t c = 0; c < C; ++c) value[c] = hn::Load(kFloats, x + c * kLanes);
#pragma GCC unroll 8
        for (std::size_t r = 0; r < R; ++r) {
          const Vector derivative = hn::Load(kFloats, d + r * kLanes);
#pragma GCC unroll 8
          for (std::size_t c = 0; c < C; ++c)
            sums[r * C + c] = hn::MulAdd(derivative, value[c], sums[r * C + c]);
        }
        d += derivatives.step;
        x += values.step;
      }
    }
  }
  float lane_sums_of[R * C + 3];
  store_lane_sums(sums, lane_sums_of);
  for (std::size_t r = 0; r < R; ++r)
    for (std::size_t c = 0; c < C; ++c) gradient[r * columns + c] += lane_sums_of[r * C + c];
}

// gradient[r] += sum over samples and time steps of derivatives[r]
template <std::size_t R>
void add_sums(const Series& derivatives, const Chunk& chunk, float* gradient) {
  Vector sums[R];
  for (std::size_t r = 0; r < R; ++r) sums[r] = hn::Zero(kFloats);
  for (std::size_t b = 0; b < chunk.blocks; ++b) {
    for (std::size_t t = chunk.begin; t < chunk.end; ++t) {
      const float* d = derivatives.first + b * derivatives.block + t * derivatives.step;
#pragma GCC unroll 8
      for (std::size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (std::size_t part = 0; part < kBlockRegisters; ++part)
          sums[r] = hn::Add(sums[r], hn::Load(kFloats, d + r * kLanes + part * kRegisterLanes));
    }
  }
  float lane_sums_of[R + 3];
  store_lane_sums(sums, lane_sums_of);
  for (std::size_t r = 0; r < R; ++r) gradient[r] += lane_sums_of[r];
}

// gradient [rows, columns] += derivatives [rows] times values [columns], summed over the chunk.
void add_weight_gradient(const Series& derivatives, std::size_t rows, const Series& values,
                         std::size_t columns, const Chunk& chunk, float* gradient) {
  for (std::size_t panel = 0; panel < columns; panel += kPanelColumns) {
    const std::size_t width = std::min(kPanelColumns, columns - panel);
    for_tiles<kTileRows>(rows, [&](auto row_tile, std::size_t row) {
      const Series d = {derivatives.first + row * kLanes, derivatives.block, derivatives.step};
      for_tiles<kTileColumns>(width, [&](auto column_tile, std::size_t column) {
        const std::size_t c = panel + column;
        const Series x = {values.first + c * kLanes, values.block, values.step};
        add_outer_products<row_tile(), column_tile()>(d, x, chunk, gradient + row * columns + c,
                                                      columns);
      });
    });
  }
}

void add_bias_gradient(const Series& derivatives, std::size_t rows, const Chunk& chunk,
                       float* gradient) {
  for_tiles<kTileRows>(rows, [&](auto tile, std::size_t row) {
    add_sums<tile()>({derivatives.first + row * kLanes, derivatives.block, derivatives.step}, chunk,
                     gradient + row);
  });
}

// Adds what one group contributes to the gradient.
void add_gradients(const Group& group, const Parameters<float>& gradient) {
  const auto [time_steps, inputs, hidden, outputs] = group.sizes;
  const LstmWorkspace& memory = group.memory;
  const std::size_t states = (time_steps + 1) * hidden;
  const Series logits = {memory.logits.data(), outputs * kLanes, 0};
  const Series last_states = {memory.states.data() + time_steps * hidden * kLanes, states * kLanes,
                              0};
  const Chunk last = {group.blocks, 0, 1};
  add_weight_gradient(logits, outputs, last_states, hidden, last, gradient.output_weight);
  add_bias_gradient(logits, outputs, last, gradient.output_bias);
  const Series gates = {memory.gates.data(), time_steps * 4 * hidden * kLanes, 4 * hidden * kLanes};
  const Series x = {group.inputs, time_steps * inputs * kLanes, inputs * kLanes};
  // The state before time step t is number t of T + 1.
  const Series h = {memory.states.data(), states * kLanes, hidden * kLanes};
  const std::size_t longest = std::max<std::size_t>(1, kChunkSteps / group.blocks);
  const std::size_t chunks = (time_steps + longest - 1) / longest;
  for (std::size_t i = 0; i < chunks; ++i) {
    const Chunk chunk = {group.blocks, i * time_steps / chunks, (i + 1) * time_steps / chunks};
    add_bias_gradient(gates, 4 * hidden, chunk, gradient.bias);
    add_weight_gradient(gates, 4 * hidden, x, inputs, chunk, gradient.weight_ih);
    add_weight_gradient(gates, 4 * hidden, h, hidden, chunk, gradient.weight_hh);
  }
}

// ---- A whole batch -------------------------------------------------------------------------------

Group group_of(const LstmSizes& sizes, LstmWorkspace& memory, const Batch& batch,
               std::size_t source, std::size_t first_block) {
  const std::size_t blocks = batch.blocks();
  const std::size_t block_size = sizes.time_steps * sizes.inputs * kLanes;
  return {sizes,
          memory,
          batch.values.data() + (source * blocks + first_block) * block_size,
          batch.labels.data() + (source * blocks + first_block) * kLanes,
          std::min(kGroupBlocks, blocks - first_block),
          static_cast<std::size_t>(batch.size) - first_block * kLanes};
}

template <Pass kPass>
void forward(const Group& group, std::size_t batch_size, SampleSums& sums) {
  const std::size_t last_slot = slot_before<kPass>(group.sizes.time_steps);
  for_registers(group.registers(), [&](auto registers, std::size_t first) {
    forward_registers<kPass, registers()>(group, first);
    output_registers<registers()>(group, last_slot, first);
  });
  for (std::size_t i = 0; i < group.registers(); ++i) {
    const std::size_t lanes_before = i * kRegisterLanes;
    const std::size_t count = group.samples > lanes_before ? group.samples - lanes_before : 0;
    const SampleSums one = loss_register<kPass>(group, i, count, batch_size);
    sums.loss += one.loss;
    sums.corrects += one.corrects;
  }
}

template <bool kLimits>
void backward(const Group& group, float limit, SampleSums& sums) {
  auto& cell_derivatives = group.memory.cell_derivatives;
  std::fill(cell_derivatives.begin(), cell_derivatives.end(), 0.0F);
  for_registers(group.registers(), [&](auto registers, std::size_t first) {
    state_derivative_registers<registers()>(group, first);
    sums.clipped_derivatives += backward_registers<kLimits, registers()>(group, first, limit);
  });
}

}  // namespace

SampleSums run_gradients(const LstmSizes& sizes, const float* weights, const Batch& batch,
                         std::size_t source, float backprop_limit, LstmWorkspace& memory,
                         float* gradient) {
  const Parameters<const float> from(weights, sizes);
  const Parameters<float> to(gradient, sizes);
  pack_gate_weights(sizes, from, memory.gate_weights.data());
  pack_output_weights(sizes, from, memory.output_weights.data());
  pack_transposed(from.weight_hh, 4 * sizes.hidden, sizes.hidden, memory.recurrent_weights.data());
  pack_transposed(from.output_weight, sizes.outputs, sizes.hidden,
                  memory.output_weights_transposed.data());
  std::fill(gradient, to.output_bias + sizes.outputs, 0.0F);
  SampleSums sums;
  for (std::size_t first = 0; first < batch.blocks(); first += kGroupBlocks) {
    const Group group = group_of(sizes, memory, batch, source, first);
    forward<Pass::kWithBackward>(group, static_cast<std::size_t>(batch.size), sums);
    if (std::isinf(backprop_limit))
      backward<false>(group, backprop_limit, sums);
    else
      backward<true>(group, backprop_limit, sums);
    add_gradients(group, to);
  }
  return sums;
}

SampleSums run_losses(const LstmSizes& sizes, const float* weights, const Batch& batch,
                      std::size_t source, LstmWorkspace& memory) {
  const Parameters<const float> from(weights, sizes);
  pack_gate_weights(sizes, from, memory.gate_weights.data());
  pack_output_weights(sizes, from, memory.output_weights.data());
  SampleSums sums;
  for (std::size_t first = 0; first < batch.blocks(); first += kGroupBlocks)
    forward<Pass::kForwardOnly>(group_of(sizes, memory, batch, source, first), 0, sums);
  return sums;
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace clipsweep {

HWY_EXPORT(run_gradients);
HWY_EXPORT(run_losses);

LstmWorkspace::LstmWorkspace(const LstmSizes& sizes)
    : gate_weights(4 * sizes.hidden * (1 + sizes.inputs + sizes.hidden)),
      recurrent_weights(4 * sizes.hidden * sizes.hidden),
      output_weights(sizes.outputs * (1 + sizes.hidden)),
      output_weights_transposed(sizes.outputs * sizes.hidden),
      gates(kGroupBlocks * sizes.time_steps * 4 * sizes.hidden * kLanes),
      cells(kGroupBlocks * (sizes.time_steps + 1) * sizes.hidden * kLanes),
      cell_tanhs(kGroupBlocks * sizes.time_steps * sizes.hidden * kLanes),
      states(kGroupBlocks * (sizes.time_steps + 1) * sizes.hidden * kLanes),
      cell_derivatives(kGroupBlocks * sizes.hidden * kLanes),
      state_derivatives(kGroupBlocks * sizes.hidden * kLanes),
      logits(kGroupBlocks * sizes.outputs * kLanes) {}

SampleSums lstm_gradients(const LstmSizes& sizes, const float* weights, const Batch& batch,
                          std::size_t source, float backprop_limit, LstmWorkspace& workspace,
                          float* gradient) {
  return HWY_DYNAMIC_DISPATCH(run_gradients)(sizes, weights, batch, source, backprop_limit,
                                             workspace, gradient);
}

SampleSums lstm_losses(const LstmSizes& sizes, const float* weights, const Batch& batch,
                       std::size_t source, LstmWorkspace& workspace) {
  return HWY_DYNAMIC_DISPATCH(run_losses)(sizes, weights, batch, source, workspace);
}

}  // namespace clipsweep
#endif
