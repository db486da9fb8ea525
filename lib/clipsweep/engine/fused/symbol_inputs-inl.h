// One-hot inputs as symbols: W_ih x_t is a column of W_ih, and its gradient is a sum of derivatives
// for each symbol. Nothing is multiplied by zeros.
//
// The results are the same to the last bit as with zeros and ones, because 0 w + s = s and the
// order of the other terms stays. This holds for finite numbers only: 0 times Inf is NaN. Where a
// weight or a derivative is not finite, the callers multiply by zeros and ones.
#if defined(CLIPSWEEP_SYMBOL_INPUTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_SYMBOL_INPUTS_INL_H
#undef CLIPSWEEP_SYMBOL_INPUTS_INL_H
#else
#define CLIPSWEEP_SYMBOL_INPUTS_INL_H
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "clipsweep/engine/fused/layers-inl.h"
#include "clipsweep/engine/fused/weight_gradients-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

// The symbols of a group: [blocks, T, kLanes].
struct SymbolSeries {
  const std::int32_t* first;
  std::size_t time_steps;

  // Those of a register at time t.
  template <class V>
  const std::int32_t* at(std::size_t index, std::size_t t) const {
    return register_at<V>(first, time_steps, index) + t * kLanes;
  }
};

// ---- Columns of numbers, and rows of lanes -----------------------------------------------------

#if HWY_TARGET == HWY_SCALAR

constexpr std::size_t kQuad = 1;

template <std::size_t R>
HWY_INLINE void store_columns(const float* const (&columns)[kQuad], float* rows) {
  for (std::size_t r = 0; r < R; ++r) rows[r * kLanes] = columns[0][r];
}

class LaneAdder {
 public:
  template <std::size_t R>
  HWY_INLINE void add(const float* rows, float* const (&sums)[kQuad]) {
    for (std::size_t r = 0; r < R; ++r) {
      check_ += 0 * rows[r * kLanes];
      sums[0][r] += rows[r * kLanes];
    }
  }
  bool all_finite() const { return check_ == 0; }

 private:
  float check_ = 0;
};

#else

// Lanes that are processed at once: registers of four floats, whatever the instruction set has. A
// transposition of larger ones takes more steps.
constexpr std::size_t kQuad = 4;

using Quad = hn::Vec<FourFloats>;

HWY_INLINE void transpose(Quad (&rows)[kQuad]) {
  const FourFloats floats;
  const hn::RepartitionToWide<FourFloats> wide;
  const auto pair_up = [&](Quad a, Quad b, Quad& lower, Quad& upper) {
    const auto wide_a = hn::BitCast(wide, a), wide_b = hn::BitCast(wide, b);
    lower = hn::BitCast(floats, hn::InterleaveLower(wide, wide_a, wide_b));
    upper = hn::BitCast(floats, hn::InterleaveUpper(wide, wide_a, wide_b));
  };
  const Quad lower_01 = hn::InterleaveLower(floats, rows[0], rows[1]);
  const Quad upper_01 = hn::InterleaveUpper(floats, rows[0], rows[1]);
  const Quad lower_23 = hn::InterleaveLower(floats, rows[2], rows[3]);
  const Quad upper_23 = hn::InterleaveUpper(floats, rows[2], rows[3]);
  pair_up(lower_01, lower_23, rows[0], rows[1]);
  pair_up(upper_01, upper_23, rows[2], rows[3]);
}

// Writes R numbers of each column to R rows: row r has columns[j][r] in lane j. Each column is read
// as if it had four.
template <std::size_t R>
HWY_INLINE void store_columns(const float* const (&columns)[kQuad], float* rows) {
  const FourFloats floats;
  Quad values[kQuad];
  for (std::size_t j = 0; j < kQuad; ++j) values[j] = hn::LoadU(floats, columns[j]);
  transpose(values);
  for (std::size_t r = 0; r < R; ++r) hn::Store(values[r], floats, rows + r * kLanes);
}

// Adds R rows to columns: sums[j][r] += the number of row r in lane j. Each column is read and
// written as if it had four. Notes whether all numbers were finite.
class LaneAdder {
 public:
  HWY_INLINE LaneAdder() {
    for (Quad& check : checks_) check = hn::Zero(FourFloats());
  }

