#include "clipsweep/analysis/paired_shares.h"

#include <algorithm>
#include <vector>

#include "clipsweep/base/statistics.h"

namespace clipsweep {
namespace {

// The runs of both sides at one seed.
struct RunPair {
  const RunRecord* run;
  const RunRecord* reference;
};

std::vector<RunPair> run_pairs(const Arm& arm, const Arm& baseline) {
  std::vector<RunPair> pairs;
  for (const auto& [seed, run] : arm.runs)
    if (const auto other = baseline.runs.find(seed); other != baseline.runs.end())
      pairs.push_back({run, other->second});
  return pairs;
}

template <typename Happened>
PairedShares shares_of(const std::vector<RunPair>& pairs, const Happened& happened) {
  PairedShares shares;
  PairedCounts& counts = shares.counts;
  for (const auto& [run, reference] : pairs) {
    const bool in_arm = happened(*run);
    const bool in_baseline = happened(*reference);
    ++(in_arm        ? in_baseline ? counts.both : counts.only_first
       : in_baseline ? counts.only_second
                     : counts.neither);
  }
  shares.difference = (static_cast<double>(counts.first()) - static_cast<double>(counts.second())) /
                      static_cast<double>(counts.n());
  shares.interval = newcombe_interval(counts);
  shares.p_value = exact_mcnemar_p_value(counts);
  return shares;
}

// Whether a run collapsed.
struct CollapseRule {
  double bar;
  const MetricBasis& basis;

  bool operator()(const RunRecord& run) const {
    return counts_as_diverged(run) || *metric_value(run, kJudgedMetric, basis) < bar;
  }
};

double collapse_bar(const std::vector<RunPair>& pairs, const MetricBasis& basis) {
  std::vector<double> values;
  std::vector<double> references;
  for (const auto& [run, reference] : pairs) {
    values.push_back(*metric_value(*run, kJudgedMetric, basis));
    references.push_back(*metric_value(*reference, kJudgedMetric, basis));
  }
  // Rounding must not make a run collapse that is below by the margin exactly.
  constexpr double kRounding = 1e-9;
  return std::max(quantile(values, 0.5), quantile(references, 0.5)) - kCollapseMargin - kRounding;
}

}  // namespace

std::optional<CollapseComparison> compare_collapses(const Arm& arm, const Arm& baseline,
                                                    const MetricBasis& basis) {
  auto pairs = run_pairs(arm, baseline);
  const auto lacks_value = [&](const RunPair& pair) {
    return !metric_value(*pair.run, kJudgedMetric, basis) ||
           !metric_value(*pair.reference, kJudgedMetric, basis);
  };
  pairs.erase(std::remove_if(pairs.begin(), pairs.end(), lacks_value), pairs.end());
  if (pairs.empty()) return std::nullopt;
  const CollapseRule collapsed = {collapse_bar(pairs, basis), basis};
  CollapseComparison comparison;
  comparison.shares = shares_of(pairs, collapsed);
  std::vector<double> others;
  for (const auto& [run, reference] : pairs)
    if (!collapsed(*run) && !collapsed(*reference))
      others.push_back(*metric_value(*run, kJudgedMetric, basis) -
                       *metric_value(*reference, kJudgedMetric, basis));
  comparison.other_pairs = others.size();
  if (others.empty()) return comparison;
  comparison.other_mean = mean(others);
  comparison.other_interquartile_mean = interquartile_mean(others);
  return comparison;
}

std::optional<PairedShares> compare_solved(const Arm& arm, const Arm& baseline,
                                           const MetricBasis& basis) {
  const auto pairs = run_pairs(arm, baseline);
  if (pairs.empty() || !basis.solved_accuracy) return std::nullopt;
  return shares_of(pairs, [](const RunRecord& run) { return run.solved_at_step.has_value(); });
}

std::optional<PairedShares> compare_solved_at_end(const Arm& arm, const Arm& baseline,
                                                  const MetricBasis& basis) {
  const auto pairs = run_pairs(arm, baseline);
  if (pairs.empty() || !basis.solved_accuracy) return std::nullopt;
  return shares_of(pairs, [&](const RunRecord& run) { return is_solved_at_end(run, basis); });
}

}  // namespace clipsweep
