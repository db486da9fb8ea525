// Random streams: one for each seed and purpose, so that no consumer can disturb another, the same
// on every machine. The engine is std::mt19937_64, whose output the C++ standard fixes; the
// standard's distributions are not fixed, so the three needed here are written out.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>

#include "clipsweep/base/span.h"

namespace clipsweep {

class RandomStream {
 public:
  // The purpose is part of the seed: "batch-order" and "lstm.weight_ih" never share numbers.
  RandomStream(std::uint64_t seed, std::string_view purpose);

  // A whole number in [0, bound), each equally likely. bound > 0.
  std::uint64_t below(std::uint64_t bound);

  // In [0, 1), with 53 random bits.
  double uniform();

  // Standard normal (Box and Muller, 1958).
  double normal();

 private:
  std::mt19937_64 engine_;
};

// Standard normal numbers by the thousand, for a few nanoseconds each: the ziggurat (Marsaglia and
// Tsang, 2000) over splitmix64, which needs no setting up, so that each step of a run may have a
// stream of its own.
class NormalStream {
 public:
  // One stream for each key and number.
  NormalStream(std::uint64_t key, std::uint64_t number);

  // Number: float or double.
  template <typename Number>
  void fill(Span<Number> numbers);

 private:
  double next();
  double beside(std::size_t layer, double x);  // where x is not inside its layer
  std::uint64_t word();
  double uniform();  // in (0, 1)
  double tail();     // beyond the ziggurat

  std::uint64_t state_;
};

}  // namespace clipsweep
