#include "clipsweep/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "clipsweep/name_table.h"
#include "clipsweep/text.h"

namespace clipsweep {
namespace {

constexpr double kMostOfASafetyNet = 0.1;
constexpr double kLeastOfALimiter = 0.9;

constexpr NameTable<Reading, 5> kReadings = {{{Reading::kNoClipping, "no clipping"},
                                              {Reading::kNeverActed, "never acted"},
                                              {Reading::kSafetyNet, "safety net"},
                                              {Reading::kActsOften, "acts often"},
                                              {Reading::kStepSizeLimiter, "step-size limiter"}}};

// An arm's runs that reached an outcome, by seed.
using CountedRuns = std::map<std::uint64_t, const RunRecord*>;

struct Arm {
  const RunSpec* first;
  CountedRuns runs;
};

bool counts(const RunRecord& record) {
  return record.outcome == Outcome::kCompleted || record.outcome == Outcome::kDiverged;
}

const MetricEntry& entry_of(Metric metric) { return metrics()[static_cast<std::size_t>(metric)]; }

double measured_value(const std::vector<EpochRecord>& epochs, Metric metric) {
  switch (metric) {
    case Metric::kFinalTestAccuracy:
      return epochs.back().test_accuracy;
    case Metric::kBestTestAccuracy:
      return std::max_element(epochs.begin(), epochs.end(),
                              [](const EpochRecord& a, const EpochRecord& b) {
                                return a.test_accuracy < b.test_accuracy;
                              })
          ->test_accuracy;
    case Metric::kFinalTestLoss:
      return epochs.back().test_loss;
    case Metric::kFinalTrainLoss:
      return epochs.back().train_loss;
  }
  throw std::logic_error("measured_value: unknown metric");
}

std::vector<Arm> arms_of(const std::vector<RunSpec>& plan,
                         const std::vector<std::optional<RunRecord>>& records) {
  const auto order = [](const RunSpec& run) {
    const auto& remedies = run.regularization;
    return std::make_tuple(run.learning_rate, remedies.weight_decay,
                           remedies.decoupled_weight_decay, remedies.l1, run.clip.mode,
                           run.clip.threshold, run.clip.output_threshold, arm_name(run));
  };
  std::map<decltype(order(plan.front())), Arm> arms;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    Arm& arm = arms.try_emplace(order(plan[i]), Arm{&plan[i], {}}).first->second;
    if (records[i] && counts(*records[i])) arm.runs.emplace(plan[i].seed, &*records[i]);
  }
  std::vector<Arm> sorted;
  for (auto& [key, arm] : arms) sorted.push_back(std::move(arm));
  return sorted;
}

MetricSummary summarize_values(const std::vector<double>& values) {
  MetricSummary summary;
  summary.n = values.size();
  if (values.empty()) return summary;
  summary.mean = mean(values);
  if (values.size() > 1) summary.standard_deviation = standard_deviation(values);
  summary.interquartile_mean = interquartile_mean(values);
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  summary.min = *least;
  summary.max = *most;
  return summary;
}

MetricSummary summarize_metric(const CountedRuns& runs, Metric metric) {
  std::vector<double> values;
  for (const auto& [seed, run] : runs)
    if (const auto value = metric_value(*run, metric)) values.push_back(*value);
  return summarize_values(values);
}

std::optional<double> mean_clipped_share(const CountedRuns& runs) {
  std::vector<double> shares;
  for (const auto& [seed, run] : runs)
    if (const auto share = clipped_share(run->totals)) shares.push_back(*share);
  if (shares.empty()) return std::nullopt;
  return mean(shares);
}

std::optional<double> mean_cosine(const CountedRuns& runs) {
  std::vector<double> cosines;
  for (const auto& [seed, run] : runs)
    if (const auto cosine = run->totals.mean_cosine) cosines.push_back(*cosine);
  if (cosines.empty()) return std::nullopt;
  return mean(cosines);
}

// Over the runs, the quantile at `probability` of one of each run's own quantiles.
std::optional<double> norm_over(const CountedRuns& runs, double NormQuantiles::*own,
                                double probability) {
  std::vector<double> norms;
  for (const auto& [seed, run] : runs)
    if (const auto& quantiles = run->totals.grad_norm_raw;
        quantiles && std::isfinite((*quantiles).*own))
      norms.push_back((*quantiles).*own);
  if (norms.empty()) return std::nullopt;
  return quantile(std::move(norms), probability);
}

NormSummary summarize_norms(const CountedRuns& runs) {
  return {norm_over(runs, &NormQuantiles::median, 0.5), norm_over(runs, &NormQuantiles::p90, 0.5),
          norm_over(runs, &NormQuantiles::p99, 0.5), norm_over(runs, &NormQuantiles::max, 1)};
}

ArmSummary summarize_arm(const Arm& arm) {
  ArmSummary summary;
  summary.name = arm_name(*arm.first);
  summary.clip = arm.first->clip;
  summary.learning_rate = arm.first->learning_rate;
  summary.regularization = arm.first->regularization;
  for (const auto& [seed, run] : arm.runs) {
    summary.seeds.push_back(seed);
    ++(run->outcome == Outcome::kCompleted ? summary.completed : summary.diverged);
  }
  for (const auto& entry : metrics())
    summary.metrics[entry.metric] = summarize_metric(arm.runs, entry.metric);
  summary.clipped_share = mean_clipped_share(arm.runs);
  summary.mean_cosine = mean_cosine(arm.runs);
  if (summary.clipped_share) summary.reading = reading_of(summary.clip, *summary.clipped_share);
  summary.grad_norm_raw = summarize_norms(arm.runs);
  return summary;
}

// Arm minus baseline, for each seed at which both have a value.
std::vector<double> paired_differences(const CountedRuns& arm, const CountedRuns& baseline,
                                       Metric metric) {
  std::vector<double> differences;
  for (const auto& [seed, run] : arm) {
    const auto other = baseline.find(seed);
    if (other == baseline.end()) continue;
    const auto value = metric_value(*run, metric);
    const auto reference = metric_value(*other->second, metric);
    if (value && reference) differences.push_back(*value - *reference);
  }
  return differences;
}

MetricDifference compare_metric(const CountedRuns& arm, const CountedRuns& baseline,
                                Metric metric) {
  const auto differences = paired_differences(arm, baseline, metric);
  MetricDifference result;
  result.n = differences.size();
  if (differences.empty()) return result;
  result.mean = mean(differences);
  result.interval = bootstrap_t_interval(differences);
  for (const double difference : differences) {
    const double gain = entry_of(metric).is_accuracy ? difference : -difference;
    ++(gain > 0 ? result.better : gain < 0 ? result.worse : result.equal);
  }
  return result;
}

Comparison compare(const Arm& arm, const Arm& baseline) {
  Comparison comparison{arm_name(*arm.first), arm_name(*baseline.first), {}};
  for (const auto& entry : metrics())
    comparison.metrics[entry.metric] = compare_metric(arm.runs, baseline.runs, entry.metric);
  return comparison;
}

bool is_baseline(const Arm& arm) { return arm.first->clip.mode == ClipMode::kNone; }

// The arm that an arm is compared with: everything equal but for the clipping, or, where there is
// none, for the regularization.
RunSpec baseline_of(RunSpec spec) {
  if (spec.clip.mode == ClipMode::kNone) spec.regularization = {};
  spec.clip = {};
  return spec;
}

std::vector<Comparison> compare_with_baselines(const std::vector<Arm>& arms) {
  std::map<std::string, const Arm*> by_name;
  for (const auto& arm : arms) by_name.emplace(arm_name(*arm.first), &arm);
  std::vector<Comparison> comparisons;
  for (const auto& arm : arms) {
    const std::string name = arm_name(baseline_of(*arm.first));
    const auto baseline = by_name.find(name);
    if (name != arm_name(*arm.first) && baseline != by_name.end())
      comparisons.push_back(compare(arm, *baseline->second));
  }
  return comparisons;
}

std::vector<WhatIfTable> what_if_tables(const std::vector<Arm>& arms) {
  std::vector<WhatIfTable> tables;
  for (const auto& arm : arms) {
    if (!is_baseline(arm)) continue;
    WhatIfTable table{arm_name(*arm.first), {}};
    for (const auto& [seed, run] : arm.runs) table.counts += run->totals.what_if;
    if (table.counts.steps > 0) tables.push_back(std::move(table));
  }
  return tables;
}

RunCounts count_runs(const std::vector<std::optional<RunRecord>>& records) {
  RunCounts counts;
  counts.planned = records.size();
  for (const auto& record : records) {
    if (!record) {
      ++counts.unfinished;
      continue;
    }
    switch (record->outcome) {
      case Outcome::kCompleted:
        ++counts.completed;
        break;
      case Outcome::kDiverged:
        ++counts.diverged;
        break;
      case Outcome::kFailed:
        ++counts.failed;
        break;
      case Outcome::kInterrupted:
        ++counts.interrupted;
        break;
    }
  }
  return counts;
}

Json to_json(const RunCounts& runs) {
  return {{"planned", runs.planned},         {"completed", runs.completed},
          {"diverged", runs.diverged},       {"failed", runs.failed},
          {"interrupted", runs.interrupted}, {"unfinished", runs.unfinished}};
}

Json to_json(const MetricSummary& metric) {
  return {{"n", metric.n},
          {"mean", json_optional(metric.mean)},
          {"sd", json_optional(metric.standard_deviation)},
          {"iqm", json_optional(metric.interquartile_mean)},
          {"min", json_optional(metric.min)},
          {"max", json_optional(metric.max)}};
}

Json to_json(const NormSummary& norms) {
  return {{"median", json_optional(norms.median)},
          {"p90", json_optional(norms.p90)},
          {"p99", json_optional(norms.p99)},
          {"max", json_optional(norms.max)}};
}

Json to_json(const ArmSummary& arm) {
  Json json = {{"arm", arm.name}};
  json.update(to_json(arm.clip));
  json["learning_rate"] = json_number(arm.learning_rate);
  add_json(json, arm.regularization);
  json["seeds"] = arm.seeds;
  json["completed"] = arm.completed;
  json["diverged"] = arm.diverged;
  for (const auto& entry : metrics()) json[entry.name] = to_json(arm.metrics[entry.metric]);
  json["clipped_share"] = json_optional(arm.clipped_share);
  json["mean_cosine"] = json_optional(arm.mean_cosine);
  json["reading"] = arm.reading ? Json(to_text(*arm.reading)) : Json(nullptr);
  json["grad_norm_raw"] = to_json(arm.grad_norm_raw);
  return json;
}

Json to_json(const MetricDifference& difference) {
  Json interval = nullptr;
  if (difference.interval)
    interval = Json::array(
        {json_number(difference.interval->lower), json_number(difference.interval->upper)});
  return {{"n", difference.n},
          {"mean_difference", json_optional(difference.mean)},
          {"interval", std::move(interval)},
          {"better", difference.better},
          {"worse", difference.worse},
          {"equal", difference.equal}};
}

Json to_json(const Comparison& comparison) {
  Json json = {{"arm", comparison.arm}, {"baseline", comparison.baseline}};
  for (const auto& entry : metrics()) json[entry.name] = to_json(comparison.metrics[entry.metric]);
  return json;
}

Json to_json(const WhatIfTable& table) {
  const WhatIfCounts& counts = table.counts;
  const auto share = [&](std::uint64_t acted) {
    return json_number(static_cast<double>(acted) / static_cast<double>(counts.steps));
  };
  Json rows = Json::array();
  for (std::size_t i = 0; i < kWhatIfThresholds.size(); ++i)
    rows.push_back({{"threshold", json_number(kWhatIfThresholds[i])},
                    {"value", share(counts.value[i])},
                    {"global_norm", share(counts.global_norm[i])},
                    {"tensor_norm", share(counts.tensor_norm[i])}});
  return {{"baseline", table.baseline}, {"steps", counts.steps}, {"acted", std::move(rows)}};
}

template <typename Item>
Json list_of(const std::vector<Item>& items) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(to_json(item));
  return list;
}

