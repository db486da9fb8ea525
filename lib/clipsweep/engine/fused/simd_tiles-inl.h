// Tiles: sums of products that are kept in registers, for a few rows of weights and one to three
// registers of samples at once. Compiled once for each instruction set, like simd_math-inl.h.
#if defined(CLIPSWEEP_SIMD_TILES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_SIMD_TILES_INL_H
#undef CLIPSWEEP_SIMD_TILES_INL_H
#else
#define CLIPSWEEP_SIMD_TILES_INL_H
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "clipsweep/base/aligned.h"
#include "clipsweep/engine/fused/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

constexpr std::size_t kRegisterLanes = hn::MaxLanes(kFloats);
// The number of registers that hold one row of a block.
constexpr std::size_t kBlockRegisters = kLanes / kRegisterLanes;

// The number of sums that are kept in registers at once. AVX-512 has 32 registers, the others 16.
constexpr bool kManyRegisters = kRegisterLanes == 16;
constexpr std::size_t kTileRows = kManyRegisters ? 5 : 4;
constexpr std::size_t kTileColumns = kManyRegisters ? 5 : 3;  // times kTileRows

template <std::size_t kValue>
using Constant = std::integral_constant<std::size_t, kValue>;

// Splits `count` items into tiles of nearly equal size, at most kMax, the larger ones first. Calls
// `body(size, first)` for each; the size is an integral constant.
template <std::size_t kMax, typename Body>
HWY_INLINE void for_tiles(std::size_t count, const Body& body) {
  static_assert(kMax <= 5, "a case for each size");
  const std::size_t tiles = (count + kMax - 1) / kMax;
  if (tiles == 0) return;
  const std::size_t small = count / tiles;
  const std::size_t larger_tiles = count % tiles;
  for (std::size_t tile = 0, first = 0; tile < tiles; ++tile) {
    const std::size_t size = small + (tile < larger_tiles ? 1 : 0);
    if constexpr (kMax >= 5)
      if (size == 5) body(Constant<5>{}, first);
    if constexpr (kMax >= 4)
      if (size == 4) body(Constant<4>{}, first);
    if constexpr (kMax >= 3)
      if (size == 3) body(Constant<3>{}, first);
    if constexpr (kMax >= 2)
      if (size == 2) body(Constant<2>{}, first);
    if (size == 1) body(Constant<1>{}, first);
    first += size;
  }
}

// The same for rows of sums: tiles of six, or of five with AVX-512. With fewer registers what six
// does not divide is made of tiles of five and four, since a tile of two or three waits for its own
// sums, and each size is compiled once more.
template <typename Body>
HWY_INLINE void for_row_tiles(std::size_t count, const Body& body) {
  if constexpr (kManyRegisters) {
    for_tiles<5>(count, body);
  } else {
    std::size_t first = 0;
    const auto left = [&] { return count - first; };
    const auto tile = [&](auto size) {
      body(size, first);
      first += size();
    };
    if (left() % 2 == 1 && left() >= 5) tile(Constant<5>{});
    if (left() % 2 == 1) tile(Constant<1>{});
    if (left() % 6 != 0 && left() >= 4) tile(Constant<4>{});
    if (left() % 6 != 0 && left() >= 4) tile(Constant<4>{});
    if (left() == 2) tile(Constant<2>{});
    while (left() > 0) tile(Constant<6>{});
  }
}

// Half a register of AVX-512, for samples that would leave half of a register unused. With the
// other instruction sets half a register costs as much as a whole one.
using HalfVector = hn::Vec<hn::CappedTag<float, kManyRegisters ? 8 : kRegisterLanes>>;

// kRegisters consecutive registers of samples that are processed together: whole or half ones.
template <class VectorType, std::size_t kRegisters>
struct Strip {
  using V = VectorType;
  using Tag = hn::DFromV<V>;
  static constexpr std::size_t kCount = kRegisters;
  static constexpr std::size_t kLanesEach = hn::MaxLanes(Tag());
};

// The registers that hold the samples of a group.
struct Width {
  std::size_t registers = 0;
  bool in_halves = false;
};

// Calls `body(strip, first)` for strips that cover all registers: of two registers, or of three
// half ones. A tile of at least four rows then has eight sums, which keeps two multipliers with a
// latency of four cycles busy. Half registers need kPacked.
template <bool kPacked, typename Body>
HWY_INLINE void for_strips(const Width& width, const Body& body) {
  std::size_t first = 0;
  if constexpr (kPacked && kManyRegisters) {
    if (width.in_halves) {
      for (; first + 3 <= width.registers; first += 3) body(Strip<HalfVector, 3>{}, first);
      for (; first < width.registers; ++first) body(Strip<HalfVector, 1>{}, first);
      return;
    }
  }
  for (; first + 2 <= width.registers; first += 2) body(Strip<Vector, 2>{}, first);
  if (first < width.registers) body(Strip<Vector, 1>{}, first);
}

// The address of the register with this number in memory [blocks, rows_in_block, kLanes].
template <class V, typename T>
T* register_at(T* memory, std::size_t rows_in_block, std::size_t index) {
  const std::size_t lane = index * hn::MaxLanes(hn::DFromV<V>());
  return memory + lane / kLanes * rows_in_block * kLanes + lane % kLanes;
}

