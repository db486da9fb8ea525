// Gradients of weights: sums, over samples and time steps, of products of derivatives and values. A
// tile of sums is kept in registers.
#if defined(CLIPSWEEP_WEIGHT_GRADIENTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_WEIGHT_GRADIENTS_INL_H
#undef CLIPSWEEP_WEIGHT_GRADIENTS_INL_H
#else
#define CLIPSWEEP_WEIGHT_GRADIENTS_INL_H
#endif

#include <algorithm>
#include <cstddef>

#include "clipsweep/engine/fused/recurrent_kernels.h"
#include "clipsweep/engine/fused/simd_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

// The part of a group that one tile is summed over: registers of samples, and time steps [begin,
// end).
struct Chunk {
  Width width;
  std::size_t begin;
  std::size_t end;
};

// A copy of kRows consecutive rows of a series, in the order in which they are read: [registers, T,
// rows].
template <class V, std::size_t kRows>
struct Packed {
  static constexpr std::size_t kRow = hn::MaxLanes(hn::DFromV<V>());

  const float* first;
  std::size_t time_steps;
  static constexpr std::size_t step = kRows * kRow;

  template <class>
  const float* at(std::size_t index, std::size_t t) const {
    return first + (index * time_steps + t) * step;
  }
};

template <class V, std::size_t kRows>
Packed<V, kRows> pack(const Series& series, const Chunk& chunk, float* to) {
  const hn::DFromV<V> tag;
  const Packed<V, kRows> packed = {to, chunk.end - chunk.begin};
  for (std::size_t i = 0; i < chunk.width.registers; ++i) {
    const float* from = series.at<V>(i, chunk.begin);
    for (std::size_t t = chunk.begin; t < chunk.end; ++t, from += series.step) {
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kRows; ++r, to += packed.kRow)
        hn::Store(hn::Load(tag, from + r * kLanes), tag, to);
    }
  }
  return packed;
}

#if HWY_TARGET == HWY_SCALAR

// sums[n] = the sum over the lanes of register n, which has one lane.
template <class V, std::size_t kCount>
HWY_INLINE void store_lane_sums(const V (&registers)[kCount], float* sums) {
  for (std::size_t n = 0; n < kCount; ++n) sums[n] = hn::GetLane(registers[n]);
}

#else

using FourFloats = hn::FixedTag<float, 4>;

// Adds the halves of a register until four lanes are left.
template <typename Tag>
HWY_INLINE hn::Vec<FourFloats> folded_to_four(Tag tag, hn::Vec<Tag> values) {
  if constexpr (hn::MaxLanes(tag) == 4) {
    return values;
  } else {
    const hn::Half<Tag> half;
    return folded_to_four(half, hn::Add(hn::LowerHalf(half, values), hn::UpperHalf(half, values)));
  }
}

// The sums over the lanes of each of four registers.
template <class V>
HWY_INLINE hn::Vec<FourFloats> lane_sums(V a, V b, V c, V d) {
  const hn::DFromV<V> floats;
  const hn::RepartitionToWide<hn::DFromV<V> > wide;
  const auto in_pairs = [floats](V x, V y) {
    return hn::Add(hn::InterleaveLower(floats, x, y), hn::InterleaveUpper(floats, x, y));
  };
  const auto ab = hn::BitCast(wide, in_pairs(a, b));
  const auto cd = hn::BitCast(wide, in_pairs(c, d));
  return folded_to_four(floats, hn::Add(hn::BitCast(floats, hn::InterleaveLower(wide, ab, cd)),
                                        hn::BitCast(floats, hn::InterleaveUpper(wide, ab, cd))));
}

// sums[n] = the sum over the lanes of register n; `sums` has room for three more.
template <class V, std::size_t kCount>
HWY_INLINE void store_lane_sums(const V (&registers)[kCount], float* sums) {
  const FourFloats four;
  const V zero = hn::Zero(hn::DFromV<V>());
#pragma GCC unroll 8
  for (std::size_t n = 0; n < kCount; n += 4)
    hn::StoreU(lane_sums(registers[n], n + 1 < kCount ? registers[n + 1] : zero,
                         n + 2 < kCount ? registers[n + 2] : zero,
                         n + 3 < kCount ? registers[n + 3] : zero),
               four, sums + n);
}