// A number as a field of runs.csv: empty where it is missing.
std::string field(const std::optional<double>& value) {
  if (!value) return "";
  const Json json = json_number(*value);
  return json.is_string() ? json.get<std::string>() : shortest(*value);
}

std::vector<std::string> plan_fields(const RunSpec& run) {
  const auto& mode = entry_of(run.clip.mode);
  return {run.id, mode.name, mode.takes_threshold() ? field(run.clip.threshold) : "",
          field(run.learning_rate), std::to_string(run.seed)};
}

// What became an axis after the columns had their order.
std::vector<std::string> later_plan_fields(const RunSpec& run) {
  return {field(run.clip.output_threshold), field(run.regularization.weight_decay),
          field(run.regularization.decoupled_weight_decay), field(run.regularization.l1)};
}

std::vector<std::string> result_fields(const RunRecord& record) {
  std::vector<std::string> fields = {to_text(record.outcome), std::to_string(record.totals.steps)};
  for (const auto& entry : metrics()) fields.push_back(field(metric_value(record, entry.metric)));
  fields.push_back(field(clipped_share(record.totals)));
  const auto& norms = record.totals.grad_norm_raw;
  for (const auto quantile :
       {&NormQuantiles::median, &NormQuantiles::p90, &NormQuantiles::p99, &NormQuantiles::max})
    fields.push_back(norms ? field((*norms).*quantile) : "");
  fields.push_back(std::to_string(record.events.size()));
  fields.push_back(field(record.totals.mean_cosine));
  return fields;
}

}  // namespace

