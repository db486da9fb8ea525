#include "clipsweep/analysis/comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "clipsweep/base/name_table.h"
#include "clipsweep/base/statistics.h"
#include "clipsweep/statistics/mean_inference.h"
#include "clipsweep/statistics/proportions.h"
#include "clipsweep/statistics/ranks.h"
#include "clipsweep/statistics/sample_size.h"

namespace clipsweep {
namespace {

constexpr NameTable<Verdict, 4> kVerdicts = {{{Verdict::kBetter, "better"},
                                              {Verdict::kWorse, "worse"},
                                              {Verdict::kNoDifference, "no difference seen"},
                                              {Verdict::kIdentical, "identical"}}};

// The values of both sides at one seed.
struct Pair {
  std::optional<double> value;
  std::optional<double> reference;
};

// How the differences of a metric are judged.
struct Scale {
  bool higher_is_better;
  double smallest_of_interest;

  double gain(double difference) const { return higher_is_better ? difference : -difference; }
};

std::vector<Pair> pairs_of(const Arm& arm, const Arm& baseline, Metric metric,
                           const MetricBasis& basis) {
  std::vector<Pair> pairs;
  for (const auto& [seed, run] : arm.runs)
    if (const auto other = baseline.runs.find(seed); other != baseline.runs.end())
      pairs.push_back(
          {metric_value(*run, metric, basis), metric_value(*other->second, metric, basis)});
  return pairs;
}

std::vector<double> differences_of(const std::vector<Pair>& pairs) {
  std::vector<double> differences;
  for (const auto& [value, reference] : pairs)
    if (value && reference) differences.push_back(*value - *reference);
  return differences;
}

// The arm's gain at each seed; infinite if only one side has a value.
std::vector<double> gains_of(const std::vector<Pair>& pairs, const Scale& scale) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> gains;
  for (const auto& [value, reference] : pairs) {
    if (value && reference)
      gains.push_back(scale.gain(*value - *reference));
    else
      gains.push_back(value ? kInfinity : reference ? -kInfinity : 0);
  }
  return gains;
}

// Counts the better, worse and equal gains in a result that has these three members.
template <typename Result>
void count_gains(const std::vector<double>& gains, Result& result) {
  result.n = gains.size();
  for (const double gain : gains)
    ++(gain > 0 ? result.better : gain < 0 ? result.worse : result.equal);
}

RankComparison compare_ranks(const std::vector<double>& gains) {
  RankComparison ranks;
  count_gains(gains, ranks);
  if (gains.empty()) return ranks;
  const double improvements =
      static_cast<double>(ranks.better) + static_cast<double>(ranks.equal) / 2;
  ranks.probability_of_improvement = improvements / static_cast<double>(ranks.n);
  ranks.interval = wilson_interval(improvements, ranks.n);
  ranks.p_value = signed_rank_p_value(gains);
  return ranks;
}

// Better or worse exactly if the interval excludes zero, which is if the p-value is below 0.05.
std::optional<Verdict> verdict_on(const Interval& interval, std::size_t pairs, const Scale& scale) {
  if (pairs < kMinPairsForVerdict) return std::nullopt;
  if (interval.lower <= 0 && interval.upper >= 0) return Verdict::kNoDifference;
  return scale.gain(interval.lower) > 0 ? Verdict::kBetter : Verdict::kWorse;
}

void set_seeds_needed(const std::vector<double>& differences, const Scale& scale,
                      MetricDifference& result) {
  result.seeds_needed = pairs_needed(standard_deviation(differences), scale.smallest_of_interest);
  result.seeds_needed_range = pairs_needed_range(differences, scale.smallest_of_interest);
  if (*result.mean != 0)
    result.seeds_needed_for_mean = pairs_needed_range(differences, std::abs(*result.mean));
}

MetricDifference compare_pairs(const std::vector<Pair>& pairs, const Scale& scale) {
  MetricDifference result;
  result.ranks = compare_ranks(gains_of(pairs, scale));
  const auto differences = differences_of(pairs);
  if (differences.empty()) return result;
  std::vector<double> gains;
  for (const double difference : differences) gains.push_back(scale.gain(difference));
  count_gains(gains, result);
  result.mean = mean(differences);
  result.interquartile_mean = interquartile_mean(differences);
  const auto inference = infer_mean(differences);
  if (!inference) return result;
  result.interval = inference->interval;
  result.p_value = inference->p_value;
  result.verdict = verdict_on(inference->interval, differences.size(), scale);
  const bool is_clear = result.verdict && result.verdict != Verdict::kNoDifference;
  if (!is_clear && scale.smallest_of_interest > 0) set_seeds_needed(differences, scale, result);
  return result;
}

Scale scale_of(Metric metric) {
  const MetricEntry& entry = entry_of(metric);
  return {entry.is_accuracy, entry.smallest_of_interest};
}

// Whether every run ended with the same weights as its partner; false without any pair.
bool are_identical(const Arm& arm, const Arm& baseline) {
  std::size_t pairs = 0;
  for (const auto& [seed, run] : arm.runs) {
    const auto other = baseline.runs.find(seed);
    if (other == baseline.runs.end()) continue;
    ++pairs;
    if (run->final_weights_sha256.empty() ||
        run->final_weights_sha256 != other->second->final_weights_sha256)
      return false;
  }
  return pairs > 0;
}

void mark_identical(MetricDifference& difference) {
  if (difference.n == 0) return;
  difference.verdict = Verdict::kIdentical;
  difference.seeds_needed = std::nullopt;
  difference.seeds_needed_range = std::nullopt;
  difference.seeds_needed_for_mean = std::nullopt;
}

// The distances of each pair's late accuracies from the medians of the two arms.
std::vector<Pair> distances_from_medians(const std::vector<Pair>& pairs) {
  std::vector<double> values;
  std::vector<double> references;
  for (const auto& [value, reference] : pairs) {
    if (!value || !reference) continue;
    values.push_back(*value);
    references.push_back(*reference);
  }
  if (values.empty()) return {};
  const double median = quantile(values, 0.5);
  const double reference_median = quantile(references, 0.5);
  std::vector<Pair> distances;
  for (std::size_t i = 0; i < values.size(); ++i)
    distances.push_back({std::abs(values[i] - median), std::abs(references[i] - reference_median)});
  return distances;
}

}  // namespace

