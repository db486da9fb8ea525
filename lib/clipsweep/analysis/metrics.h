// The metrics that runs are compared by, declared before any result is seen, and a run's value in
// each. results/statistics.md explains how a diverged run counts.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "clipsweep/records/run_record.h"

namespace clipsweep {

enum class Metric {
  kLateTestAccuracy,  // the median of the last three evaluations
  kFinalTestAccuracy,
  kBestTestAccuracy,
  kFinalTestLoss,
  kFinalTrainLoss,
  kTrainLossArea,    // the area under the training loss, in loss x epochs
  kStepsToAccuracy,  // steps until an evaluation reached the target accuracy
};

// ln 2: a loss in nats, divided by it, is in bits.
inline constexpr double kNatsPerBit = 0.693147180559945309417;

// The metric that verdicts are about. The last evaluation alone may fall into a spike of the loss:
// the median of three does not, and halves the standard deviation between seeds.
inline constexpr Metric kJudgedMetric = Metric::kLateTestAccuracy;
inline constexpr std::size_t kLateEvaluations = 3;

struct MetricEntry {
  Metric metric;
  const char* name;  // in JSON
  // Higher is better, and a diverged run has a value; neither holds for the other metrics.
  bool is_accuracy;
  // The smallest difference that matters, for the number of seeds that would show it; 0 if
  // undefined.
  double smallest_of_interest;
};

// In the order of the enum.
inline constexpr std::array kMetrics = {
    MetricEntry{Metric::kLateTestAccuracy, "late_test_accuracy", true, 0.01},
    MetricEntry{Metric::kFinalTestAccuracy, "final_test_accuracy", true, 0.01},
    MetricEntry{Metric::kBestTestAccuracy, "best_test_accuracy", true, 0.01},
    MetricEntry{Metric::kFinalTestLoss, "final_test_loss", false, 0.01},
    MetricEntry{Metric::kFinalTrainLoss, "final_train_loss", false, 0.01},
    MetricEntry{Metric::kTrainLossArea, "train_loss_area", false, 0},
    MetricEntry{Metric::kStepsToAccuracy, "steps_to_accuracy", false, 0}};

constexpr const MetricEntry& entry_of(Metric metric) {
  return kMetrics[static_cast<std::size_t>(metric)];
}

// One value for each metric.
template <typename Value>
class PerMetric {
 public:
  Value& operator[](Metric metric) { return values_[static_cast<std::size_t>(metric)]; }
  const Value& operator[](Metric metric) const { return values_[static_cast<std::size_t>(metric)]; }

 private:
  std::array<Value, kMetrics.size()> values_;
};

// The set that arms are chosen by (--validation-share), and the accuracy on it that needs no
// learning.
struct ValidationBasis {
  double chance_accuracy = 0;
  std::uint64_t samples = 0;
};

// The settings of a sweep that the metrics of its runs depend on.
struct MetricBasis {
  // The accuracy that needs no learning (chance_level.h), and that a diverged run counts with.
  double chance_accuracy = 0.1;
  double target_accuracy = 0.6;  // on the test set
  std::uint64_t steps_per_epoch = 500;
  std::optional<double> solved_accuracy = {};  // of tasks that can be solved (task_table.h)
  // The size of the test set that chance was counted over; nothing in sweeps of earlier versions.
  std::optional<std::uint64_t> test_samples = {};
  std::optional<ValidationBasis> validation = {};  // nothing without a validation set
  // Of text: the entropy of the symbol frequencies of the test set, in nats.
  std::optional<double> symbol_entropy = {};
  std::optional<double> entropy_rate = {};  // of generated text: its least loss, in nats
  // Whether the test set is a sample of the user's data, which another sample would differ from.
  bool has_data_set = false;

  // Chance on the set that arms are chosen by.
  double choice_chance_accuracy() const {
    return validation ? validation->chance_accuracy : chance_accuracy;
  }
};

// The value with which a run enters the comparison; nothing if it has none. A run that diverged or
// stalled has chance accuracy and no other value.
std::optional<double> metric_value(const RunRecord& record, Metric metric,
                                   const MetricBasis& basis);

// The late accuracy on the set that arms are chosen by: the validation set if there is one, else
// the test set. Diverged runs count as above.
std::optional<double> choice_value(const RunRecord& record, const MetricBasis& basis);

// Whether a mean accuracy on the set that arms are chosen by is above chance by more than a network
// that learnt nothing could be by luck: by two standard errors of a share of that many samples, 2
// sqrt(c (1 - c) / N) at chance c, or by a point if N is unknown. All runs share the set, so more
// seeds narrow this by nothing.
bool is_better_than_chance(double mean_accuracy, const MetricBasis& basis);

// Whether the last evaluation of a run found the task solved. False if it diverged or stalled, or
// if the task cannot be solved.
bool is_solved_at_end(const RunRecord& record, const MetricBasis& basis);

// The share of a run's steps on which clipping acted, and of those whose update was skipped because
// of a value that was not finite; nothing if it has no step.
std::optional<double> clipped_share(const RunTotals& totals);
std::optional<double> skipped_share(const RunTotals& totals);

}  // namespace clipsweep
