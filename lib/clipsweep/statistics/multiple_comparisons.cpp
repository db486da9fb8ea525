#include "clipsweep/statistics/multiple_comparisons.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "clipsweep/base/error.h"
#include "clipsweep/base/random.h"
#include "clipsweep/base/statistics.h"
#include "clipsweep/statistics/resampling.h"
#include "clipsweep/statistics/t_limits.h"

namespace clipsweep {
namespace {

// ---- The largest t ----

// The values of an arm as distances from their mean, with a weight of 0 where it has none.
struct CenteredArm {
  std::vector<double> deviations;
  std::vector<double> present;  // 0 or 1
};

std::vector<double> known_values(const std::vector<std::optional<double>>& values) {
  std::vector<double> known;
  for (const auto& value : values)
    if (value) known.push_back(*value);
  return known;
}

// The arms that have a t: at least five values, not all equal.
std::vector<CenteredArm> arms_with_t(const ArmValues& values) {
  std::vector<CenteredArm> arms;
  for (const auto& arm : values) {
    const auto known = known_values(arm);
    if (known.size() < kMinPairsForInterval || !differ(known)) continue;
    const double center = mean(known);
    CenteredArm centered;
    for (const auto& value : arm) {
      centered.deviations.push_back(value ? *value - center : 0);
      centered.present.push_back(value ? 1 : 0);
    }
    arms.push_back(std::move(centered));
  }
  return arms;
}

// The t of an arm in a resample that has each seed `counts[i]` times; nothing if its values are
// equal there.
std::optional<double> t_of(const CenteredArm& arm, const std::vector<double>& counts) {
  double n = 0;
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double weighted = counts[i] * arm.deviations[i];
    n += counts[i] * arm.present[i];
    sum += weighted;
    squares += weighted * arm.deviations[i];
  }
  if (n < 2) return std::nullopt;
  const double average = sum / n;
  const double variance = (squares - n * average * average) / (n - 1);
  // The sums of equal values cancel but for their rounding.
  if (variance <= 1e-12 * squares / n) return std::nullopt;
  return average / std::sqrt(variance / n);
}

ResampledT extreme_t(const std::vector<CenteredArm>& arms, std::size_t n) {
  IndexStream indices(n);
  std::vector<double> counts(n);
  ResampledT result;
  for (int i = 0; i < kResamples; ++i) {
    std::fill(counts.begin(), counts.end(), 0);
    indices.draw([&](std::size_t index) { ++counts[index]; });
    double largest = -std::numeric_limits<double>::infinity();
    double smallest = std::numeric_limits<double>::infinity();
    for (const auto& arm : arms) {
      const auto t = t_of(arm, counts);
      if (!t) continue;
      largest = std::max(largest, *t);
      smallest = std::min(smallest, *t);
    }
    if (largest < smallest) continue;
    result.largest.push_back(largest);
    result.smallest.push_back(smallest);
  }
  return result;
}

MeanInference wider(const MeanInference& a, const MeanInference& b) {
  return {
      {std::min(a.interval.lower, b.interval.lower), std::max(a.interval.upper, b.interval.upper)},
      std::max(a.p_value, b.p_value)};
}

// The inference about one of `means` arms, of which `alone` is what it would be by itself.
// `extremes` are needed if its values differ.
MeanInference together_with(const MeanInference& alone, const std::vector<double>& values,
                            const std::optional<ResampledT>& extremes, std::size_t means) {
  const double center = mean(values);
  MeanInference together = {{center, center}, alone.p_value * static_cast<double>(means)};
  if (differ(values)) {
    const double error = standard_deviation(values) / std::sqrt(static_cast<double>(values.size()));
    together = inference_within_student({center, error, values.size()}, *extremes, means);
  }
  together.p_value = std::min(together.p_value, 1.0);
  return without_assumptions(wider(alone, together), values.size());
}

// ---- Splits of the seeds ----

constexpr int kSplits = 1000;

// The seeds at which every arm and every baseline has a value.
std::vector<std::size_t> common_seeds(const SplitValues& arms, const SplitValues& baselines) {
  std::vector<std::size_t> seeds;
  const auto all_have = [](const ArmValues& values, std::size_t seed) {
    return std::all_of(values.begin(), values.end(),
                       [seed](const auto& arm) { return arm[seed].has_value(); });
  };
  for (std::size_t seed = 0; seed < arms.judged.front().size(); ++seed)
    if (all_have(arms.judged, seed) && all_have(arms.choice, seed) &&
        all_have(baselines.judged, seed) && all_have(baselines.choice, seed))
      seeds.push_back(seed);
  return seeds;
}

// The sum over the seeds in [begin, end) of one arm.
template <typename Iterator>
double sum_over(const std::vector<std::optional<double>>& arm, Iterator begin, Iterator end) {
  return std::accumulate(begin, end, 0.0,
                         [&](double sum, std::size_t seed) { return sum + *arm[seed]; });
}

// The index of the arm with the highest sum over the seeds in [begin, end); the first of equals.
template <typename Iterator>
std::size_t best_over(const ArmValues& arms, Iterator begin, Iterator end) {
  std::size_t best = 0;
  double highest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < arms.size(); ++i)
    if (const double sum = sum_over(arms[i], begin, end); sum > highest) {
      best = i;
      highest = sum;
    }
  return best;
}

}  // namespace

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

