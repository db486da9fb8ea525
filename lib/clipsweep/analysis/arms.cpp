#include "clipsweep/analysis/arms.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "clipsweep/base/name_table.h"
#include "clipsweep/base/statistics.h"
#include "clipsweep/base/text.h"
#include "clipsweep/statistics/proportions.h"

namespace clipsweep {
namespace {

constexpr NameTable<ClippingBehaviour, 7> kClippingBehaviours = {
    {{ClippingBehaviour::kNoClipping, "no clipping"},
     {ClippingBehaviour::kNeverActed, "never acted"},
     {ClippingBehaviour::kSafetyNet, "safety net"},
     {ClippingBehaviour::kActsOften, "acts often"},
     {ClippingBehaviour::kStepSizeLimiter, "step-size limiter"},
     {ClippingBehaviour::kTurnsGradient, "turns gradient"},
     {ClippingBehaviour::kActsNearlyAlways, "acts nearly always"}}};

// Settings whose default is left out, by their keys in JSON.
constexpr std::pair<const char*, const char*> kDetailNames[] = {
    {"output_threshold", "output layer"},
    {"norm_type", "norm"},
    {"clip_epsilon", "epsilon"},
    {"agc_output", "output"},
    {"zclip_decay", "decay"},
    {"zclip_warmup", "warm-up"},
    {"adagc_decay", "decay"},
    {"adagc_warmup", "warm-up"},
    {"adagc_warmup_norm", "warm-up norm"},
    {"weight_decay", "weight decay"},
    {"decoupled_weight_decay", "decoupled weight decay"},
    {"l1", "L1"}};

// `output layer 5, weight decay 0.001`
std::string details_text(const Json& settings) {
  std::vector<std::string> details;
  for (const auto& [key, name] : kDetailNames) {
    if (!settings.contains(key)) continue;
    const Json& value = settings[key];
    const std::string text = value.is_string() ? value.get<std::string>() : to_line(value);
    details.push_back(fmt::format("{} {}", name, text == "Infinity" ? "inf" : text));
  }
  return join(details);
}

std::string with_details(std::string name, const Json& settings, bool perturbed) {
  if (const std::string details = details_text(settings); !details.empty())
    name += " with " + details;
  return perturbed ? name + " (perturbed)" : name;
}

MetricSummary summarize_values(const std::vector<double>& values) {
  MetricSummary summary;
  summary.n = values.size();
  if (values.empty()) return summary;
  summary.mean = mean(values);
  if (values.size() > 1) summary.standard_deviation = standard_deviation(values);
  summary.interquartile_mean = interquartile_mean(values);
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  summary.min = *min;
  summary.max = *max;
  return summary;
}

// The values of the runs that have one.
template <typename ValueOf>
std::vector<double> values_of(const CountedRuns& runs, const ValueOf& value_of) {
  std::vector<double> values;
  for (const auto& [seed, run] : runs)
    if (const std::optional<double> value = value_of(*run)) values.push_back(*value);
  return values;
}

// The losses of the last epoch on the test set, divided by ln 2.
MetricSummary in_bits(const CountedRuns& runs, const MetricBasis& basis) {
  auto losses = values_of(
      runs, [&](const auto& run) { return metric_value(run, Metric::kFinalTestLoss, basis); });
  for (double& loss : losses) loss /= kNatsPerBit;
  return summarize_values(losses);
}

template <typename ValueOf>
std::optional<double> mean_over(const CountedRuns& runs, const ValueOf& value_of) {
  const auto values = values_of(runs, value_of);
  return values.empty() ? std::nullopt : std::optional(mean(values));
}

// The quantile at `probability`, over the runs, of one of each run's own quantiles.
std::optional<double> norm_over(const CountedRuns& runs, double NormQuantiles::*own,
                                double probability) {
  auto norms = values_of(runs, [&](const RunRecord& run) -> std::optional<double> {
    const auto& quantiles = run.totals.grad_norm_raw;
    if (!quantiles || !std::isfinite((*quantiles).*own)) return std::nullopt;
    return (*quantiles).*own;
  });
  if (norms.empty()) return std::nullopt;
  return quantile(std::move(norms), probability);
}

std::optional<double> median_update_ratio(const CountedRuns& runs) {
  auto medians = values_of(runs, [](const RunRecord& run) -> std::optional<double> {
    const auto& ratio = run.totals.update_ratio;
    return ratio ? std::optional(ratio->median) : std::nullopt;
  });
  return medians.empty() ? std::nullopt : std::optional(quantile(std::move(medians), 0.5));
}

NormSummary summarize_norms(const CountedRuns& runs) {
  return {norm_over(runs, &NormQuantiles::median, 0.5), norm_over(runs, &NormQuantiles::p90, 0.5),
          norm_over(runs, &NormQuantiles::p99, 0.5), norm_over(runs, &NormQuantiles::max, 1)};
}

std::optional<ShareOfRuns> share_of_runs(std::uint64_t count, std::uint64_t runs) {
  if (runs == 0) return std::nullopt;
  return ShareOfRuns{count, static_cast<double>(count) / static_cast<double>(runs),
                     wilson_interval(static_cast<double>(count), runs)};
}

// The time of each run, as `time_of` gives it; nothing where it did not happen.
template <typename TimeOf>
MedianDuration median_time(const CountedRuns& runs, const TimeOf& time_of) {
  std::vector<Duration> durations;
  for (const auto& [seed, run] : runs) {
    const std::optional<double> time = time_of(*run);
    const double end = counts_as_diverged(*run)
                           ? std::numeric_limits<double>::infinity()
                           : static_cast<double>(std::max<std::uint64_t>(run->totals.steps, 1));
    durations.push_back({time.value_or(end), time.has_value()});
  }
  return median_duration(std::move(durations));
}

std::optional<double> solution_time(const RunRecord& run) {
  if (!run.solved_at_step) return std::nullopt;
  return static_cast<double>(*run.solved_at_step);
}

void summarize_solutions(const CountedRuns& runs, const MetricBasis& basis, ArmSummary& summary) {
  const auto count = [&](const auto& is_solved) {
    return static_cast<std::uint64_t>(
        std::count_if(runs.begin(), runs.end(),
                      [&](const auto& seed_and_run) { return is_solved(*seed_and_run.second); }));
  };
  summary.solved = count([](const RunRecord& run) { return run.solved_at_step.has_value(); });
  summary.solved_at_end = count([&](const RunRecord& run) { return is_solved_at_end(run, basis); });
  summary.steps_to_solution = median_time(runs, solution_time);
}

void count_runs(const CountedRuns& runs, ArmSummary& summary) {
  for (const auto& [seed, run] : runs) {
    summary.seeds.push_back(seed);
    ++(counts_as_diverged(*run) ? summary.diverged : summary.completed);
    summary.stalled += is_stalled(*run) ? 1 : 0;
    summary.spikes += run->totals.spikes;
    summary.skipped += run->totals.skipped_steps;
  }
}

// Different for different setups.
std::string unique_name(const Setup& setup) {
  return fmt::format("{} {}", to_text(setup), setup.varied.slug());
}

// By the first event that is no spike; nothing of a run without one.
DivergenceOrigin origin_of(const RunRecord& run) {
  DivergenceOrigin origin;
  for (const Event& event : run.events) {
    if (event.kind == EventKind::kSpike) continue;
    ++origin.runs[static_cast<std::size_t>(event.phase)];
    origin.first_step = origin.last_step = event.step;
    break;
  }
  return origin;
}

}  // namespace

DivergenceOrigin& DivergenceOrigin::operator+=(const DivergenceOrigin& other) {
  if (other.total() == 0) return *this;
  first_step = total() == 0 ? other.first_step : std::min(first_step, other.first_step);
  last_step = std::max(last_step, other.last_step);
  for (std::size_t i = 0; i < runs.size(); ++i) runs[i] += other.runs[i];
  return *this;
}

ArmSettings arm_settings(const RunSpec& run) {
  return {run.setup, run.clip, run.learning_rate, run.regularization, run.perturbed};
}

std::string display_name(const ArmSettings& arm, SetupInName setup) {
  Json settings = to_json(arm.clip);
  add_json(settings, arm.regularization);
  const std::string name = with_details(to_text(arm.clip), settings, arm.perturbed);
  const std::string cell = setup == SetupInName::kCell ? display_name(arm.setup) + " " : "";
  const std::string varied = setup == SetupInName::kOmitted ? "" : arm.setup.varied.text();
  return fmt::format("{}{} at lr {}{}{}", cell, name, shortest(arm.learning_rate),
                     varied.empty() ? "" : ", ", varied);
}

std::string clip_name(const ArmSettings& arm) {
  return with_details(to_text(arm.clip), to_json(arm.clip), arm.perturbed);
}

std::string regularization_name(const Regularization& regularization) {
  Json settings = Json::object();
  add_json(settings, regularization);
  return details_text(settings);
}

std::vector<Setup> setups_of(const std::vector<RunSpec>& plan) {
  std::vector<Setup> setups;
  std::set<std::string> seen;
  for (const auto& run : plan)
    if (seen.insert(unique_name(run.setup)).second) setups.push_back(run.setup);
  return setups;
}

std::vector<Arm> arms_of(const std::vector<RunSpec>& plan,
                         const std::vector<std::optional<RunRecord>>& records) {
  std::map<std::string, std::size_t> places;
  for (const auto& setup : setups_of(plan)) places.emplace(unique_name(setup), places.size());
  const auto order = [&](const RunSpec& run) {
    const auto& remedies = run.regularization;
    return std::make_tuple(places.at(unique_name(run.setup)), run.learning_rate,
                           remedies.weight_decay, remedies.decoupled_weight_decay, remedies.l1,
                           run.clip.mode, run.perturbed, run.clip.threshold,
                           run.clip.output_threshold, arm_name(run));
  };
  std::map<decltype(order(plan.front())), Arm> arms;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    Arm& arm = arms.try_emplace(order(plan[i]), Arm{&plan[i], {}}).first->second;
    if (records[i] && reached_outcome(*records[i])) arm.runs.emplace(plan[i].seed, &*records[i]);
  }
  std::vector<Arm> sorted;
  for (auto& [key, arm] : arms) sorted.push_back(std::move(arm));
  return sorted;
}

