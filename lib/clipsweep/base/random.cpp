#include "clipsweep/base/random.h"

#include <array>
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

// 256 layers of equal area under exp(-x^2 / 2); the lowest includes the tail beyond kTailStart.
constexpr double kTailStart = 3.6541528853610088;
constexpr double kLayerArea = 0.004928673233992336;

double density(double x) { return std::exp(-0.5 * x * x); }

struct Ziggurat {
  std::array<double, 257> edge{};    // right ends of the layers, from the lowest up
  std::array<double, 257> height{};  // density at these

  Ziggurat() {
    edge[0] = kLayerArea / density(kTailStart);
    edge[1] = kTailStart;
    for (std::size_t i = 1; i < 255; ++i)
      edge[i + 1] = std::sqrt(-2 * std::log(kLayerArea / edge[i] + density(edge[i])));
    edge[256] = 0;
    for (std::size_t i = 0; i < edge.size(); ++i) height[i] = density(edge[i]);
  }
};

const Ziggurat& ziggurat() {
  static const Ziggurat kZiggurat;
  return kZiggurat;
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::string_view purpose)
    : engine_(seeded_engine(seed, purpose)) {}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  // Reject the lowest numbers, so that the rest of the 2^64 is a multiple of the bound.
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

NormalStream::NormalStream(std::uint64_t key, std::uint64_t number)
    : state_(mixed(key ^ mixed(number + 0x9e3779b97f4a7c15ULL))) {}

template <typename Number>
void NormalStream::fill(Span<Number> numbers) {
  const Ziggurat& layers = ziggurat();
  for (Number& number : numbers) {
    // The lowest 8 bits select the layer, the highest 53 the position in it.
    const std::uint64_t bits = word();
    const std::size_t layer = bits & 255;
    const double position = static_cast<double>(static_cast<std::int64_t>(bits) >> 11) * 0x1p-52;
    const double x = position * layers.edge[layer];
    const bool inside = std::fabs(x) < layers.edge[layer + 1];
    number = static_cast<Number>(inside ? x : at_edge(layer, x));
  }
}

double NormalStream::at_edge(std::size_t layer, double x) {
  if (layer == 0) return x < 0 ? -tail() : tail();
  const Ziggurat& layers = ziggurat();
  const double low = layers.height[layer];
  if (low + uniform() * (layers.height[layer + 1] - low) < density(x)) return x;
  return next();
}

double NormalStream::next() {
  double number = 0;
  fill(Span<double>(&number, 1));
  return number;
}

std::uint64_t NormalStream::word() { return mixed(state_ += 0x9e3779b97f4a7c15ULL); }

double NormalStream::uniform() { return (static_cast<double>(word() >> 12) + 0.5) * 0x1p-52; }

double NormalStream::tail() {
  for (;;) {
    const double beyond = -std::log(uniform()) / kTailStart;
    if (-2 * std::log(uniform()) > beyond * beyond) return kTailStart + beyond;
  }
}

template void NormalStream::fill(Span<float>);
template void NormalStream::fill(Span<double>);

}  // namespace clipsweep