#endif

// Keeps GCC from reading a value from memory again for each of its uses.
template <class V>
HWY_INLINE void keep_in_register([[maybe_unused]] V& value) {
#if HWY_ARCH_X86 && HWY_COMPILER_GCC && !HWY_COMPILER_CLANG && HWY_TARGET != HWY_SCALAR
  asm("" : "+x"(value.raw));
#endif
}

// gradient[r][c] += sum over samples and time steps of derivatives[r] * values[c]
template <class V, std::size_t R, std::size_t C, class Derivatives, class Values>
HWY_NOINLINE void add_outer_products(const Derivatives& derivatives, const Values& values,
                                     const Chunk& chunk, float* gradient, std::size_t columns) {
  const hn::DFromV<V> tag;
  V sums[R * C];
#pragma GCC unroll 32
  for (std::size_t n = 0; n < R * C; ++n) sums[n] = hn::Zero(tag);
  for (std::size_t i = 0; i < chunk.width.registers; ++i) {
    const float* HWY_RESTRICT d = derivatives.template at<V>(i, chunk.begin);
    const float* HWY_RESTRICT x = values.template at<V>(i, chunk.begin);
    for (std::size_t t = chunk.begin; t < chunk.end; ++t) {
      V value[C];
#pragma GCC unroll 8
      for (std::size_t c = 0; c < C; ++c) value[c] = hn::Load(tag, x + c * Values::kRow);
#pragma GCC unroll 8
      for (std::size_t r = 0; r < R; ++r) {
        V derivative = hn::Load(tag, d + r * Derivatives::kRow);
        keep_in_register(derivative);
#pragma GCC unroll 8
        for (std::size_t c = 0; c < C; ++c)
          sums[r * C + c] = hn::MulAdd(derivative, value[c], sums[r * C + c]);
      }
      d += derivatives.step;
      x += values.step;
    }
  }
  float totals[R * C + 3];
  store_lane_sums(sums, totals);
  for (std::size_t r = 0; r < R; ++r)
    for (std::size_t c = 0; c < C; ++c) gradient[r * columns + c] += totals[r * C + c];
}

// What the derivatives of some rows are multiplied by, and the gradient that the products are added
// to: [rows, columns].
struct Factors {
  Series values;
  std::size_t columns;
  float* gradient;
  InputsKey inputs_key{};  // if they are the inputs of the batch
};

// The gradients that the derivatives of some rows add to.
struct RowGradients {
  static constexpr std::size_t kMaxFactors = 2;  // the inputs and the states before

  // Those of biases [rows], or nullptr.
  float* bias = nullptr;
  float* recurrent_bias = nullptr;
  Factors factors[kMaxFactors];
  std::size_t factor_count = 0;

  void add(const Factors& some) { factors[factor_count++] = some; }
  bool has_bias() const { return bias || recurrent_bias; }
  std::size_t columns() const {
    std::size_t sum = 0;
    for (std::size_t f = 0; f < factor_count; ++f) sum += factors[f].columns;
    return sum;
  }
};

// Sums of R rows of derivatives over samples and time steps.
template <class V, std::size_t R>
class RowSums {
 public:
  RowSums() {
    for (V& sum : sums_) sum = hn::Zero(hn::DFromV<V>());
  }