ArmSummary summarize_arm(const Arm& arm, const MetricBasis& basis) {
  ArmSummary summary;
  static_cast<ArmSettings&>(summary) = arm_settings(*arm.first);
  summary.name = arm_name(*arm.first);
  count_runs(arm.runs, summary);
  for (const auto& entry : kMetrics)
    summary.metrics[entry.metric] = summarize_values(values_of(
        arm.runs, [&](const auto& run) { return metric_value(run, entry.metric, basis); }));
  if (basis.validation)
    summary.late_validation_accuracy = summarize_values(
        values_of(arm.runs, [&](const auto& run) { return choice_value(run, basis); }));
  if (basis.symbol_entropy) summary.bits_per_character = in_bits(arm.runs, basis);
  if (const auto& accuracy = summary.choice_mean())
    summary.better_than_chance = is_better_than_chance(*accuracy, basis);
  summary.divergence = share_of_runs(summary.diverged, arm.runs.size());
  for (const auto& [seed, run] : arm.runs)
    if (counts_as_diverged(*run)) summary.divergence_origin += origin_of(*run);
  summary.reached_target =
      share_of_runs(summary.metrics[Metric::kStepsToAccuracy].n, arm.runs.size());
  summary.steps_to_target = median_time(arm.runs, [&](const RunRecord& run) {
    return metric_value(run, Metric::kStepsToAccuracy, basis);
  });
  if (basis.solved_accuracy) summarize_solutions(arm.runs, basis, summary);
  summary.clipped_share =
      mean_over(arm.runs, [](const auto& run) { return clipped_share(run.totals); });
  summary.skipped_share =
      mean_over(arm.runs, [](const auto& run) { return skipped_share(run.totals); });
  summary.mean_cosine = mean_over(arm.runs, [](const auto& run) { return run.totals.mean_cosine; });
  if (summary.clipped_share)
    summary.behaviour =
        clipping_behaviour_of(summary.clip, *summary.clipped_share, summary.mean_cosine);
  summary.grad_norm_raw = summarize_norms(arm.runs);
  summary.update_ratio = median_update_ratio(arm.runs);
  std::vector<const RunRecord*> runs;
  for (const auto& [seed, run] : arm.runs) {
    runs.push_back(run);
    summary.smoothness.add(run->totals.smoothness);
  }
  summary.probes = probes_of_arm(runs);
  return summary;
}

const char* to_text(ClippingBehaviour behaviour) { return name_in(kClippingBehaviours, behaviour); }

std::vector<std::string> clipping_behaviour_names() { return names_in(kClippingBehaviours); }

ClippingBehaviour clipping_behaviour_of(const ClipRule& rule, double clipped_share,
                                        const std::optional<double>& mean_cosine) {
  if (rule.mode == ClipMode::kNone) return ClippingBehaviour::kNoClipping;
  if (clipped_share == 0) return ClippingBehaviour::kNeverActed;
  if (clipped_share <= kMaxShareOfSafetyNet) return ClippingBehaviour::kSafetyNet;
  if (clipped_share < kMinShareOfLimiter) return ClippingBehaviour::kActsOften;
  if (!mean_cosine) return ClippingBehaviour::kActsNearlyAlways;
  return *mean_cosine < kMinCosineOfLimiter ? ClippingBehaviour::kTurnsGradient
                                            : ClippingBehaviour::kStepSizeLimiter;
}

}  // namespace clipsweep
