#include "clipsweep/advice/advice_json.h"

#include "clipsweep/advice/advice_text.h"
#include "clipsweep/records/event_record.h"

namespace clipsweep {
namespace {

template <typename Numbers>
Json json_numbers(const Numbers& numbers) {
  Json list = Json::array();
  for (const double number : numbers) list.push_back(json_number(number));
  return list;
}

template <typename Items, typename ToJson>
Json json_list(const Items& items, const ToJson& convert) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(convert(item));
  return list;
}

Json nullable(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

Json log_json(const NormLog& log) {
  return {{"name", log.where},
          {"format", log.format},
          {"column", nullable(log.column)},
          {"step_column", nullable(log.step_column)},
          {"loss_column", nullable(log.loss_column)},
          {"rows_without_norm", log.rows_without_norm},
          {"cut_off", log.is_cut_off}};
}

Json nonfinite_json(const NonfiniteSteps& steps) {
  return {{"count", steps.count}, {"first_steps", json_numbers(steps.first)}};
}

Json percentile_json(const Percentile& percentile) {
  return {{"percent", json_number(percentile.percent)}, {"norm", json_number(percentile.norm)}};
}

Json drift_json(const std::optional<NormDrift>& drift) {
  if (!drift) return nullptr;
  return {{"medians", json_numbers(drift->medians)},
          {"ratio", json_optional(drift->ratio)},
          {"direction", to_text(drift->direction)}};
}

Json spike_json(const NormSpike& spike) {
  return {{"step", json_number(spike.step)},
          {"norm", json_number(spike.norm)},
          {"median", json_number(spike.median)},
          {"loss", json_optional(spike.loss)}};
}

Json spikes_json(const ThresholdAdvice& advice) {
  return {{"factor", json_number(kSpikeFactor)},
          {"window", kSpikeWindow},
          {"count", advice.spikes},
          {"largest", json_list(advice.largest_spikes, spike_json)}};
}

Json effect_json(const RuleEffect& effect) {
  return {{"mode", to_text(effect.rule.mode)},
          {"threshold", json_number(effect.rule.threshold)},
          {"clipped", effect.clipped},
          {"clipped_share", json_number(effect.clipped_share)},
          {"mean_scale", json_number(effect.mean_scale)},
          {"reading", to_text(effect.behaviour)}};
}

Json adaptive_json(const RuleEffect& effect) {
  Json json = effect_json(effect);
  json["last_limit"] = json_optional(effect.last_limit);
  return json;
}

Json suggestion_json(const Suggestion& suggestion) {
  Json json = {{"aim", to_text(suggestion.aim)},
               {"percentile", json_number(suggestion.percentile)}};
  json.update(effect_json(suggestion.effect));
  json["clipped_share_by_fifth"] = json_numbers(suggestion.clipped_share_by_fifth);
  json["reason"] = reason_sentence(suggestion);
  return json;
}

Json stretch_json(const Stretch& stretch) {
  return {{"first_step", json_number(stretch.first_step)},
          {"last_step", json_number(stretch.last_step)},
          {"minimum", json_number(stretch.minimum)},
          {"median", json_number(stretch.median)},
          {"maximum", json_number(stretch.maximum)}};
}

Json pile_up_json(const std::optional<PileUp>& pile_up) {
  if (!pile_up) return nullptr;
  return {{"norm", json_number(pile_up->norm)}, {"count", pile_up->count}};
}

Json loss_json(const std::optional<LossSummary>& loss) {
  if (!loss) return nullptr;
  return {{"count", loss->count},
          {"nonfinite", nonfinite_json(loss->nonfinite)},
          {"first_median", json_optional(loss->first_median)},
          {"last_median", json_optional(loss->last_median)}};
}

}  // namespace

Json to_json(const NormLog& log, const ThresholdAdvice& advice) {
  return {{"schema", "clipsweep/advice-1"},
          {"log", log_json(log)},
          {"steps", advice.steps},
          {"finite", advice.finite},
          {"first_step", json_number(advice.first_step)},
          {"last_step", json_number(advice.last_step)},
          {"steps_backward", advice.steps_backward},
          {"nan", nonfinite_json(advice.nan)},
          {"infinite", nonfinite_json(advice.infinite)},
          {"mean", json_number(advice.mean)},
          {"percentiles", json_list(advice.percentiles, percentile_json)},
          {"drift", drift_json(advice.drift)},
          {"spikes", spikes_json(advice)},
          {"loss", loss_json(advice.loss)},
          {"thresholds", json_list(advice.thresholds, effect_json)},
          {"adaptive", json_list(advice.adaptive, adaptive_json)},
          {"suggestions", json_list(advice.suggestions, suggestion_json)},
          {"curve", json_list(advice.curve, effect_json)},
          {"stretches", json_list(advice.stretches, stretch_json)},
          {"pile_up", pile_up_json(advice.pile_up)},
          {"cautions", caution_sentences(log, advice)}};
}

}  // namespace clipsweep
