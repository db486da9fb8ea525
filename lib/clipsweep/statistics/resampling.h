// Resamples with replacement, from a fixed random stream.
#pragma once

#include <cstddef>
#include <cstdint>

#include "clipsweep/base/random.h"

namespace clipsweep {

inline constexpr int kResamples = 10'000;

// Random indices in [0, n) by SplitMix64 (Steele, Lea & Flood, 2014), two per word. The summary of
// a sweep draws hundreds of millions, and RandomStream's exact `below` would take most of the time.
// For realistic n, the bias of an index is less than one part in a million.
class IndexStream {
 public:
  explicit IndexStream(std::size_t n) : n_(n), state_(RandomStream(0, "bootstrap").below(~0ULL)) {}

  // Calls `use` with each index of a resample of n.
  template <typename Use>
  void draw(const Use& use) {
    for (std::size_t i = 0; i + 1 < n_; i += 2) {
      const std::uint64_t word = next_word();
      use(index_of(word >> 32));
      use(index_of(word & 0xffffffffULL));
    }
    if (n_ % 2 == 1) use(index_of(next_word() >> 32));
  }

 private:
  std::size_t index_of(std::uint64_t half_word) const { return (half_word * n_) >> 32; }

  std::uint64_t next_word() {
    std::uint64_t word = state_ += 0x9e3779b97f4a7c15ULL;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
    return word ^ (word >> 31);
  }

  std::uint64_t n_;
  std::uint64_t state_;
};

}  // namespace clipsweep
