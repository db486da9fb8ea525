// A random sketch of long vectors that keeps their inner products, approximately.
#pragma once

#include <cstddef>
#include <cstdint>

#include "clipsweep/base/span.h"

namespace clipsweep {

inline constexpr std::size_t kMaxSketchSize = 4096;

// Adds the sketch of a vector to `sketch` [S], S a power of two: each element is added to, or
// subtracted from, one number of it, as a fixed hash of its index says (Charikar, Chen and
// Farach-Colton, 2002).
//
// The inner product of two sketches is that of the vectors on average over hashes, with a standard
// deviation of at most sqrt(2 / S) |a| |b|: 2.2 % of the product of the norms at S = 4096.
void add_sketch(Span<const float> vector, Span<float> sketch);

// The fixed hash of a number, by the mixing function of splitmix64.
std::uint64_t hash_of(std::uint64_t number);

}  // namespace clipsweep