  // Goes through the rows block by block, and in a block through one time step after the other.
  // Calls copy(derivative, r, index of the register, t).
  template <typename Copy>
  HWY_INLINE void add(const Series& derivatives, const Chunk& chunk, const Copy& copy) {
    constexpr std::size_t kPerBlock = kLanes / hn::MaxLanes(hn::DFromV<V>());
    for (std::size_t block = 0; block < chunk.width.registers; block += kPerBlock) {
      const std::size_t count = std::min(kPerBlock, chunk.width.registers - block);
      for (std::size_t t = chunk.begin; t < chunk.end; ++t) {
        for (std::size_t i = 0; i < count; ++i) {
          const float* d = derivatives.at<V>(block + i, t);
#pragma GCC unroll 8
          for (std::size_t r = 0; r < R; ++r) {
            const V derivative = hn::Load(hn::DFromV<V>(), d + r * kLanes);
            sums_[r] = hn::Add(sums_[r], derivative);
            copy(derivative, r, block + i, t);
          }
        }
      }
    }
  }

  // bias[first + r] += the sum of row r, for each gradient of a bias.
  void add_to(const RowGradients& gradients, std::size_t first) const {
    float totals[R + 3];
    store_lane_sums(sums_, totals);
    for (float* const bias : {gradients.bias, gradients.recurrent_bias})
      for (std::size_t r = 0; bias && r < R; ++r) bias[first + r] += totals[r];
  }

 private:
  V sums_[R];
};

// Copies the derivatives of rows [row, row + R), and adds their sums to the gradients of biases.
template <class V, std::size_t R>
Packed<V, R> pack_and_sum_up(const Series& derivatives, const Chunk& chunk, float* copy,
                             const RowGradients& to, std::size_t row) {
  const Packed<V, R> packed = {copy, chunk.end - chunk.begin};
  RowSums<V, R> sums;
  sums.add(derivatives, chunk, [&](V derivative, std::size_t r, std::size_t i, std::size_t t) {
    const std::size_t place = (i * packed.time_steps + t - chunk.begin) * packed.step;
    hn::Store(derivative, hn::DFromV<V>(), copy + place + r * packed.kRow);
  });
  sums.add_to(to, row);
  return packed;
}

// Columns [begin, begin + width) of factors.
struct Columns {
  const Factors* of;
  std::size_t begin;
  std::size_t width;

  // Calls `body(tile, column)` with tiles of columns.
  template <typename Body>
  HWY_INLINE void for_column_tiles(const Body& body) const {
    for_tiles<kTileColumns>(width, [&](auto tile, std::size_t c) { body(tile, begin + c); });
  }
  float* gradient(std::size_t row, std::size_t column) const {
    return of->gradient + row * of->columns + column;
  }
};

// At most kPanelColumns columns.
struct Panel {
  Columns parts[RowGradients::kMaxFactors];
  std::size_t size = 0;
  std::size_t columns = 0;

  void add(const Columns& some) {
    parts[size++] = some;
    columns += some.width;
  }
  const Columns* begin() const { return parts; }
  const Columns* end() const { return parts + size; }
};

// Calls `body(panel)` for panels that cover all columns, of which there is at least one; the rows
// of one chunk of a panel fit into the L2 cache.
template <typename Body>
HWY_INLINE void for_panels(const RowGradients& gradients, const Body& body) {
  Panel panel;
  for (std::size_t f = 0; f < gradients.factor_count; ++f) {
    const Factors& factors = gradients.factors[f];
    for (std::size_t begin = 0; begin < factors.columns; begin += kPanelColumns) {
      const std::size_t width = std::min(kPanelColumns, factors.columns - begin);
      if (panel.columns + width > kPanelColumns) {
        body(panel);
        panel = {};
      }
      panel.add({&factors, begin, width});
    }
  }
  body(panel);
}

template <class V>
void add_unpacked(const Series& derivatives, std::size_t rows, const RowGradients& to,
                  const Chunk& chunk) {
  if (to.has_bias()) {
    for_tiles<kTileRows>(rows, [&](auto tile, std::size_t row) {
      RowSums<V, tile()> sums;
      sums.add(derivatives.from(row), chunk, [](auto...) {});
      sums.add_to(to, row);
    });
  }
  for_panels(to, [&](const Panel& panel) {
    for_tiles<kTileRows>(rows, [&](auto tile, std::size_t row) {
      for (const Columns& part : panel)
        part.for_column_tiles([&](auto column_tile, std::size_t c) {
          add_outer_products<V, tile(), column_tile()>(derivatives.from(row),
                                                       part.of->values.from(c), chunk,
                                                       part.gradient(row, c), part.of->columns);
        });
    });
  });
}

