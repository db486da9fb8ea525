#include "clipsweep/analysis/runs_csv.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "clipsweep/base/span.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/json.h"

namespace clipsweep {
namespace {

// A column: its name and its text in a run's row, empty if missing.
struct CsvColumn {
  const char* name;
  std::string (*text)(const RunSpec& run, const RunRecord* record, const MetricBasis& basis);
};

std::string field(const std::optional<double>& value) {
  if (!value) return "";
  const Json json = json_number(*value);
  return json.is_string() ? json.get<std::string>() : shortest(*value);
}

template <Metric kMetric>
std::string metric_field(const RunSpec&, const RunRecord* record, const MetricBasis& basis) {
  return record ? field(metric_value(*record, kMetric, basis)) : "";
}

template <double NormQuantiles::*kQuantile>
std::string norm_field(const RunSpec&, const RunRecord* record, const MetricBasis&) {
  if (!record || !record->totals.grad_norm_raw) return "";
  return field((*record->totals.grad_norm_raw).*kQuantile);
}

template <double UpdateRatio::*kMember>
std::string ratio_field(const RunSpec&, const RunRecord* record, const MetricBasis&) {
  if (!record || !record->totals.update_ratio) return "";
  return field((*record->totals.update_ratio).*kMember);
}

// New columns come last, because scripts may refer to columns by position.
const std::vector<CsvColumn> kCsvColumns = {
    {"id", [](auto& run, auto*, auto&) { return run.id; }},
    {"mode", [](auto& run, auto*, auto&) { return std::string(entry_of(run.clip.mode).name); }},
    {"threshold",
     [](auto& run, auto*, auto&) {
       return entry_of(run.clip.mode).takes_threshold() ? field(run.clip.threshold) : "";
     }},
    {"learning_rate", [](auto& run, auto*, auto&) { return field(run.learning_rate); }},
    {"seed", [](auto& run, auto*, auto&) { return std::to_string(run.seed); }},
    {"outcome",
     [](auto&, auto* record, auto&) {
       return std::string(record ? to_text(record->outcome) : "unfinished");
     }},
    {"steps", [](auto&, auto* record,
                 auto&) { return record ? std::to_string(record->totals.steps) : std::string(); }},
    {"final_test_accuracy", metric_field<Metric::kFinalTestAccuracy>},
    {"best_test_accuracy", metric_field<Metric::kBestTestAccuracy>},
    {"final_test_loss", metric_field<Metric::kFinalTestLoss>},
    {"final_train_loss", metric_field<Metric::kFinalTrainLoss>},
    {"clipped_share",
     [](auto&, auto* record, auto&) {
       return record ? field(clipped_share(record->totals)) : std::string();
     }},
    {"grad_norm_median", norm_field<&NormQuantiles::median>},
    {"grad_norm_p90", norm_field<&NormQuantiles::p90>},
    {"grad_norm_p99", norm_field<&NormQuantiles::p99>},
    {"grad_norm_max", norm_field<&NormQuantiles::max>},
    {"events",
     [](auto&, auto* record, auto&) {
       return record ? std::to_string(record->events.size()) : std::string();
     }},
    {"mean_cosine",
     [](auto&, auto* record, auto&) {
       return record ? field(record->totals.mean_cosine) : std::string();
     }},
    {"output_threshold", [](auto& run, auto*, auto&) { return field(run.clip.output_threshold); }},
    {"weight_decay",
     [](auto& run, auto*, auto&) { return field(run.regularization.weight_decay); }},
    {"decoupled_weight_decay",
     [](auto& run, auto*, auto&) { return field(run.regularization.decoupled_weight_decay); }},
    {"l1", [](auto& run, auto*, auto&) { return field(run.regularization.l1); }},
    {"train_loss_area", metric_field<Metric::kTrainLossArea>},
    {"steps_to_accuracy", metric_field<Metric::kStepsToAccuracy>},
    {"spikes",
     [](auto&, auto* record, auto&) {
       return record ? std::to_string(record->totals.spikes) : std::string();
     }},
    {"perturbed",
     [](auto& run, auto*, auto&) { return std::string(run.perturbed ? "true" : "false"); }},
    {"cell", [](auto& run, auto*, auto&) { return std::string(to_text(run.setup.cell)); }},
    {"init", [](auto& run, auto*, auto&) { return to_text(run.setup.init); }},
    {"late_test_accuracy", metric_field<Metric::kLateTestAccuracy>},
    {"solved_at_step",
     [](auto&, auto* record, auto&) {
       return record && record->solved_at_step ? std::to_string(*record->solved_at_step)
                                               : std::string();
     }},
    {"solved_at_end",
     [](auto&, auto* record, auto& basis) {
       if (!record || !reached_outcome(*record) || !basis.solved_accuracy) return std::string();
       return std::string(is_solved_at_end(*record, basis) ? "true" : "false");
     }},
    {"skipped",
     [](auto&, auto* record, auto&) {
       return record ? std::to_string(record->totals.skipped_steps) : std::string();
     }},
    {"skipped_share",
     [](auto&, auto* record, auto&) {
       return record ? field(skipped_share(record->totals)) : std::string();
     }},
    {"stalled",
     [](auto&, auto* record, auto&) {
       return record ? std::string(is_stalled(*record) ? "true" : "false") : std::string();
     }},
    {"late_validation_accuracy",
     [](auto&, auto* record, auto& basis) {
       return record && basis.validation ? field(choice_value(*record, basis)) : std::string();
     }},
    {"bits_per_character",
     [](auto&, auto* record, auto& basis) {
       if (!record || !basis.symbol_entropy) return std::string();
       const auto loss = metric_value(*record, Metric::kFinalTestLoss, basis);
       return field(loss ? std::optional(*loss / kNatsPerBit) : std::nullopt);
     }},
    {"update_ratio_median", ratio_field<&UpdateRatio::median>},
    {"update_ratio_max", ratio_field<&UpdateRatio::max>},
};

constexpr std::size_t kOutcomeColumn = 5;
constexpr std::size_t kMinColumns = 28;  // up to `init`, as in the first version

bool is_damaged(const SweepRuns& runs, const std::string& id) {
  return std::any_of(runs.damaged.begin(), runs.damaged.end(),
                     [&](const DamagedRun& run) { return run.id == id; });
}

// The value of each training setting that varies. All runs of a sweep have the same ones.
std::vector<VariedSetting> varied_in(const SweepRuns& runs) {
  return runs.plan.empty() ? std::vector<VariedSetting>() : runs.plan.front().setup.varied.values();
}

std::string field(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_line(value);
}

// The first of these columns, and those of settings that vary, as rows.
std::string csv_of(const SweepRuns& runs, std::size_t columns) {
  std::vector<std::string> fields;
  const Span<const CsvColumn> shown(kCsvColumns.data(), columns);
  for (const auto& column : shown) fields.emplace_back(column.name);
  for (const auto& setting : varied_in(runs)) fields.push_back(setting.key);
  std::string csv = join(fields, ",") + "\n";
  for (std::size_t i = 0; i < runs.plan.size(); ++i) {
    const RunSpec& run = runs.plan[i];
    const RunRecord* record = runs.records[i] ? &*runs.records[i] : nullptr;
    fields.clear();
    for (const auto& column : shown)
      fields.push_back(column.text(run, record, runs.basis_of(run.setup)));
    for (const auto& setting : run.setup.varied.values()) fields.push_back(field(setting.value));
    if (!record && is_damaged(runs, run.id)) fields[kOutcomeColumn] = "damaged";
    csv += join(fields, ",") + "\n";
  }
  return csv;
}

}  // namespace

std::string runs_csv(const SweepRuns& runs) { return csv_of(runs, kCsvColumns.size()); }

std::string runs_csv_like(std::string_view content, const SweepRuns& runs) {
  const std::string_view header = content.substr(0, content.find('\n'));
  const auto columns = static_cast<std::size_t>(std::count(header.begin(), header.end(), ',')) + 1;
  const bool is_earlier = columns >= kMinColumns && columns < kCsvColumns.size();
  return csv_of(runs, is_earlier ? columns : kCsvColumns.size());
}

}  // namespace clipsweep
