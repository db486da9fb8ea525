#include "clipsweep/records/run_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "clipsweep/base/error.h"
#include "clipsweep/base/statistics.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/records/record_members.h"

namespace clipsweep {
namespace {

Json null_if_empty(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

template <typename List>
Json null_if_empty(const List& list) {
  return list.empty() ? Json(nullptr) : clipsweep::to_json(list);
}

Json to_json(const EpochRecord& epoch) {
  Json json = {{"epoch", epoch.epoch},
               {"train_loss", json_number(epoch.train_loss)},
               {"train_accuracy", json_number(epoch.train_accuracy)},
               {"test_loss", json_number(epoch.test_loss)},
               {"test_accuracy", json_number(epoch.test_accuracy)},
               {"clipped_share", json_number(epoch.clipped_share)}};
  if (epoch.validation) {
    json["validation_loss"] = json_number(epoch.validation->loss);
    json["validation_accuracy"] = json_number(epoch.validation->accuracy);
  }
  if (epoch.gate_norms) json["gate_norms"] = null_if_empty(*epoch.gate_norms);
  if (epoch.spectral_radius) json["spectral_radius"] = null_if_empty(*epoch.spectral_radius);
  return json;
}

EpochRecord epoch_from_json(const Json& json) {
  EpochRecord epoch;
  epoch.epoch = count_member(json, "epoch");
  epoch.train_loss = number_member(json, "train_loss");
  epoch.train_accuracy = number_member(json, "train_accuracy");
  epoch.test_loss = number_member(json, "test_loss");
  epoch.test_accuracy = number_member(json, "test_accuracy");
  epoch.clipped_share = number_member(json, "clipped_share");
  if (json.contains("validation_accuracy"))
    epoch.validation = Evaluation{number_member(json, "validation_loss"),
                                  number_member(json, "validation_accuracy")};
  // Missing in runs of earlier versions.
  if (json.contains("gate_norms"))
    epoch.gate_norms = json["gate_norms"].is_null()
                           ? GateNumbers{}
                           : gate_numbers_from_json(json["gate_norms"], "gate_norms");
  if (json.contains("spectral_radius"))
    epoch.spectral_radius = json["spectral_radius"].is_null()
                                ? std::vector<LayerRadii>{}
                                : layer_radii_from_json(json["spectral_radius"], "spectral_radius");
  return epoch;
}

Json to_json(const WhatIfCounts& counts) {
  return {{"steps", counts.steps},
          {"thresholds", kWhatIfThresholds},
          {"value", counts.value},
          {"global_norm", counts.global_norm},
          {"tensor_norm", counts.tensor_norm}};
}

WhatIfCounts::Counts counts_member(const Json& object, const char* key) {
  const Json& values = list_member(object, key);
  WhatIfCounts::Counts counts{};
  if (values.size() != counts.size())
    throw DataError(fmt::format("\"{}\" must have {} counts, one per threshold, not {}", key,
                                counts.size(), values.size()));
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (!values[i].is_number_unsigned())
      throw DataError(fmt::format("\"{}\" must hold whole numbers from 0", key));
    counts[i] = values[i].get<std::uint64_t>();
  }
  return counts;
}

WhatIfCounts what_if_from_json(const Json& json) {
  if (member(json, "thresholds") != Json(kWhatIfThresholds))
    throw DataError("\"thresholds\" differ from those of this version");
  return {count_member(json, "steps"), counts_member(json, "value"),
          counts_member(json, "global_norm"), counts_member(json, "tensor_norm")};
}

Json sums_json(const LinearFit& fit) {
  return {{"points", fit.points},
          {"mean_log_norm", json_number(fit.mean_x)},
          {"mean_log_smoothness", json_number(fit.mean_y)},
          {"norm_squares", json_number(fit.sum_xx)},
          {"smoothness_squares", json_number(fit.sum_yy)},
          {"products", json_number(fit.sum_xy)}};
}

LinearFit fit_from_json(const Json& json) {
  return {count_member(json, "points"),
          finite_member(json, "mean_log_norm"),
          finite_member(json, "mean_log_smoothness"),
          finite_member(json, "norm_squares"),
          finite_member(json, "smoothness_squares"),
          finite_member(json, "products")};
}

Json to_json(const RunTotals& totals) {
  Json quantiles = nullptr;
  if (totals.grad_norm_raw)
    quantiles = {{"median", json_number(totals.grad_norm_raw->median)},
                 {"p90", json_number(totals.grad_norm_raw->p90)},
                 {"p99", json_number(totals.grad_norm_raw->p99)},
                 {"max", json_number(totals.grad_norm_raw->max)}};
  Json json = {{"steps", totals.steps},
               {"clipped_steps", totals.clipped_steps},
               {"skipped_steps", totals.skipped_steps},
               {"nonfinite_steps", totals.nonfinite_steps},
               {"spikes", totals.spikes},
               {"grad_norm_raw", std::move(quantiles)},
               {"mean_cosine", json_optional(totals.mean_cosine)},
               {"what_if", to_json(totals.what_if)}};
  if (totals.trailing_skipped_steps)
    json["trailing_skipped_steps"] = *totals.trailing_skipped_steps;
  if (const auto& ratio = totals.update_ratio)
    json["update_ratio"] = {{"median", json_number(ratio->median)},
                            {"max", json_number(ratio->max)}};
  if (totals.smoothness.points > 0) json["smoothness"] = sums_json(totals.smoothness);
  return json;
}

RunTotals totals_from_json(const Json& json) {
  RunTotals totals;
  totals.steps = count_member(json, "steps");
  totals.clipped_steps = count_member(json, "clipped_steps");
  totals.skipped_steps = count_member(json, "skipped_steps");
  totals.nonfinite_steps = count_member(json, "nonfinite_steps");
  totals.spikes = count_member(json, "spikes");
  const Json& norms = member(json, "grad_norm_raw");
  if (!norms.is_null())
    totals.grad_norm_raw =
        NormQuantiles{finite_member(norms, "median"), finite_member(norms, "p90"),
                      finite_member(norms, "p99"), finite_member(norms, "max")};
  // Missing in runs of earlier versions, which can be resumed and compared all the same.
  if (json.contains("mean_cosine")) totals.mean_cosine = optional_number(json, "mean_cosine");
  if (json.contains("what_if")) totals.what_if = what_if_from_json(json["what_if"]);
  if (json.contains("trailing_skipped_steps"))
    totals.trailing_skipped_steps = count_member(json, "trailing_skipped_steps");
  else if (totals.skipped_steps == 0 || totals.skipped_steps == totals.steps)
    totals.trailing_skipped_steps = totals.skipped_steps;
  if (json.contains("update_ratio")) {
    const Json& ratio = json["update_ratio"];
    totals.update_ratio = UpdateRatio{finite_member(ratio, "median"), finite_member(ratio, "max")};
  }
  if (json.contains("smoothness")) totals.smoothness = fit_from_json(json["smoothness"]);
  return totals;
}

// Empty if it is null or missing.
std::string optional_hash(const Json& hashes, const char* key) {
  const auto found = hashes.find(key);
  return found == hashes.end() || found->is_null() ? "" : string_member(hashes, key);
}

}  // namespace

std::optional<double> update_ratio(const StepRecord& step) {
  if (!step.update_norm || !step.weight_norm) return std::nullopt;
  const double ratio = *step.update_norm / *step.weight_norm;
  return std::isfinite(ratio) ? std::optional(ratio) : std::nullopt;
}

std::optional<UpdateRatio> summary_of_ratios(std::vector<double> ratios) {
  if (ratios.empty()) return std::nullopt;
  std::sort(ratios.begin(), ratios.end());
  return UpdateRatio{quantile_of_sorted(ratios, 0.5), ratios.back()};
}

void add_smoothness(const StepRecord& step, LinearFit& fit) {
  const double norm = step.grad_norm_raw;
  const double smoothness = step.smoothness.value.value_or(0);
  if (norm > 0 && std::isfinite(norm) && smoothness > 0)
    fit.add(std::log10(norm), std::log10(smoothness));
}

const char* to_text(Outcome outcome) { return name_in(kOutcomes, outcome); }

bool reached_outcome(const RunRecord& record) {
  return record.outcome == Outcome::kCompleted || record.outcome == Outcome::kDiverged;
}

bool is_stalled(const RunRecord& record) {
  const std::uint64_t skipped = record.totals.trailing_skipped_steps.value_or(0);
  return record.outcome == Outcome::kCompleted && skipped > 0 &&
         (skipped >= kMinSkippedOfStalled || 2 * skipped >= record.totals.steps);
}

bool counts_as_diverged(const RunRecord& record) {
  return record.outcome == Outcome::kDiverged || is_stalled(record);
}

std::string engine_description(const std::string& engine, const std::string& simd) {
  return engine + ", " + simd;
}

Json to_json(const RunRecord& record) {
  Json json = {{"schema", kRunSchema}};
  json.update(to_json(record.spec));
  json["settings"] = record.settings;
  json["outcome"] = to_text(record.outcome);
  json["reason"] = value_or_null(record.reason);
  json["epochs"] = Json::array();
  for (const auto& epoch : record.epochs) json["epochs"].push_back(to_json(epoch));
  if (record.solved_at_step) json["solved_at_step"] = *record.solved_at_step;
  json["events"] = Json::array();
  for (const auto& event : record.events)
    json["events"].push_back(to_json(event, record.tensor_names));
  json["totals"] = to_json(record.totals);
  for (const auto& probe : record.probes) json["probes"].push_back(to_json(probe));
  json["engine"] = record.engine;
  json["simd"] = record.simd;
  json["sha256"] = {{"initial_weights", record.initial_weights_sha256},
                    {"batch_order", null_if_empty(record.batch_order_sha256)},
                    {"final_weights", record.final_weights_sha256}};
  if (!record.steps_sha256.empty()) {
    json["sha256"]["steps"] = record.steps_sha256;
    json["sha256"]["through_time"] = null_if_empty(record.through_time_sha256);
    json["sha256"]["weights"] = null_if_empty(record.weights_file_sha256);
  }
  json["wall_started"] = record.wall_started;
  json["wall_seconds"] = json_number(record.wall_seconds);
  if (!record.steps_sha256.empty()) json["sha256"]["record"] = record_sha256(json);
  return json;
}

std::string record_sha256(Json run) {
  for (const char* key : {"wall_started", "wall_seconds"}) run.erase(key);
  if (const auto hashes = run.find("sha256"); hashes != run.end() && hashes->is_object())
    hashes->erase("record");
  return sha256_of(to_line(run));
}

RunRecord run_record_from_json(const Json& json) {
  require_schema(json, kRunSchema);
  RunRecord record;
  record.spec = run_spec_from_json(json);
  record.settings = member(json, "settings");
  record.outcome = choice_member(json, "outcome", kOutcomes);
  if (!member(json, "reason").is_null()) record.reason = string_member(json, "reason");
  for (const auto& epoch : list_member(json, "epochs"))
    record.epochs.push_back(epoch_from_json(epoch));
  if (json.contains("solved_at_step")) record.solved_at_step = count_member(json, "solved_at_step");
  for (const auto& event : list_member(json, "events"))
    record.events.push_back(event_from_json(event, record.tensor_names));
  record.totals = totals_from_json(member(json, "totals"));
  if (json.contains("probes"))
    for (const auto& probe : list_member(json, "probes"))
      record.probes.push_back(probe_record_from_json(probe));
  record.engine = string_member(json, "engine");
  record.simd = string_member(json, "simd");
  const Json& hashes = member(json, "sha256");
  record.initial_weights_sha256 = string_member(hashes, "initial_weights");
  record.batch_order_sha256 = optional_hash(hashes, "batch_order");
  record.final_weights_sha256 = string_member(hashes, "final_weights");
  record.steps_sha256 = optional_hash(hashes, "steps");
  record.through_time_sha256 = optional_hash(hashes, "through_time");
  record.weights_file_sha256 = optional_hash(hashes, "weights");
  record.wall_started = string_member(json, "wall_started");
  record.wall_seconds = number_member(json, "wall_seconds");
  return record;
}

}  // namespace clipsweep
