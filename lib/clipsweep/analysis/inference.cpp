#include "clipsweep/analysis/inference.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <functional>
#include <numeric>

#include "clipsweep/base/error.h"
#include "clipsweep/base/random.h"
#include "clipsweep/base/statistics.h"

namespace clipsweep {
namespace {

constexpr int kResamples = 10'000;
constexpr double kTail = kSignificanceLevel / 2;  // on either side of a 95 % interval
constexpr double kMinStudentRatio = 0.8;
constexpr double kMaxStudentRatio = 2;
constexpr std::size_t kMaxForExactRanks = 50;

double z_of(double probability) {
  return boost::math::quantile(boost::math::normal(), probability);
}

// ---- The mean ----

bool all_equal(const std::vector<double>& values) {
  return std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
}

// Random indices in [0, n) by SplitMix64 (Steele, Lea & Flood, 2014), two per word. The summary of
// a sweep draws hundreds of millions, and RandomStream's exact `below` would take most of the time.
// For realistic n, the bias of an index is less than one part in a million.
class IndexStream {
 public:
  explicit IndexStream(std::size_t n) : n_(n), state_(RandomStream(0, "bootstrap").below(~0ULL)) {}

  void fill(std::vector<double>& resample, const std::vector<double>& values) {
    for (std::size_t i = 0; i + 1 < resample.size(); i += 2) {
      const std::uint64_t word = next_word();
      resample[i] = values[index_of(word >> 32)];
      resample[i + 1] = values[index_of(word & 0xffffffffULL)];
    }
    if (resample.size() % 2 == 1) resample.back() = values[index_of(next_word() >> 32)];
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

// The sorted t of each resample whose values differ: the distance of its mean from the mean of the
// values, in units of its own standard error.
std::vector<double> resampled_t(const std::vector<double>& values, double center) {
  IndexStream indices(values.size());
  std::vector<double> resample(values.size());
  std::vector<double> t;
  t.reserve(kResamples);
  const double root_n = std::sqrt(static_cast<double>(values.size()));
  for (int i = 0; i < kResamples; ++i) {
    indices.fill(resample, values);
    const double deviation = standard_deviation(resample);
    // Rounding can give equal values a deviation, and values that differ by 1e-200 none.
    if (deviation == 0 || all_equal(resample)) continue;
    t.push_back((mean(resample) - center) / deviation * root_n);
  }
  std::sort(t.begin(), t.end());
  return t;
}

// The distribution of the mean's t over further samples: the bootstrap's, within Student's limits.
class TDistribution {
 public:
  TDistribution(const std::vector<double>& values, double center)
      : student_(static_cast<double>(values.size() - 1)), sorted_(resampled_t(values, center)) {}

  double lower_quantile() const { return -limited(-quantile_of_sorted(sorted_, kTail)); }
  double upper_quantile() const { return limited(quantile_of_sorted(sorted_, 1 - kTail)); }

  // Twice the smallest tail at which an interval around a mean of this t excludes zero. A positive
  // t is compared with the upper tail, a negative one with the lower.
  double p_value(double t) const {
    const double size = std::abs(t);
    const double bootstrap =
        (static_cast<double>(beyond(t)) + 1) / static_cast<double>(sorted_.size() + 1);
    const double tail = std::max(student_tail(size / kMinStudentRatio),
                                 std::min(bootstrap, student_tail(size / kMaxStudentRatio)));
    return std::min(1.0, 2 * tail);
  }

 private:
  double limited(double quantile) const {
    const double student = boost::math::quantile(student_, 1 - kTail);
    return std::clamp(quantile, kMinStudentRatio * student, kMaxStudentRatio * student);
  }

  double student_tail(double t) const { return cdf(complement(student_, t)); }

  std::ptrdiff_t beyond(double t) const {
    return t > 0 ? sorted_.end() - std::lower_bound(sorted_.begin(), sorted_.end(), t)
                 : std::upper_bound(sorted_.begin(), sorted_.end(), t) - sorted_.begin();
  }

  boost::math::students_t student_;
  std::vector<double> sorted_;
};

// For equal values: the probability that all have the same sign if chance decides each sign.
MeanInference inference_of_equal_values(double value, std::size_t n) {
  return {{value, value}, value == 0 ? 1 : std::pow(0.5, static_cast<double>(n) - 1)};
}

// ---- Ranks ----

struct RankedDifference {
  double size;
  bool positive;
};

std::vector<RankedDifference> without_zeros(const std::vector<double>& differences) {
  std::vector<RankedDifference> ranked;
  for (const double difference : differences) {
    require(!std::isnan(difference), "signed_rank_p_value: needs numbers");
    if (difference != 0) ranked.push_back({std::abs(difference), difference > 0});
  }
  std::sort(ranked.begin(), ranked.end(),
            [](const auto& a, const auto& b) { return a.size < b.size; });
  return ranked;
}

// Twice the rank of each difference, so that the mean ranks of equal sizes are whole numbers.
std::vector<std::size_t> doubled_ranks(const std::vector<RankedDifference>& sorted) {
  std::vector<std::size_t> ranks(sorted.size());
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin;
    while (end < sorted.size() && sorted[end].size == sorted[begin].size) ++end;
    std::fill(ranks.begin() + static_cast<std::ptrdiff_t>(begin),
              ranks.begin() + static_cast<std::ptrdiff_t>(end), begin + 1 + end);
    begin = end;
  }
  return ranks;
}

// The probability that a sum of ranks with random signs is at most `sum`.
double exact_lower_tail(const std::vector<std::size_t>& ranks, std::size_t sum) {
  std::vector<double> ways(std::accumulate(ranks.begin(), ranks.end(), std::size_t{1}), 0.0);
  ways[0] = 1;
  std::size_t largest = 0;
  for (const std::size_t rank : ranks) {
    largest += rank;
    for (std::size_t s = largest; s + 1 > rank; --s) ways[s] = (ways[s] + ways[s - rank]) / 2;
    for (std::size_t s = 0; s < rank; ++s) ways[s] /= 2;
  }
  return std::accumulate(ways.begin(), ways.begin() + static_cast<std::ptrdiff_t>(sum) + 1, 0.0);
}

double normal_lower_tail(const std::vector<std::size_t>& ranks, std::size_t sum) {
  double mean = 0;
  double variance = 0;
  for (const std::size_t rank : ranks) {
    mean += static_cast<double>(rank) / 2;
    variance += static_cast<double>(rank) * static_cast<double>(rank) / 4;
  }
  return cdf(boost::math::normal(), (static_cast<double>(sum) - mean) / std::sqrt(variance));
}

}  // namespace

std::optional<MeanInference> infer_mean(const std::vector<double>& values) {
  if (values.size() < kMinPairsForInterval) return std::nullopt;
  const double center = mean(values);
  const double deviation = standard_deviation(values);
  if (deviation == 0 || all_equal(values)) return inference_of_equal_values(center, values.size());
  if (!std::isfinite(deviation)) return std::nullopt;
  const double error = deviation / std::sqrt(static_cast<double>(values.size()));
  const TDistribution t(values, center);
  // The tails change sides: if the means of resamples are too high, the true mean is lower.
  return MeanInference{{center - t.upper_quantile() * error, center - t.lower_quantile() * error},
                       t.p_value(center / error)};
}

Interval wilson_interval(double successes, std::uint64_t trials) {
  require(trials > 0 && successes >= 0 && successes <= static_cast<double>(trials),
          "wilson_interval: needs successes from 0 to the number of trials");
  const auto n = static_cast<double>(trials);
  const double share = successes / n;
  const double z = z_of(1 - kTail);
  const double center = share + z * z / (2 * n);
  const double half = z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  const double scale = 1 + z * z / n;
  // Exactly 0 and 1 at the ends; rounding would leave 1e-17.
  return {successes == 0 ? 0 : (center - half) / scale,
          successes == n ? 1 : (center + half) / scale};
}

double signed_rank_p_value(const std::vector<double>& differences) {
  const auto sorted = without_zeros(differences);
  if (sorted.empty()) return 1;
  const auto ranks = doubled_ranks(sorted);
  std::size_t positive = 0;
  std::size_t all = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    all += ranks[i];
    if (sorted[i].positive) positive += ranks[i];
  }
  const std::size_t smaller = std::min(positive, all - positive);
  const double tail = sorted.size() <= kMaxForExactRanks ? exact_lower_tail(ranks, smaller)
                                                         : normal_lower_tail(ranks, smaller);
  return std::min(1.0, 2 * tail);
}

std::vector<double> holm_adjusted(const std::vector<double>& p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const double remaining = static_cast<double>(order.size() - rank);
    largest = std::max(largest, std::min(1.0, remaining * p_values[order[rank]]));
    adjusted[order[rank]] = largest;
  }
  return adjusted;
}

std::uint64_t pairs_needed(double standard_deviation, double mean_difference) {
  require(mean_difference > 0 && standard_deviation >= 0 && std::isfinite(standard_deviation),
          "pairs_needed: needs a difference above 0 and a finite standard deviation");
  constexpr double kPower = 0.8;
  const double z = z_of(1 - kTail);
  const double effect = (z + z_of(kPower)) * standard_deviation / mean_difference;
  const double pairs = std::ceil(effect * effect + z * z / 2);
  return std::max(static_cast<std::uint64_t>(kMinPairsForInterval),
                  static_cast<std::uint64_t>(std::min(pairs, 1e15)));
}

}  // namespace clipsweep
