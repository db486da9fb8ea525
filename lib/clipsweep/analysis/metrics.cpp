#include "clipsweep/analysis/metrics.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "clipsweep/base/statistics.h"

namespace clipsweep {
namespace {

double best_accuracy(const std::vector<EpochRecord>& epochs) {
  double best = 0;
  for (const auto& epoch : epochs) best = std::max(best, epoch.test_accuracy);
  return best;
}

// The median of the last evaluations; accuracy_of: of an epoch.
template <typename AccuracyOf>
double late_accuracy(const std::vector<EpochRecord>& epochs, const AccuracyOf& accuracy_of) {
  std::vector<double> late;
  for (std::size_t i = epochs.size() - std::min(epochs.size(), kLateEvaluations); i < epochs.size();
       ++i)
    late.push_back(accuracy_of(epochs[i]));
  return quantile(std::move(late), 0.5);
}

double test_accuracy(const EpochRecord& epoch) { return epoch.test_accuracy; }

double train_loss_area(const std::vector<EpochRecord>& epochs) {
  double area = 0;
  for (const auto& epoch : epochs) area += epoch.train_loss;
  return area;
}

std::optional<double> steps_to_accuracy(const std::vector<EpochRecord>& epochs,
                                        const MetricBasis& basis) {
  for (const auto& epoch : epochs)
    if (epoch.test_accuracy >= basis.target_accuracy)
      return static_cast<double>(epoch.epoch * basis.steps_per_epoch);
  return std::nullopt;
}

std::optional<double> measured_value(const std::vector<EpochRecord>& epochs, Metric metric,
                                     const MetricBasis& basis) {
  switch (metric) {
    case Metric::kLateTestAccuracy:
      return late_accuracy(epochs, test_accuracy);
    case Metric::kFinalTestAccuracy:
      return epochs.back().test_accuracy;
    case Metric::kBestTestAccuracy:
      return best_accuracy(epochs);
    case Metric::kFinalTestLoss:
      return epochs.back().test_loss;
    case Metric::kFinalTrainLoss:
      return epochs.back().train_loss;
    case Metric::kTrainLossArea:
      return train_loss_area(epochs);
    case Metric::kStepsToAccuracy:
      return steps_to_accuracy(epochs, basis);
  }
  throw std::logic_error("measured_value: unknown metric");
}

std::optional<double> share_of_steps(std::uint64_t count, const RunTotals& totals) {
  if (totals.steps == 0) return std::nullopt;
  return static_cast<double>(count) / static_cast<double>(totals.steps);
}

}  // namespace

std::optional<double> metric_value(const RunRecord& record, Metric metric,
                                   const MetricBasis& basis) {
  const auto chance =
      entry_of(metric).is_accuracy ? std::optional(basis.chance_accuracy) : std::nullopt;
  if (counts_as_diverged(record)) return chance;
  if (record.outcome != Outcome::kCompleted || record.epochs.empty()) return std::nullopt;
  const auto value = measured_value(record.epochs, metric, basis);
  return value && !std::isfinite(*value) ? chance : value;
}

std::optional<double> choice_value(const RunRecord& record, const MetricBasis& basis) {
  if (!basis.validation) return metric_value(record, kJudgedMetric, basis);
  if (counts_as_diverged(record)) return basis.validation->chance_accuracy;
  const auto lacks_it = [](const EpochRecord& epoch) { return !epoch.validation; };
  const auto& epochs = record.epochs;
  if (record.outcome != Outcome::kCompleted || epochs.empty() ||
      std::any_of(epochs.begin(), epochs.end(), lacks_it))
    return std::nullopt;
  return late_accuracy(epochs, [](const EpochRecord& epoch) { return epoch.validation->accuracy; });
}

bool is_better_than_chance(double mean_accuracy, const MetricBasis& basis) {
  const double chance = basis.choice_chance_accuracy();
  const std::uint64_t samples =
      basis.validation ? basis.validation->samples : basis.test_samples.value_or(0);
  double margin = 0.01;
  if (samples > 0) margin = 2 * std::sqrt(chance * (1 - chance) / static_cast<double>(samples));
  return mean_accuracy > chance + margin;
}

bool is_solved_at_end(const RunRecord& record, const MetricBasis& basis) {
  return basis.solved_accuracy && record.outcome == Outcome::kCompleted && !is_stalled(record) &&
         !record.epochs.empty() && record.epochs.back().test_accuracy > *basis.solved_accuracy;
}

std::optional<double> clipped_share(const RunTotals& totals) {
  return share_of_steps(totals.clipped_steps, totals);
}

std::optional<double> skipped_share(const RunTotals& totals) {
  return share_of_steps(totals.skipped_steps, totals);
}

}  // namespace clipsweep