std::optional<MeanInference> infer_chosen_mean(const ArmValues& differences, std::size_t chosen) {
  return infer_chosen_means(differences, {chosen}).front();
}

std::vector<std::optional<MeanInference>> infer_chosen_means(
    const ArmValues& differences, const std::vector<std::size_t>& chosen) {
  std::optional<ResampledT> extremes;  // of all arms; drawn when first needed
  std::vector<std::optional<MeanInference>> inferences;
  for (const std::size_t index : chosen) {
    require(index < differences.size(), "infer_chosen_means: needs some of the arms");
    const auto values = known_values(differences[index]);
    const auto alone = infer_mean(values);
    if (alone && differences.size() > 1 && differ(values) && !extremes)
      extremes = extreme_t(arms_with_t(differences), differences.front().size());
    inferences.push_back(alone && differences.size() > 1
                             ? together_with(*alone, values, extremes, differences.size())
                             : alone);
  }
  return inferences;
}

std::optional<double> split_seed_gain(const ArmValues& arms, const ArmValues& baselines) {
  return split_seed_gain(SplitValues{arms, arms}, SplitValues{baselines, baselines});
}

std::optional<double> split_seed_gain(const SplitValues& arms, const SplitValues& baselines) {
  const auto is_whole = [](const SplitValues& values) {
    return !values.judged.empty() && values.judged.size() == values.choice.size();
  };
  require(is_whole(arms) && is_whole(baselines), "split_seed_gain: needs an arm and a baseline");
  auto seeds = common_seeds(arms, baselines);
  if (seeds.size() < 2) return std::nullopt;
  RandomStream random(0, "split-seed");
  const auto half = static_cast<std::ptrdiff_t>(seeds.size() / 2);
  double sum = 0;
  for (int split = 0; split < kSplits; ++split) {
    for (std::size_t i = seeds.size() - 1; i > 0; --i)
      std::swap(seeds[i], seeds[random.below(i + 1)]);
    const auto middle = seeds.begin() + half;
    const auto& arm = arms.judged[best_over(arms.choice, seeds.begin(), middle)];
    const auto& baseline = baselines.judged[best_over(baselines.choice, seeds.begin(), middle)];
    const auto others = static_cast<double>(seeds.end() - middle);
    sum += (sum_over(arm, middle, seeds.end()) - sum_over(baseline, middle, seeds.end())) / others;
  }
  return sum / kSplits;
}

}  // namespace clipsweep
