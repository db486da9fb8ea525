// Tiles: sums of products that are kept in registers, for some rows of weights and one or two
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

#include "clipsweep/aligned.h"
#include "clipsweep/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

constexpr std::size_t kRegisterLanes = hn::MaxLanes(kFloats);
// A block is so many registers wide.
constexpr std::size_t kBlockRegisters = kLanes / kRegisterLanes;

// Tiles: how many sums are kept in registers at once. AVX-512 has 32 registers, the others 16.
constexpr bool kManyRegisters = kRegisterLanes == 16;
constexpr std::size_t kTileRows = kManyRegisters ? 5 : 4;     // times two registers of samples
constexpr std::size_t kTileColumns = kManyRegisters ? 5 : 3;  // times kTileRows

template <std::size_t kValue>
using Constant = std::integral_constant<std::size_t, kValue>;

// Calls `body(size, first)` with the tiles of `count` things, of at most kMost each and of nearly
// equal size, the larger ones first; the size is a constant type.
template <std::size_t kMost, typename Body>
HWY_INLINE void for_tiles(std::size_t count, const Body& body) {
  static_assert(kMost <= 5, "a case for each size");
  const std::size_t tiles = (count + kMost - 1) / kMost;
  if (tiles == 0) return;
  const std::size_t small = count / tiles;
  const std::size_t larger_tiles = count % tiles;
  for (std::size_t tile = 0, first = 0; tile < tiles; ++tile) {
    const std::size_t size = small + (tile < larger_tiles ? 1 : 0);
    if constexpr (kMost >= 5)
      if (size == 5) body(Constant<5>{}, first);
    if constexpr (kMost >= 4)
      if (size == 4) body(Constant<4>{}, first);
    if constexpr (kMost >= 3)
      if (size == 3) body(Constant<3>{}, first);
    if constexpr (kMost >= 2)
      if (size == 2) body(Constant<2>{}, first);
    if (size == 1) body(Constant<1>{}, first);
    first += size;
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

// Tiles of columns of `from` [rows, columns], each [rows, columns of the tile].
inline void pack_transposed(const float* from, std::size_t rows, std::size_t columns, float* to) {
  for_tiles<kTileRows>(columns, [&](auto tile, std::size_t first) {
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t c = 0; c < tile(); ++c) *to++ = from[row * columns + first + c];
  });
}

// Calls `body(V, first)` for all registers of a group, two at a time where there are two.
template <typename Body>
HWY_INLINE void for_registers(std::size_t registers, const Body& body) {
  std::size_t first = 0;
  for (; first + 2 <= registers; first += 2) body(Constant<2>{}, first);
  if (first < registers) body(Constant<1>{}, first);
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
