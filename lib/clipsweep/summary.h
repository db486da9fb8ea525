// From runs to arms and their paired comparison with the baseline: what runs.csv and summary.json
// hold. results/README.md says how each number is counted; printing is left to summary_text.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/json.h"
#include "clipsweep/result_folder.h"
#include "clipsweep/run_record.h"
#include "clipsweep/statistics.h"
#include "clipsweep/sweep_plan.h"
#include "clipsweep/what_if.h"

namespace clipsweep {

// Guessing one of ten classes: what a diverged run's accuracy counts as.
inline constexpr double kChanceAccuracy = 0.1;

// What arms are judged by.
enum class Metric { kFinalTestAccuracy, kBestTestAccuracy, kFinalTestLoss, kFinalTrainLoss };

struct MetricEntry {
  Metric metric;
  const char* name;  // in JSON
  bool is_accuracy;  // higher is better, and a diverged run has one; of a loss neither is true
};

const std::array<MetricEntry, 4>& metrics();

// One value for each metric.
template <typename Value>
class PerMetric {
 public:
  Value& operator[](Metric metric) { return values_[static_cast<std::size_t>(metric)]; }
  const Value& operator[](Metric metric) const { return values_[static_cast<std::size_t>(metric)]; }

 private:
  std::array<Value, 4> values_;
};

// One metric over the runs of an arm.
struct MetricSummary {
  std::uint64_t n = 0;
  std::optional<double> mean, standard_deviation, interquartile_mean, min, max;
};

// Over the runs of an arm: medians of their quantiles, and the largest norm of all.
struct NormSummary {
  std::optional<double> median, p90, p99, max;
};

// What clipping was for an arm, in plain words, by the share of steps on which it acted.
enum class Reading {
  kNoClipping,
  kNeverActed,       // the same run as the baseline
  kSafetyNet,        // on up to a tenth of the steps
  kActsOften,        // in between
  kStepSizeLimiter,  // on nine tenths and more: in effect another learning rate
};
const char* to_text(Reading reading);
Reading reading_of(const ClipRule& rule, double clipped_share);

struct ArmSummary {
  std::string name;
  ClipRule clip;
  double learning_rate = 0;
  Regularization regularization;
  std::vector<std::uint64_t> seeds;  // of the runs that completed or diverged
  std::uint64_t completed = 0;
  std::uint64_t diverged = 0;
  PerMetric<MetricSummary> metrics;
  std::optional<double> clipped_share;
  std::optional<double> mean_cosine;  // over the runs that have one
  std::optional<Reading> reading;
  NormSummary grad_norm_raw;
};

// One metric, arm minus baseline, over the seeds that both have.
struct MetricDifference {
  std::uint64_t n = 0;
  std::optional<double> mean;
  std::optional<Interval> interval;
  std::uint64_t better = 0;
  std::uint64_t worse = 0;
  std::uint64_t equal = 0;
};

struct Comparison {
  std::string arm;
  std::string baseline;
  PerMetric<MetricDifference> metrics;
};

// How often thresholds would have acted on the steps of an arm without clipping, over its runs.
struct WhatIfTable {
  std::string baseline;
  WhatIfCounts counts;
};

struct RunCounts {
  std::uint64_t planned = 0;
  std::uint64_t completed = 0;
  std::uint64_t diverged = 0;
  std::uint64_t failed = 0;
  std::uint64_t interrupted = 0;
  std::uint64_t unfinished = 0;
};

struct Summary {
  RunCounts runs;
  std::vector<ArmSummary> arms;         // by learning rate, then mode (none first), then threshold
  std::vector<Comparison> comparisons;  // in the order of the arms
  std::vector<WhatIfTable> what_if;     // of the arms without clipping, in their order
};

// The value by which a run enters the comparison: nothing where it does not enter.
std::optional<double> metric_value(const RunRecord& record, Metric metric);

// The share of a run's steps on which clipping acted; nothing before its first step.
std::optional<double> clipped_share(const RunTotals& totals);

// `records` has one entry for each run of the plan, empty where the run is unfinished.
Summary summarize(const std::vector<RunSpec>& plan,
                  const std::vector<std::optional<RunRecord>>& records);

Json to_json(const Summary& summary);

// The content of runs.csv.
std::string runs_csv(const std::vector<RunSpec>& plan,
                     const std::vector<std::optional<RunRecord>>& records);

// The content of summary.json.
std::string summary_page(const Summary& summary);

// Reads the runs of a sweep and writes its runs.csv and summary.json anew. Throws DataError on a
// damaged run, StorageError where it cannot write.
Summary rebuild_summary(const SweepFolder& sweep);

}  // namespace clipsweep
