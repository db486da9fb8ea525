#include "clipsweep/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <stdexcept>

#include "clipsweep/random.h"

namespace clipsweep {
namespace {

constexpr int kResamples = 10'000;
constexpr double kTail = 0.025;  // on either side of a 95 % interval

void require(bool condition, const char* message) {
  if (!condition) throw std::logic_error(message);
}

void require_finite(const std::vector<double>& values, const char* message) {
  require(!values.empty() && std::all_of(values.begin(), values.end(),
                                         [](double value) { return std::isfinite(value); }),
          message);
}

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

double mean_of(const std::vector<double>& values) {
  return sum(values) / static_cast<double>(values.size());
}

double standard_deviation_around(double center, const std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += (value - center) * (value - center);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

bool all_equal(const std::vector<double>& values) {
  return std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
}

// Where a quantile lies among n ordered values, counted from 0.
struct Position {
  std::size_t below;
  double fraction;  // of the way to the next one
};

Position position_of(double probability, std::size_t n) {
  require(probability >= 0 && probability <= 1, "quantile: needs a probability from 0 to 1");
  const double position = probability * static_cast<double>(n - 1);
  const auto below = static_cast<std::size_t>(position);
  return {below, position - static_cast<double>(below)};
}

double between(double lower, double upper, double fraction) {
  return lower + (upper - lower) * fraction;
}

// Random places in [0, n) by SplitMix64 (Steele, Lea & Flood, 2014), two a word: a sweep's summary
// draws hundreds of millions, and RandomStream's exact `below` would take most of the time. For the
// n at hand, a place is favoured by less than one part in a million.
class PlaceStream {
 public:
  explicit PlaceStream(std::size_t n) : n_(n), state_(RandomStream(0, "bootstrap").below(~0ULL)) {}

  void fill(std::vector<double>& resample, const std::vector<double>& values) {
    for (std::size_t i = 0; i + 1 < resample.size(); i += 2) {
      const std::uint64_t word = next_word();
      resample[i] = values[place(word >> 32)];
      resample[i + 1] = values[place(word & 0xffffffffULL)];
    }
    if (resample.size() % 2 == 1) resample.back() = values[place(next_word() >> 32)];
  }

 private:
  std::size_t place(std::uint64_t half_word) const { return (half_word * n_) >> 32; }

  std::uint64_t next_word() {
    std::uint64_t word = state_ += 0x9e3779b97f4a7c15ULL;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
    return word ^ (word >> 31);
  }

  std::uint64_t n_;
  std::uint64_t state_;
};

// The t of each resample that has spread: how far its mean lies from that of the values, in units
// of its own standard deviation (the square root of n stays out here and in the interval).
std::vector<double> resampled_t(const std::vector<double>& values, double center) {
  PlaceStream places(values.size());
  std::vector<double> resample(values.size());
  std::vector<double> t;
  t.reserve(kResamples);
  for (int i = 0; i < kResamples; ++i) {
    places.fill(resample, values);
    const double resample_mean = mean_of(resample);
    const double deviation = standard_deviation_around(resample_mean, resample);
    // Rounding can give equal values a spread, and values that differ by 1e-200 none.
    if (deviation == 0 || all_equal(resample)) continue;
    t.push_back((resample_mean - center) / deviation);
  }
  return t;
}

}  // namespace

double mean(const std::vector<double>& values) {
  require_finite(values, "mean: needs finite values");
  return mean_of(values);
}

double standard_deviation(const std::vector<double>& values) {
  require_finite(values, "standard_deviation: needs finite values");
  require(values.size() > 1, "standard_deviation: needs two values");
  return standard_deviation_around(mean_of(values), values);
}

double interquartile_mean(std::vector<double> values) {
  require_finite(values, "interquartile_mean: needs finite values");
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double weighted = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    // The value fills the stretch [i, i + 1] of [0, n]; its weight is what lies in the middle half.
    const auto start = static_cast<double>(i);
    const double weight = std::min(start + 1, 0.75 * n) - std::max(start, 0.25 * n);
    if (weight > 0) weighted += weight * values[i];
  }
  return weighted / (0.5 * n);
}

double quantile(std::vector<double> values, double probability) {
  require_finite(values, "quantile: needs finite values");
  const Position position = position_of(probability, values.size());
  const auto below = values.begin() + static_cast<std::ptrdiff_t>(position.below);
  std::nth_element(values.begin(), below, values.end());
  const double above =
      below + 1 == values.end() ? *below : *std::min_element(below + 1, values.end());
  return between(*below, above, position.fraction);
}

double quantile_of_sorted(const std::vector<double>& sorted, double probability) {
  require(!sorted.empty(), "quantile_of_sorted: needs values");
  const Position position = position_of(probability, sorted.size());
  const std::size_t above = std::min(position.below + 1, sorted.size() - 1);
  return between(sorted[position.below], sorted[above], position.fraction);
}

std::optional<Interval> bootstrap_t_interval(const std::vector<double>& values) {
  if (values.size() < kFewestForInterval) return std::nullopt;
  require_finite(values, "bootstrap_t_interval: needs finite values");
  const double center = mean_of(values);
  const double deviation = standard_deviation_around(center, values);
  if (deviation == 0 || all_equal(values)) return Interval{center, center};
  if (!std::isfinite(deviation)) return std::nullopt;
  const std::vector<double> t = resampled_t(values, center);
  // The tails change sides: a resample's mean too far up says that the true one lies further down.
  return Interval{center - quantile(t, 1 - kTail) * deviation,
                  center - quantile(t, kTail) * deviation};
}

}  // namespace clipsweep
