#include "clipsweep/probing/count_sketch.h"

#include "clipsweep/base/random.h"

namespace clipsweep {

std::uint64_t hash_of(std::uint64_t number) { return mixed((number + 1) * 0x9e3779b97f4a7c15ULL); }

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