  template <std::size_t R>
  HWY_INLINE void add(const float* rows, float* const (&sums)[kQuad]) {
    const FourFloats floats;
    const Quad zero = hn::Zero(floats);
    Quad values[kQuad];
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kQuad; ++r) {
      values[r] = r < R ? hn::Load(floats, rows + r * kLanes) : zero;
      checks_[r] = hn::MulAdd(zero, values[r], checks_[r]);
    }
    transpose(values);
#pragma GCC unroll 4
    for (std::size_t j = 0; j < kQuad; ++j)
      hn::StoreU(hn::Add(hn::LoadU(floats, sums[j]), values[j]), floats, sums[j]);
  }
  HWY_INLINE bool all_finite() const {
    const FourFloats floats;
    const Quad checks = hn::Add(hn::Add(checks_[0], checks_[1]), hn::Add(checks_[2], checks_[3]));
    return hn::AllTrue(floats, hn::Eq(checks, hn::Zero(floats)));
  }

 private:
  Quad checks_[kQuad];  // 0, or NaN
};

#endif

// ---- Forward -----------------------------------------------------------------------------------

// Copies the columns of W_ih with their biases added: to [I, GH].
inline void pack_symbol_weights(const KernelSizes& sizes, Span<const GateSums> sums,
                                const LayerParameters<const float>& from, float* to) {
  constexpr std::size_t kRowsAtOnce = 16;
  const std::size_t all_rows = sizes.gates * sizes.hidden;
  for (const GateSums& some : sums) {
    if (some.input_gate == kNoGate) continue;
    const std::size_t begin = some.input_gate * sizes.hidden;
    const std::size_t end = begin + some.count * sizes.hidden;
    for (std::size_t row = begin; row < end; row += kRowsAtOnce) {
      const std::size_t count = std::min(kRowsAtOnce, end - row);
      float biases[kRowsAtOnce];
      for (std::size_t r = 0; r < count; ++r) {
        biases[r] = 0.0F + from.bias[row + r];
        if (some.recurrent_gate != kNoGate && from.recurrent_bias)
          biases[r] += from.recurrent_bias[row - begin + some.recurrent_gate * sizes.hidden + r];
      }
      for (std::size_t k = 0; k < sizes.inputs; ++k)
        for (std::size_t r = 0; r < count; ++r)
          to[k * all_rows + row + r] = biases[r] + from.weight_ih[(row + r) * sizes.inputs + k];
    }
  }
}

// Sets the sums of a time step that have products of inputs to the columns of the symbols.
// weights [I, GH] as in pack_symbol_weights; `first`: the strip's first register.
template <class CellKind, class S>
HWY_NOINLINE void set_to_columns(const float* weights, const SymbolSeries& symbols,
                                 std::size_t first, std::size_t t, const Step<S>& step) {
  const std::size_t all_rows = CellKind::kGates * step.hidden;
  for (std::size_t v = 0; v < S::kCount; ++v) {
    const std::int32_t* const lane_symbols = symbols.at<typename S::V>(first + v, t);
    for (std::size_t lane = 0; lane < S::kLanesEach; lane += kQuad) {
      for (const GateSums& some : CellKind::kSums) {
        if (some.input_gate == kNoGate) continue;
        float* const to = step.sum(some.sum).at[v] + lane;
        for_tiles<4>(some.count * step.hidden, [&](auto tile, std::size_t row) {
          const float* columns[kQuad];
          for (std::size_t j = 0; j < kQuad; ++j)
            columns[j] = weights + static_cast<std::size_t>(lane_symbols[lane + j]) * all_rows +
                         some.input_gate * step.hidden + row;
          store_columns<tile()>(columns, to + row * kLanes);
        });
      }
    }
  }
}

// ---- Gradients ---------------------------------------------------------------------------------

// Lists the symbols of a chunk, each once.
template <class V>
void list_symbols(const SymbolSeries& symbols, const Chunk& chunk, std::size_t inputs,
                  SymbolSums& sums) {
  sums.occurs.assign(inputs, false);
  sums.present.clear();
  for (std::size_t i = 0; i < chunk.width.registers; ++i)
    for (std::size_t t = chunk.begin; t < chunk.end; ++t)
      for (std::size_t lane = 0; lane < hn::MaxLanes(hn::DFromV<V>()); ++lane) {
        const auto symbol = static_cast<std::size_t>(symbols.at<V>(i, t)[lane]);
        if (sums.occurs[symbol]) continue;
        sums.occurs[symbol] = true;
        sums.present.push_back(symbol);
      }
}

