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
        const V derivative = hn::Load(tag, d + r * Derivatives::kRow);
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

// gradient[r] += sum over samples and time steps of derivatives[r]
template <class V, std::size_t R>
void add_sums(const Series& derivatives, const Chunk& chunk, float* gradient) {
  constexpr std::size_t kPerBlock = kLanes / hn::MaxLanes(hn::DFromV<V>());
  const hn::DFromV<V> tag;
  V sums[R];
  for (std::size_t r = 0; r < R; ++r) sums[r] = hn::Zero(tag);
  for (std::size_t block = 0; block < chunk.width.registers; block += kPerBlock) {
    const std::size_t count = std::min(kPerBlock, chunk.width.registers - block);
    for (std::size_t t = chunk.begin; t < chunk.end; ++t) {
      for (std::size_t i = 0; i < count; ++i) {
        const float* d = derivatives.at<V>(block + i, t);
#pragma GCC unroll 8
        for (std::size_t r = 0; r < R; ++r)
          sums[r] = hn::Add(sums[r], hn::Load(tag, d + r * kLanes));
      }
    }
  }
  float totals[R + 3];
  store_lane_sums(sums, totals);
  for (std::size_t r = 0; r < R; ++r) gradient[r] += totals[r];
}

// Calls `body(tile, column)` with the tiles of columns [begin, begin + count).
template <typename Body>
HWY_INLINE void for_column_tiles(std::size_t begin, std::size_t count, const Body& body) {
  for_tiles<kTileColumns>(count, [&](auto tile, std::size_t c) { body(tile, begin + c); });
}

// Calls `body(panel, width)` with panels of columns; the rows of one chunk fit into the L2 cache.
template <typename Body>
HWY_INLINE void for_panels(std::size_t columns, const Body& body) {
  for (std::size_t panel = 0; panel < columns; panel += kPanelColumns)
    body(panel, std::min(kPanelColumns, columns - panel));
}

template <class V>
void add_unpacked(const Series& derivatives, std::size_t rows, const Series& values,
                  std::size_t columns, const Chunk& chunk, float* gradient) {
  for_panels(columns, [&](std::size_t panel, std::size_t width) {
    for_tiles<kTileRows>(rows, [&](auto tile, std::size_t row) {
      for_column_tiles(panel, width, [&](auto column_tile, std::size_t c) {
        add_outer_products<V, tile(), column_tile()>(derivatives.from(row), values.from(c), chunk,
                                                     gradient + row * columns + c, columns);
      });
    });
  });
}

template <class V>
void add_packed(const Series& derivatives, std::size_t rows, const Series& values,
                std::size_t columns, const Chunk& chunk, PackedRows& packed, float* gradient) {
  const std::size_t time_steps = chunk.end - chunk.begin;
  const Chunk whole = {chunk.width, 0, time_steps};
  const std::size_t row_size = chunk.width.registers * time_steps * hn::MaxLanes(hn::DFromV<V>());
  for_panels(columns, [&](std::size_t panel, std::size_t width) {
    const auto values_at = [&](std::size_t c) {
      return packed.values.data() + (c - panel) * row_size;
    };
    for_column_tiles(panel, width, [&](auto tile, std::size_t c) {
      pack<V, tile()>(values.from(c), chunk, values_at(c));
    });
    for_tiles<kTileRows>(rows, [&](auto tile, std::size_t row) {
      const auto d = pack<V, tile()>(derivatives.from(row), chunk, packed.derivatives.data());
      for_column_tiles(panel, width, [&](auto column_tile, std::size_t c) {
        const Packed<V, column_tile()> x = {values_at(c), time_steps};
        add_outer_products<V, tile(), column_tile()>(d, x, whole, gradient + row * columns + c,
                                                     columns);
      });
    });
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

// gradient [rows, columns] += derivatives [rows] times values [columns], summed over the chunk. The
// order of summation is the same with and without copies.
template <class V>
void add_weight_gradient(const Series& derivatives, std::size_t rows, const Series& values,
                         std::size_t columns, const Chunk& chunk, PackedRows& packed,
                         float* gradient) {
  if (pays_to_pack(rows, columns))
    add_packed<V>(derivatives, rows, values, columns, chunk, packed, gradient);
  else
    add_unpacked<V>(derivatives, rows, values, columns, chunk, gradient);
}

template <class V>
void add_bias_gradient(const Series& derivatives, std::size_t rows, const Chunk& chunk,
                       float* gradient) {
  for_tiles<kTileRows>(rows, [&](auto tile, std::size_t row) {
    add_sums<V, tile()>(derivatives.from(row), chunk, gradient + row);
  });
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
