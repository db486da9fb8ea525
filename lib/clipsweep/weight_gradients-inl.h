// Gradients of weights: sums over samples and time steps of products of derivatives and values, in
// tiles that are kept in registers meanwhile.
#if defined(CLIPSWEEP_WEIGHT_GRADIENTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_WEIGHT_GRADIENTS_INL_H
#undef CLIPSWEEP_WEIGHT_GRADIENTS_INL_H
#else
#define CLIPSWEEP_WEIGHT_GRADIENTS_INL_H
#endif

#include <algorithm>
#include <cstddef>

#include "clipsweep/simd_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

// Columns whose rows of one chunk fit the second.
constexpr std::size_t kPanelColumns = 40;

// Rows of samples over blocks and time steps: row k of block b at time t lies at
// `first + b * block + t * step + k * kLanes`.
struct Series {
  const float* first;
  std::size_t block;
  std::size_t step;

  // The first row of a register at time t.
  template <class V>
  const float* at(std::size_t index, std::size_t t) const {
    const std::size_t lane = index * hn::MaxLanes(hn::DFromV<V>());
    return first + lane / kLanes * block + t * step + lane % kLanes;
  }
};

// The part of a group that one tile is summed over: registers of samples and time steps [begin,
// end).
struct Chunk {
  Width width;
  std::size_t begin;
  std::size_t end;
};

#if HWY_TARGET == HWY_SCALAR

// sums[n] = the sum over the lanes of register n: there is one.
template <class V, std::size_t kCount>
HWY_INLINE void store_lane_sums(const V (&registers)[kCount], float* sums) {
  for (std::size_t n = 0; n < kCount; ++n) sums[n] = hn::GetLane(registers[n]);
}

#else

using FourFloats = hn::FixedTag<float, 4>;

// Halves a register, adding its halves, until four lanes are left.
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
  const hn::RepartitionToWide<hn::DFromV<V>> wide;
  const auto in_pairs = [floats](V x, V y) {
    return hn::Add(hn::InterleaveLower(floats, x, y), hn::InterleaveUpper(floats, x, y));
  };
  const auto ab = hn::BitCast(wide, in_pairs(a, b));
  const auto cd = hn::BitCast(wide, in_pairs(c, d));
  return folded_to_four(floats, hn::Add(hn::BitCast(floats, hn::InterleaveLower(wide, ab, cd)),
                                        hn::BitCast(floats, hn::InterleaveUpper(wide, ab, cd))));
}

// sums[n] = the sum over the lanes of register n; room for three more.
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
template <class V, std::size_t R, std::size_t C>
HWY_NOINLINE void add_outer_products(const Series& derivatives, const Series& values,
                                     const Chunk& chunk, float* gradient, std::size_t columns) {
  const hn::DFromV<V> tag;
  V sums[R * C];
#pragma GCC unroll 32
  for (std::size_t n = 0; n < R * C; ++n) sums[n] = hn::Zero(tag);
  for (std::size_t i = 0; i < chunk.width.registers; ++i) {
    const float* HWY_RESTRICT d = derivatives.at<V>(i, chunk.begin);
    const float* HWY_RESTRICT x = values.at<V>(i, chunk.begin);
    for (std::size_t t = chunk.begin; t < chunk.end; ++t) {
      V value[C];
#pragma GCC unroll 8
      for (std::size_t c = 0; c < C; ++c) value[c] = hn::Load(tag, x + c * kLanes);
#pragma GCC unroll 8
      for (std::size_t r = 0; r < R; ++r) {
        const V derivative = hn::Load(tag, d + r * kLanes);
#pragma GCC unroll 8
        for (std::size_t c = 0; c < C; ++c)
          sums[r * C + c] = hn::MulAdd(derivative, value[c], sums[r * C + c]);
      }
      d += derivatives.step;
      x += values.step;
    }
  }
  float lane_sums_of[R * C + 3];
  store_lane_sums(sums, lane_sums_of);
  for (std::size_t r = 0; r < R; ++r)
    for (std::size_t c = 0; c < C; ++c) gradient[r * columns + c] += lane_sums_of[r * C + c];
}

// gradient[r] += sum over samples and time steps of derivatives[r]
template <class V, std::size_t R>
void add_sums(const Series& derivatives, const Chunk& chunk, float* gradient) {
  constexpr std::size_t kOfBlock = kLanes / hn::MaxLanes(hn::DFromV<V>());
  const hn::DFromV<V> tag;
  V sums[R];
  for (std::size_t r = 0; r < R; ++r) sums[r] = hn::Zero(tag);
  for (std::size_t block = 0; block < chunk.width.registers; block += kOfBlock) {
    const std::size_t count = std::min(kOfBlock, chunk.width.registers - block);
    for (std::size_t t = chunk.begin; t < chunk.end; ++t) {
      for (std::size_t i = 0; i < count; ++i) {
        const float* d = derivatives.at<V>(block + i, t);
#pragma GCC unroll 8
        for (std::size_t r = 0; r < R; ++r)
          sums[r] = hn::Add(sums[r], hn::Load(tag, d + r * kLanes));
      }
    }
  }
  float lane_sums_of[R + 3];
  store_lane_sums(sums, lane_sums_of);
  for (std::size_t r = 0; r < R; ++r) gradient[r] += lane_sums_of[r];
}

// gradient [rows, columns] += derivatives [rows] times values [columns], summed over the chunk.
template <class V>
void add_weight_gradient(const Series& derivatives, std::size_t rows, const Series& values,
                         std::size_t columns, const Chunk& chunk, float* gradient) {
  for (std::size_t panel = 0; panel < columns; panel += kPanelColumns) {
    const std::size_t width = std::min(kPanelColumns, columns - panel);
    for_tiles<kTileRows>(rows, [&](auto row_tile, std::size_t row) {
      const Series d = {derivatives.first + row * kLanes, derivatives.block, derivatives.step};
      for_tiles<kTileColumns>(width, [&](auto column_tile, std::size_t column) {
        const std::size_t c = panel + column;
        const Series x = {values.first + c * kLanes, values.block, values.step};
        add_outer_products<V, row_tile(), column_tile()>(d, x, chunk, gradient + row * columns + c,
                                                         columns);
      });
    });
  }
}

template <class V>
void add_bias_gradient(const Series& derivatives, std::size_t rows, const Chunk& chunk,
                       float* gradient) {
  for_tiles<kTileRows>(rows, [&](auto tile, std::size_t row) {
    add_sums<V, tile()>({derivatives.first + row * kLanes, derivatives.block, derivatives.step},
                        chunk, gradient + row);
  });
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
