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

// Time steps times blocks whose rows of one tile fit the first cache.
constexpr std::size_t kChunkSteps = 64;
// Columns whose rows of one chunk fit the second.
constexpr std::size_t kPanelColumns = 40;

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
HWY_INLINE hn::Vec<hn::FixedTag<float, 4> > folded_to_four(Tag tag, hn::Vec<Tag> values) {
  if constexpr (hn::MaxLanes(tag) == 4) {
    return values;
  } else {
    const hn::Half<Tag> half;
    return folded_to_four(half, hn::Add(hn::LowerHalf(half, values), hn::UpperHalf(half, values)));
  }
}

// The sums over the lanes of each of four registers.
HWY_INLINE hn::Vec<hn::FixedTag<float, 4> > lane_sums(Vector a, Vector b, Vector c, Vector d) {
  const hn::RepartitionToWide<Floats> wide;
  const auto in_pairs = [](Vector x, Vector y) {
    return hn::Add(hn::InterleaveLower(kFloats, x, y), hn::InterleaveUpper(kFloats, x, y));
  };
  const auto ab = hn::BitCast(wide, in_pairs(a, b));
  const auto cd = hn::BitCast(wide, in_pairs(c, d));
  return folded_to_four(kFloats, hn::Add(hn::BitCast(kFloats, hn::InterleaveLower(wide, ab, cd)),
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
inline void add_weight_gradient(const Series& derivatives, std::size_t rows, const Series& values,
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

inline void add_bias_gradient(const Series& derivatives, std::size_t rows, const Chunk& chunk,
                              float* gradient) {
  for_tiles<kTileRows>(rows, [&](auto tile, std::size_t row) {
    add_sums<tile()>({derivatives.first + row * kLanes, derivatives.block, derivatives.step}, chunk,
                     gradient + row);
  });
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