// Rows of samples of a strip: row k of register v is at `at[v] + k * kLanes`.
template <typename T, class S>
struct Rows {
  T* at[S::kCount];

  Rows operator+(std::size_t rows) const {
    Rows moved;
    for (std::size_t v = 0; v < S::kCount; ++v) moved.at[v] = at[v] + rows * kLanes;
    return moved;
  }
  HWY_INLINE typename S::V load(std::size_t row, std::size_t v) const {
    return hn::Load(typename S::Tag(), at[v] + row * kLanes);
  }
  HWY_INLINE void store(typename S::V value, std::size_t row, std::size_t v) const {
    hn::Store(value, typename S::Tag(), at[v] + row * kLanes);
  }
};

// The rows of the strip that starts with register number `first`.
template <class S, typename T>
Rows<T, S> rows_of(T* memory, std::size_t rows_in_block, std::size_t first) {
  Rows<T, S> rows;
  for (std::size_t v = 0; v < S::kCount; ++v)
    rows.at[v] = register_at<typename S::V>(memory, rows_in_block, first + v);
  return rows;
}

// Rows of samples over blocks and time steps: row k of block b at time t starts at
// `first + b * block + t * step + k * kLanes`.
struct Series {
  static constexpr std::size_t kRow = kLanes;

  const float* first;
  std::size_t block;
  std::size_t step;

  // The first row of a register at time t.
  template <class V>
  const float* at(std::size_t index, std::size_t t) const {
    const std::size_t lane = index * hn::MaxLanes(hn::DFromV<V>());
    return first + lane / kLanes * block + t * step + lane % kLanes;
  }
  Series from(std::size_t row) const { return {first + row * kLanes, block, step}; }
  // The rows of a strip at time t.
  template <class S>
  Rows<const float, S> rows(std::size_t register_index, std::size_t t) const {
    Rows<const float, S> rows;
    for (std::size_t v = 0; v < S::kCount; ++v)
      rows.at[v] = at<typename S::V>(register_index + v, t);
    return rows;
  }
};

// The same rows, to read only.
template <class S>
HWY_INLINE Rows<const float, S> as_const(const Rows<float, S>& rows) {
  Rows<const float, S> same;
  for (std::size_t v = 0; v < S::kCount; ++v) same.at[v] = rows.at[v];
  return same;
}

// sums[r][v] += sum over k of weights[k * R + r] * x[k][v]
template <std::size_t R, class S>
HWY_INLINE void add_products(typename S::V (&sums)[R][S::kCount], const float* HWY_RESTRICT weights,
                             const Rows<const float, S>& x, std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) {
    typename S::V values[S::kCount];
    for (std::size_t v = 0; v < S::kCount; ++v) values[v] = x.load(k, v);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < R; ++r) {
      const auto weight = hn::Set(typename S::Tag(), weights[k * R + r]);
#pragma GCC unroll 3
      for (std::size_t v = 0; v < S::kCount; ++v)
        sums[r][v] = hn::MulAdd(weight, values[v], sums[r][v]);
    }
  }
}

template <class V, std::size_t R, std::size_t N>
HWY_INLINE void set_to(V (&sums)[R][N], const float* values) {
#pragma GCC unroll 8
  for (std::size_t r = 0; r < R; ++r)
#pragma GCC unroll 3
    for (std::size_t v = 0; v < N; ++v) sums[r][v] = hn::Set(hn::DFromV<V>(), values[r]);
}

template <class V, std::size_t R, std::size_t N>
HWY_INLINE void set_to_zero(V (&sums)[R][N]) {
#pragma GCC unroll 8
  for (std::size_t r = 0; r < R; ++r)
#pragma GCC unroll 3
    for (std::size_t v = 0; v < N; ++v) sums[r][v] = hn::Zero(hn::DFromV<V>());
}

template <class S, std::size_t R, typename T>
HWY_INLINE void load_rows(typename S::V (&sums)[R][S::kCount], const Rows<T, S>& rows,
                          std::size_t first) {
#pragma GCC unroll 8
  for (std::size_t r = 0; r < R; ++r)
#pragma GCC unroll 3
    for (std::size_t v = 0; v < S::kCount; ++v) sums[r][v] = rows.load(first + r, v);
}

template <class S, std::size_t R>
HWY_INLINE void store_rows(const typename S::V (&values)[R][S::kCount], const Rows<float, S>& rows,
                           std::size_t first) {
#pragma GCC unroll 8
  for (std::size_t r = 0; r < R; ++r)
#pragma GCC unroll 3
    for (std::size_t v = 0; v < S::kCount; ++v) rows.store(values[r][v], first + r, v);
}

// Copies tiles of columns of `from` [rows, columns], each as [rows, columns of the tile].
inline void pack_transposed(const float* from, std::size_t rows, std::size_t columns, float* to) {
  for_row_tiles(columns, [&](auto tile, std::size_t first) {
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t c = 0; c < tile(); ++c) *to++ = from[row * columns + first + c];
  });
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