// Copies the columns, [registers, T, columns of the tile] for each tile.
template <class V>
void pack_columns(const Columns& part, const Chunk& chunk, float* to) {
  part.for_column_tiles([&](auto tile, std::size_t c) {
    const auto packed = pack<V, tile()>(part.of->values.from(c), chunk, to);
    to += chunk.width.registers * packed.time_steps * packed.step;
  });
}

// The same for inputs. Returns the copy of the run before if it is of the same inputs.
template <class V>
const float* pack_inputs(const Columns& part, const Chunk& chunk, PackedRows& packed) {
  InputsKey key = part.of->inputs_key;
  key.first_step = chunk.begin;
  key.first_column = part.begin;
  if (!(key == packed.inputs_key)) {
    pack_columns<V>(part, chunk, packed.inputs.data());
    packed.inputs_key = key;
  }
  return packed.inputs.data();
}

template <class V>
void add_packed(const Series& derivatives, std::size_t rows, const RowGradients& to,
                const Chunk& chunk, PackedRows& packed) {
  const std::size_t time_steps = chunk.end - chunk.begin;
  const Chunk whole = {chunk.width, 0, time_steps};
  const std::size_t row_size = chunk.width.registers * time_steps * hn::MaxLanes(hn::DFromV<V>());
  float* const packed_d = packed.derivatives.data();
  bool needs_sums = to.has_bias();
  for_panels(to, [&](const Panel& panel) {
    const float* values[RowGradients::kMaxFactors];  // of each part
    float* place = packed.values.data();
    for (std::size_t p = 0; p < panel.size; ++p) {
      const Columns& part = panel.parts[p];
      if (part.of->inputs_key.call != 0) {
        values[p] = pack_inputs<V>(part, chunk, packed);
        continue;
      }
      pack_columns<V>(part, chunk, place);
      values[p] = place;
      place += part.width * row_size;
    }
    for_tiles<kTileRows>(rows, [&](auto tile, std::size_t row) {
      const auto from = derivatives.from(row);
      const auto d = needs_sums ? pack_and_sum_up<V, tile()>(from, chunk, packed_d, to, row)
                                : pack<V, tile()>(from, chunk, packed_d);
      for (std::size_t p = 0; p < panel.size; ++p) {
        const Columns& part = panel.parts[p];
        const float* x = values[p];
        part.for_column_tiles([&](auto column_tile, std::size_t c) {
          add_outer_products<V, tile(), column_tile()>(d, Packed<V, column_tile()>{x, time_steps},
                                                       whole, part.gradient(row, c),
                                                       part.of->columns);
          x += column_tile() * row_size;
        });
      }
    });
    needs_sums = false;
  });
}

// Whether to copy rows into the order in which they are read. Consecutive time steps are far apart:
// with many rows on different pages, out of reach of the TLB and the prefetcher; with few rows in
// the same few sets of the L1 cache, which matters where a register is half a cache line (Zen 3,
// ten units: a step takes 119 us without copies and 111 with them). The copies pay only with enough
// columns.
inline bool pays_to_pack(std::size_t rows, std::size_t columns) {
  return kManyRegisters ? rows >= 128 && columns >= 16 : rows >= 16 && columns >= 4;
}

// Adds the sums over the chunk: of derivatives [rows] to biases, of derivatives times values to
// weights. The order of summation is the same with and without copies.
template <class V>
void add_row_gradients(const Series& derivatives, std::size_t rows, const RowGradients& to,
                       const Chunk& chunk, PackedRows& packed) {
  if (pays_to_pack(rows, to.columns()))
    add_packed<V>(derivatives, rows, to, chunk, packed);
  else
    add_unpacked<V>(derivatives, rows, to, chunk);
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