// totals[r] = the sum over lanes of sums [lanes, kSymbolRows], in the order of store_lane_sums, for
// each of kQuad rows.
template <std::size_t kLaneCount>
HWY_INLINE void sum_lanes(const float* sums, float* totals) {
#if HWY_TARGET == HWY_SCALAR
  totals[0] = sums[0];
#else
  const FourFloats floats;
  const auto at = [&](std::size_t lane) { return hn::Load(floats, sums + lane * kSymbolRows); };
  Quad fours[kLaneCount / 4];
#pragma GCC unroll 4
  for (std::size_t n = 0; n < kLaneCount / 4; ++n)
    fours[n] = hn::Add(hn::Add(at(4 * n), at(4 * n + 2)), hn::Add(at(4 * n + 1), at(4 * n + 3)));
  for (std::size_t half = kLaneCount / 8; half > 0; half /= 2)
    for (std::size_t n = 0; n < half; ++n) fours[n] = hn::Add(fours[n], fours[n + half]);
  hn::Store(fours[0], floats, totals);
#endif
}

// gradient [rows, I] += derivatives [rows] times one-hot values, summed over the chunk in the order
// of add_row_gradients; rows <= kSymbolRows. Returns false, without an effect, if a derivative is
// not finite. `sums` has the list of symbols.
template <class V>
bool add_symbol_rows(const Series& derivatives, std::size_t rows, const SymbolSeries& symbols,
                     std::size_t inputs, const Chunk& chunk, SymbolSums& sums, float* gradient) {
  constexpr std::size_t kLaneCount = hn::MaxLanes(hn::DFromV<V>());
  constexpr std::size_t kSymbolSize = kLaneCount * kSymbolRows;
  float* const all = sums.sums.data();
  for (const std::size_t symbol : sums.present)
    std::fill_n(all + symbol * kSymbolSize, kSymbolSize, 0.0F);
  LaneAdder adder;
  for (std::size_t i = 0; i < chunk.width.registers; ++i) {
    for (std::size_t t = chunk.begin; t < chunk.end; ++t) {
      const std::int32_t* const lane_symbols = symbols.at<V>(i, t);
      const float* const d = derivatives.at<V>(i, t);
      for (std::size_t lane = 0; lane < kLaneCount; lane += kQuad) {
        float* to[kQuad];
        for (std::size_t j = 0; j < kQuad; ++j)
          to[j] = all + static_cast<std::size_t>(lane_symbols[lane + j]) * kSymbolSize +
                  (lane + j) * kSymbolRows;
        for_tiles<4>(rows, [&](auto tile, std::size_t row) {
          float* tile_to[kQuad];
          for (std::size_t j = 0; j < kQuad; ++j) tile_to[j] = to[j] + row;
          adder.add<tile()>(d + row * kLanes + lane, tile_to);
        });
      }
    }
  }
  if (!adder.all_finite()) return false;
  HWY_ALIGN float totals[kSymbolRows];
  for (const std::size_t symbol : sums.present) {
    for (std::size_t r = 0; r < rows; r += kQuad)
      sum_lanes<kLaneCount>(all + symbol * kSymbolSize + r, totals + r);
    for (std::size_t r = 0; r < rows; ++r) gradient[r * inputs + symbol] += totals[r];
  }
  return true;
}

// gradient [rows, I] += derivatives [rows] times one-hot values, summed over the chunk.
// dense_inputs(): the values as a series, for rows with a derivative that is not finite.
template <class V, typename DenseInputs>
void add_symbol_gradient(const Series& derivatives, std::size_t rows, const SymbolSeries& symbols,
                         std::size_t inputs, const Chunk& chunk, KernelMemory& memory,
                         float* gradient, const DenseInputs& dense_inputs) {
  list_symbols<V>(symbols, chunk, inputs, memory.symbol_sums);
  for (std::size_t row = 0; row < rows; row += kSymbolRows) {
    const std::size_t count = std::min(kSymbolRows, rows - row);
    float* const to = gradient + row * inputs;
    if (!add_symbol_rows<V>(derivatives.from(row), count, symbols, inputs, chunk,
                            memory.symbol_sums, to)) {
      RowGradients gradients;
      gradients.add({dense_inputs(), inputs, to});
      add_row_gradients<V>(derivatives.from(row), count, gradients, chunk, memory.packed);
    }
  }
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
