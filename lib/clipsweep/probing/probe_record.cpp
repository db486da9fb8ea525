#include "clipsweep/probing/probe_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "clipsweep/base/error.h"
#include "clipsweep/io/json_members.h"

namespace clipsweep {
namespace {

// ---- To JSON ----

Json json_of(const NoiseHistogram& histogram) {
  Json gaussian = Json::array();
  for (const double expected : histogram.gaussian) gaussian.push_back(json_number(expected));
  return {{"bins_per_decade", kBinsPerDecade},
          {"first_bin", histogram.first_bin},
          {"counts", histogram.counts},
          {"gaussian", std::move(gaussian)}};
}

Json json_of(const std::optional<NoiseHistogram>& histogram) {
  return histogram ? json_of(*histogram) : Json(nullptr);
}

Json json_of(const GradientStatistics& gradients) {
  Json random = Json::array();
  for (const auto& skewness : gradients.random_skewness) random.push_back(json_optional(skewness));
  return {{"mean_gradient_norm", json_number(gradients.mean_gradient_norm)},
          {"expected_gradient_norm", json_optional(gradients.expected_gradient_norm)},
          {"norm_mean", json_number(gradients.norm_mean)},
          {"norm_sd", json_number(gradients.norm_sd)},
          {"noise_variance", json_number(gradients.noise_variance)},
          {"effective_dimension", json_optional(gradients.effective_dimension)},
          {"noise_histogram", json_of(gradients.noise_histogram)},
          {"noise_tail_index", to_json(gradients.noise_tail_index)},
          {"norm_tail_index", to_json(gradients.norm_tail_index)},
          {"skewness",
           {{"mean_direction", json_optional(gradients.mean_direction_skewness)},
            {"random_directions", std::move(random)}}}};
}

Json json_of(const ProbedRule& probed) {
  const ClipStatistics& statistics = probed.statistics;
  Json json = to_json(probed.rule);
  json["clipped_share"] = json_number(statistics.clipped_share);
  json["mean_clipped_norm"] = json_number(statistics.mean_clipped_norm);
  json["cosine"] = json_optional(statistics.cosine);
  json["clipped_variance"] = json_number(statistics.clipped_variance);
  json["descent_reduction"] = json_optional(statistics.descent_reduction);
  json["variance_reduction"] = json_optional(statistics.variance_reduction);
  json["comparison_criterion"] = to_json(statistics.comparison);
  json["stability_criterion"] = to_json(statistics.stability);
  json["prediction"] = to_text(prediction_of(statistics.clipped_share, statistics.comparison));
  return json;
}

// ---- From JSON ----

std::array<double, 2> interval_member(const Json& object) {
  const Json& interval = list_member(object, "interval");
  if (interval.size() != 2) throw DataError("\"interval\" must have two numbers");
  return {finite_element(interval[0], "interval"), finite_element(interval[1], "interval")};
}

std::optional<TailIndex> tail_index_member(const Json& object, const char* key) {
  const Json& json = member(object, key);
  if (json.is_null()) return std::nullopt;
  const auto [lower, upper] = interval_member(json);
  const TailIndex index{finite_member(json, "estimate"), lower, upper,
                        count_member(json, "order_statistics")};
  if (!(index.estimate > 0) || index.order_statistics == 0)
    throw DataError(fmt::format("\"{}\" must have an estimate and a number above 0", key));
  return index;
}

std::optional<CriterionEstimate> criterion_member(const Json& object, const char* key) {
  const Json& json = member(object, key);
  if (json.is_null()) return std::nullopt;
  const auto [lower, upper] = interval_member(json);
  const double value = finite_member(json, "value");
  if (!(value > 0) || !(lower > 0) || !(upper >= lower))
    throw DataError(fmt::format("\"{}\" must have a value and an interval above 0", key));
  return CriterionEstimate{value, lower, upper};
}

std::optional<NoiseHistogram> histogram_member(const Json& object, const char* key) {
  const Json& json = member(object, key);
  if (json.is_null()) return std::nullopt;
  const Json& first = member(json, "first_bin");
  if (!first.is_number_integer()) throw DataError("\"first_bin\" must be a whole number");
  NoiseHistogram histogram;
  histogram.first_bin = first.get<std::int64_t>();
  for (const auto& count : list_member(json, "counts")) {
    if (!count.is_number_unsigned()) throw DataError("\"counts\" must hold whole numbers from 0");
    histogram.counts.push_back(count.get<std::uint64_t>());
  }
  for (const auto& expected : list_member(json, "gaussian"))
    histogram.gaussian.push_back(finite_element(expected, "gaussian"));
  if (histogram.counts.size() != histogram.gaussian.size())
    throw DataError("\"counts\" and \"gaussian\" must be equally long");
  return histogram;
}

GradientStatistics gradients_from_json(const Json& json) {
  GradientStatistics gradients;
  gradients.mean_gradient_norm = finite_member(json, "mean_gradient_norm");
  gradients.expected_gradient_norm = optional_finite_member(json, "expected_gradient_norm");
  gradients.norm_mean = finite_member(json, "norm_mean");
  gradients.norm_sd = finite_member(json, "norm_sd");
  gradients.noise_variance = finite_member(json, "noise_variance");
  gradients.effective_dimension = optional_finite_member(json, "effective_dimension");
  gradients.noise_histogram = histogram_member(json, "noise_histogram");
  gradients.noise_tail_index = tail_index_member(json, "noise_tail_index");
  gradients.norm_tail_index = tail_index_member(json, "norm_tail_index");
  const Json& skewness = member(json, "skewness");
  gradients.mean_direction_skewness = optional_finite_member(skewness, "mean_direction");
  const Json& random = list_member(skewness, "random_directions");
  if (random.size() != kProbeDirections)
    throw DataError(fmt::format("\"random_directions\" must have {} numbers, not {}",
                                kProbeDirections, random.size()));
  for (std::size_t i = 0; i < kProbeDirections; ++i)
    if (!random[i].is_null())
      gradients.random_skewness[i] = finite_element(random[i], "random_directions");
  return gradients;
}

// What earlier versions predicted, for which no effect was too small.
Prediction former_prediction(const CriterionEstimate& comparison) {
  if (comparison.lower > 1) return Prediction::kHelps;
  return comparison.upper < 1 ? Prediction::kHurts : Prediction::kUnclear;
}

void check_prediction(const std::string& name, const ClipStatistics& statistics) {
  const auto& comparison = statistics.comparison;
  const Prediction expected = prediction_of(statistics.clipped_share, comparison);
  const bool may_be_former = comparison && expected != Prediction::kInactive;
  if (name == to_text(expected) ||
      (may_be_former && name == to_text(former_prediction(*comparison))))
    return;
  throw DataError(
      fmt::format("\"prediction\" is not \"{}\", which the criterion makes it", to_text(expected)));
}

ProbedRule rule_from_json(const Json& json) {
  ProbedRule probed{clip_rule_from_json(json), {}};
  ClipStatistics& statistics = probed.statistics;
  statistics.clipped_share = finite_member(json, "clipped_share");
  statistics.mean_clipped_norm = finite_member(json, "mean_clipped_norm");
  statistics.cosine = optional_finite_member(json, "cosine");
  statistics.clipped_variance = finite_member(json, "clipped_variance");
  statistics.descent_reduction = optional_finite_member(json, "descent_reduction");
  statistics.variance_reduction = optional_finite_member(json, "variance_reduction");
  statistics.comparison = criterion_member(json, "comparison_criterion");
  statistics.stability = criterion_member(json, "stability_criterion");
  check_prediction(string_member(json, "prediction"), statistics);
  return probed;
}

}  // namespace

int noise_bin_of(double x) { return static_cast<int>(std::floor(kBinsPerDecade * std::log10(x))); }

const char* to_text(Prediction prediction) { return name_in(kPredictions, prediction); }

Prediction prediction_of(double clipped_share, const std::optional<CriterionEstimate>& comparison) {
  if (clipped_share == 0) return Prediction::kInactive;
  if (!comparison) return Prediction::kUnclear;
  const auto& [value, lower, upper] = *comparison;
  if (lower > 1 && value >= kSmallestEffect) return Prediction::kHelps;
  if (upper < 1 && value <= 1 / kSmallestEffect) return Prediction::kHurts;
  const bool is_small = lower >= 1 / kSmallestEffect && upper <= kSmallestEffect;
  return is_small ? Prediction::kNegligible : Prediction::kUnclear;
}

Json to_json(const std::optional<TailIndex>& index) {
  if (!index) return nullptr;
  return {{"estimate", json_number(index->estimate)},
          {"interval", {json_number(index->lower), json_number(index->upper)}},
          {"order_statistics", index->order_statistics}};
}

Json to_json(const std::optional<CriterionEstimate>& estimate) {
  if (!estimate) return nullptr;
  return {{"value", json_number(estimate->value)},
          {"interval", {json_number(estimate->lower), json_number(estimate->upper)}}};
}

Json to_json(const ProbeRecord& record) {
  Json rules = Json::array();
  for (const auto& rule : record.rules) rules.push_back(json_of(rule));
  return {{"step", record.step},
          {"batches", record.batches},
          {"nonfinite", record.nonfinite},
          {"sketch_size", record.sketch_size ? Json(*record.sketch_size) : Json(nullptr)},
          {"gradients", record.gradients ? json_of(*record.gradients) : Json(nullptr)},
          {"rules", std::move(rules)}};
}

ProbeRecord probe_record_from_json(const Json& json) {
  ProbeRecord record;
  record.step = count_member(json, "step");
  record.batches = count_member(json, "batches");
  record.nonfinite = count_member(json, "nonfinite");
  if (!member(json, "sketch_size").is_null())
    record.sketch_size = count_member(json, "sketch_size");
  const Json& gradients = member(json, "gradients");
  if (!gradients.is_null()) record.gradients = gradients_from_json(gradients);
  for (const auto& rule : list_member(json, "rules")) record.rules.push_back(rule_from_json(rule));
  return record;
}

bool is_probed(ClipMode mode) {
  constexpr std::array kProbed = {
      ClipMode::kValue,  ClipMode::kGlobalNorm, ClipMode::kTensorNorm, ClipMode::kScale,
      ClipMode::kSmooth, ClipMode::kSkip,       ClipMode::kTensorRms,  ClipMode::kAgc};
  return std::find(kProbed.begin(), kProbed.end(), mode) != kProbed.end();
}

std::vector<ClipRule> probed_rules(const std::vector<ClipRule>& rules) {
  std::vector<ClipRule> probed;
  for (const auto& rule : rules)
    if (is_probed(rule.mode) && std::isfinite(rule.threshold)) probed.push_back(rule);
  return probed;
}

}  // namespace clipsweep
