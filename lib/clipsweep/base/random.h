// Random streams: one per seed and purpose, so that consumers do not affect each other; equal on
// every machine. The engine is std::mt19937_64, whose output the C++ standard defines. The output
// of the standard's distributions is not defined, so the three needed here are implemented.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>

#include "clipsweep/base/span.h"

namespace clipsweep {

class RandomStream {
 public:
  // The purpose is part of the seed: "batch-order" and "lstm.weight_ih" have different streams.
  RandomStream(std::uint64_t seed, std::string_view purpose);

  // Uniform whole number in [0, bound). bound > 0.
  std::uint64_t below(std::uint64_t bound);

  // Uniform in [0, 1), with 53 random bits.
  double uniform();

  // Standard normal (Box and Muller, 1958).
  double normal();

 private:
  std::mt19937_64 engine_;
};

// The mixing function of splitmix64 (Steele, Lea and Flood, 2014): every bit of the result depends
// on every bit of the word.
inline std::uint64_t mixed(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
  return word ^ (word >> 31);
}

// Standard normal numbers in a few nanoseconds each: the ziggurat (Marsaglia and Tsang, 2000) on
// splitmix64. It needs no setup, so each step of a run can have its own stream.
class NormalStream {
 public:
  // One stream per key and number.
  NormalStream(std::uint64_t key, std::uint64_t number);

  // Number: float or double.
  template <typename Number>
  void fill(Span<Number> numbers);

 private:
  double next();
  double at_edge(std::size_t layer, double x);  // if x is not inside its layer
  std::uint64_t word();
  double uniform();  // in (0, 1)
  double tail();     // beyond the layers

  std::uint64_t state_;
};

}  // namespace clipsweep
