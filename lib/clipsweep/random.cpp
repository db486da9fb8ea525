#include "clipsweep/random.h"

#include <cmath>
#include <vector>

namespace clipsweep {
namespace {

std::mt19937_64 seeded_engine(std::uint64_t seed, std::string_view purpose) {
  std::vector<std::uint32_t> words = {static_cast<std::uint32_t>(seed),
                                      static_cast<std::uint32_t>(seed >> 32)};
  for (const char character : purpose) words.push_back(static_cast<unsigned char>(character));
  std::seed_seq sequence(words.begin(), words.end());
  return std::mt19937_64(sequence);
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::string_view purpose)
    : engine_(seeded_engine(seed, purpose)) {}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  // Numbers from the incomplete last stretch of 2^64 would favour small remainders.
  const std::uint64_t excess = (0 - bound) % bound;
  std::uint64_t drawn = engine_();
  while (drawn < excess) drawn = engine_();
  return drawn % bound;
}

double RandomStream::uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

double RandomStream::normal() {
  constexpr double kTwoPi = 6.283185307179586476925;
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(kTwoPi * uniform());
}

}  // namespace clipsweep