const std::array<MetricEntry, 4>& metrics() {
  static constexpr std::array<MetricEntry, 4> kMetrics = {
      {{Metric::kFinalTestAccuracy, "final_test_accuracy", true},
       {Metric::kBestTestAccuracy, "best_test_accuracy", true},
       {Metric::kFinalTestLoss, "final_test_loss", false},
       {Metric::kFinalTrainLoss, "final_train_loss", false}}};
  return kMetrics;
}

std::optional<double> metric_value(const RunRecord& record, Metric metric) {
  const bool is_accuracy = entry_of(metric).is_accuracy;
  const auto chance = is_accuracy ? std::optional(kChanceAccuracy) : std::nullopt;
  if (record.outcome == Outcome::kDiverged) return chance;
  if (record.outcome != Outcome::kCompleted || record.epochs.empty()) return std::nullopt;
  const double value = measured_value(record.epochs, metric);
  return std::isfinite(value) ? value : chance;
}

std::optional<double> clipped_share(const RunTotals& totals) {
  if (totals.steps == 0) return std::nullopt;
  return static_cast<double>(totals.clipped_steps) / static_cast<double>(totals.steps);
}

const char* to_text(Reading reading) { return name_in(kReadings, reading); }

Reading reading_of(const ClipRule& rule, double clipped_share) {
  if (rule.mode == ClipMode::kNone) return Reading::kNoClipping;
  if (clipped_share == 0) return Reading::kNeverActed;
  if (clipped_share <= kMostOfASafetyNet) return Reading::kSafetyNet;
  return clipped_share < kLeastOfALimiter ? Reading::kActsOften : Reading::kStepSizeLimiter;
}

