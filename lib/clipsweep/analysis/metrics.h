// What runs are compared by, declared before any result is seen, and the value that a run has in
// each. results/statistics.md says why a diverged run counts as it does.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "clipsweep/records/run_record.h"

namespace clipsweep {

enum class Metric {
  kFinalTestAccuracy,  // the one that verdicts are about
  kBestTestAccuracy,
  kFinalTestLoss,
  kFinalTrainLoss,
  kTrainLossArea,    // under the training loss, in loss x epochs
  kStepsToAccuracy,  // until an evaluation reached the target
};

struct MetricEntry {
  Metric metric;
  const char* name;  // in JSON
  bool is_accuracy;  // higher is better, and a diverged run has one; of the others neither is true
  // A difference that matters, for saying how many seeds would show it; 0 where there is none.
  double smallest_of_interest;
};

const std::array<MetricEntry, 6>& metrics();
const MetricEntry& entry_of(Metric metric);

// One value for each metric.
template <typename Value>
class PerMetric {
 public:
  Value& operator[](Metric metric) { return values_[static_cast<std::size_t>(metric)]; }
  const Value& operator[](Metric metric) const { return values_[static_cast<std::size_t>(metric)]; }

 private:
  std::array<Value, 6> values_;
};

// What the values of a sweep's runs depend on beside the runs themselves.
struct MetricBasis {
  double chance_accuracy = 0.1;  // what a diverged run's accuracy counts as
  double target_accuracy = 0.6;  // of the test set
  std::uint64_t steps_per_epoch = 500;
  bool can_be_solved = false;  // the task (task_table.h)
};

// The value by which a run enters the comparison: nothing where it has none. A diverged run has the
// accuracy of chance and no other value.
std::optional<double> metric_value(const RunRecord& record, Metric metric,
                                   const MetricBasis& basis);

// The share of a run's steps on which clipping acted; nothing before its first step.
std::optional<double> clipped_share(const RunTotals& totals);

}  // namespace clipsweep
