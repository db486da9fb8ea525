#include "clipsweep/statistics/ranks.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "clipsweep/base/error.h"

namespace clipsweep {
namespace {

constexpr std::size_t kMaxForExactRanks = 50;

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

}  // namespace clipsweep