const char* to_text(Verdict verdict) { return name_in(kVerdicts, verdict); }

std::vector<std::string> verdict_names() { return names_in(kVerdicts); }

Comparison compare(const Arm& arm, const Arm& baseline, const MetricBasis& basis) {
  constexpr Scale kSpreadScale = {false, 0.01};
  Comparison comparison;
  comparison.arm = arm_name(*arm.first);
  comparison.baseline = arm_name(*baseline.first);
  for (const auto& entry : kMetrics)
    comparison.metrics[entry.metric] = compare_metric(arm, baseline, entry.metric, basis);
  comparison.spread = compare_pairs(
      distances_from_medians(pairs_of(arm, baseline, kJudgedMetric, basis)), kSpreadScale);
  comparison.collapses = compare_collapses(arm, baseline, basis);
  comparison.solved = compare_solved(arm, baseline, basis);
  comparison.solved_at_end = compare_solved_at_end(arm, baseline, basis);
  if (are_identical(arm, baseline)) {
    for (const auto& entry : kMetrics) mark_identical(comparison.metrics[entry.metric]);
    mark_identical(comparison.spread);
  }
  return comparison;
}

MetricDifference compare_metric(const Arm& arm, const Arm& baseline, Metric metric,
                                const MetricBasis& basis) {
  return compare_pairs(pairs_of(arm, baseline, metric, basis), scale_of(metric));
}

std::vector<double> paired_differences(const Arm& arm, const Arm& baseline, Metric metric,
                                       const MetricBasis& basis) {
  return differences_of(pairs_of(arm, baseline, metric, basis));
}

}  // namespace clipsweep
