#include "clipsweep/probing/count_sketch.h"

namespace clipsweep {

std::uint64_t hash_of(std::uint64_t number) {
  std::uint64_t word = (number + 1) * 0x9e3779b97f4a7c15ULL;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
  return word ^ (word >> 31);
}

void add_sketch(Span<const float> vector, Span<float> sketch) {
  constexpr int kSignBit = 63;
  const std::uint64_t place_bits = sketch.size() - 1;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const std::uint64_t hash = hash_of(i);
    const float signed_element = (hash >> kSignBit) != 0 ? -vector[i] : vector[i];
    sketch[hash & place_bits] += signed_element;
  }
}

}  // namespace clipsweep