Summary summarize(const std::vector<RunSpec>& plan,
                  const std::vector<std::optional<RunRecord>>& records) {
  if (plan.size() != records.size())
    throw std::logic_error("summarize: needs one record for each run of the plan");
  const std::vector<Arm> arms = arms_of(plan, records);
  Summary summary;
  summary.runs = count_runs(records);
  for (const auto& arm : arms) summary.arms.push_back(summarize_arm(arm));
  summary.comparisons = compare_with_baselines(arms);
  summary.what_if = what_if_tables(arms);
  return summary;
}

Json to_json(const Summary& summary) {
  return {{"schema", kSummarySchema},
          {"runs", to_json(summary.runs)},
          {"chance_accuracy", kChanceAccuracy},
          {"arms", list_of(summary.arms)},
          {"comparisons", list_of(summary.comparisons)},
          {"what_if", list_of(summary.what_if)}};
}

std::string runs_csv(const std::vector<RunSpec>& plan,
                     const std::vector<std::optional<RunRecord>>& records) {
  std::string csv =
      "id,mode,threshold,learning_rate,seed,outcome,steps,final_test_accuracy,best_test_accuracy,"
      "final_test_loss,final_train_loss,clipped_share,grad_norm_median,grad_norm_p90,grad_norm_p99,"
      "grad_norm_max,events,mean_cosine,output_threshold,weight_decay,decoupled_weight_decay,l1\n";
  constexpr std::size_t kResultFields = 13;
  const std::string unfinished = "unfinished" + std::string(kResultFields - 1, ',');
  for (std::size_t i = 0; i < plan.size(); ++i)
    csv += join(plan_fields(plan[i]), ",") + "," +
           (records[i] ? join(result_fields(*records[i]), ",") : unfinished) + "," +
           join(later_plan_fields(plan[i]), ",") + "\n";
  return csv;
}

std::string summary_page(const Summary& summary) { return to_page(to_json(summary)) + "\n"; }

Summary rebuild_summary(const SweepFolder& sweep) {
  std::vector<std::optional<RunRecord>> records;
  for (const auto& run : sweep.runs) records.push_back(read_run(sweep, run));
  const Summary summary = summarize(sweep.runs, records);
  write_file(runs_csv_path(sweep.folder), runs_csv(sweep.runs, records));
  write_file(summary_path(sweep.folder), summary_page(summary));
  return summary;
}

}  // namespace clipsweep
