#include "clipsweep/analysis/arms.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "clipsweep/base/name_table.h"
#include "clipsweep/base/statistics.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr double kMaxShareOfSafetyNet = 0.1;
constexpr double kMinShareOfLimiter = 0.9;
constexpr double kMinCosineOfLimiter = 0.95;  // 18 degrees

constexpr NameTable<ClippingBehaviour, 6> kClippingBehaviours = {
    {{ClippingBehaviour::kNoClipping, "no clipping"},
     {ClippingBehaviour::kNeverActed, "never acted"},
     {ClippingBehaviour::kSafetyNet, "safety net"},
     {ClippingBehaviour::kActsOften, "acts often"},
     {ClippingBehaviour::kStepSizeLimiter, "step-size limiter"},
     {ClippingBehaviour::kTurnsGradient, "turns gradient"}}};

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

// The numbers that `value_of` gives for the runs that have one.
template <typename ValueOf>
std::vector<double> values_of(const CountedRuns& runs, const ValueOf& value_of) {
  std::vector<double> values;
  for (const auto& [seed, run] : runs)
    if (const std::optional<double> value = value_of(*run)) values.push_back(*value);
  return values;
}

template <typename ValueOf>
std::optional<double> mean_over(const CountedRuns& runs, const ValueOf& value_of) {
  const auto values = values_of(runs, value_of);
  return values.empty() ? std::nullopt : std::optional(mean(values));
}

// Over the runs, the quantile at `probability` of one of each run's own quantiles.
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

NormSummary summarize_norms(const CountedRuns& runs) {
  return {norm_over(runs, &NormQuantiles::median, 0.5), norm_over(runs, &NormQuantiles::p90, 0.5),
          norm_over(runs, &NormQuantiles::p99, 0.5), norm_over(runs, &NormQuantiles::max, 1)};
}

std::optional<ShareOfRuns> share_of(std::uint64_t count, std::uint64_t runs) {
  if (runs == 0) return std::nullopt;
  return ShareOfRuns{count, static_cast<double>(count) / static_cast<double>(runs),
                     wilson_interval(static_cast<double>(count), runs)};
}

void count_runs(const CountedRuns& runs, ArmSummary& summary) {
  for (const auto& [seed, run] : runs) {
    summary.seeds.push_back(seed);
    ++(run->outcome == Outcome::kCompleted ? summary.completed : summary.diverged);
    summary.spikes += run->totals.spikes;
  }
}

}  // namespace

std::vector<CellSetup> cell_setups(const std::vector<RunSpec>& plan) {
  std::vector<CellSetup> setups;
  for (const auto& run : plan)
    if (std::find(setups.begin(), setups.end(), run.setup) == setups.end())
      setups.push_back(run.setup);
  return setups;
}

std::vector<Arm> arms_of(const std::vector<RunSpec>& plan,
                         const std::vector<std::optional<RunRecord>>& records) {
  const auto setups = cell_setups(plan);
  const auto order = [&](const RunSpec& run) {
    const auto& remedies = run.regularization;
    return std::make_tuple(
        std::find(setups.begin(), setups.end(), run.setup) - setups.begin(), run.learning_rate,
        remedies.weight_decay, remedies.decoupled_weight_decay, remedies.l1, run.clip.mode,
        run.perturbed, run.clip.threshold, run.clip.output_threshold, arm_name(run));
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
  summary.name = arm_name(*arm.first);
  summary.setup = arm.first->setup;
  summary.clip = arm.first->clip;
  summary.learning_rate = arm.first->learning_rate;
  summary.regularization = arm.first->regularization;
  summary.perturbed = arm.first->perturbed;
  count_runs(arm.runs, summary);
  for (const auto& entry : metrics())
    summary.metrics[entry.metric] = summarize_values(values_of(
        arm.runs, [&](const auto& run) { return metric_value(run, entry.metric, basis); }));
  summary.divergence = share_of(summary.diverged, arm.runs.size());
  summary.reached_target = share_of(summary.metrics[Metric::kStepsToAccuracy].n, arm.runs.size());
  if (basis.can_be_solved)
    summary.solved = static_cast<std::uint64_t>(
        std::count_if(arm.runs.begin(), arm.runs.end(),
                      [](const auto& run) { return run.second->solved_at_step.has_value(); }));
  summary.clipped_share =
      mean_over(arm.runs, [](const auto& run) { return clipped_share(run.totals); });
  summary.mean_cosine = mean_over(arm.runs, [](const auto& run) { return run.totals.mean_cosine; });
  if (summary.clipped_share)
    summary.reading =
        clipping_behaviour_of(summary.clip, *summary.clipped_share, summary.mean_cosine);
  summary.grad_norm_raw = summarize_norms(arm.runs);
  return summary;
}

const char* to_text(ClippingBehaviour reading) { return name_in(kClippingBehaviours, reading); }

std::vector<std::string> clipping_behaviour_names() { return names_in(kClippingBehaviours); }

ClippingBehaviour clipping_behaviour_of(const ClipRule& rule, double clipped_share,
                                        const std::optional<double>& mean_cosine) {
  if (rule.mode == ClipMode::kNone) return ClippingBehaviour::kNoClipping;
  if (clipped_share == 0) return ClippingBehaviour::kNeverActed;
  if (clipped_share <= kMaxShareOfSafetyNet) return ClippingBehaviour::kSafetyNet;
  if (clipped_share < kMinShareOfLimiter) return ClippingBehaviour::kActsOften;
  const bool turns = mean_cosine && *mean_cosine < kMinCosineOfLimiter;
  return turns ? ClippingBehaviour::kTurnsGradient : ClippingBehaviour::kStepSizeLimiter;
}

std::string in_words(const ArmSummary& arm) {
  std::string words = to_text(arm.clip);
  if (arm.clip.output_threshold)
    words += fmt::format(" (output layer {})", shortest(*arm.clip.output_threshold));
  const auto& [weight_decay, decoupled, l1] = arm.regularization;
  if (weight_decay != 0) words += fmt::format(" with weight decay {}", shortest(weight_decay));
  if (decoupled != 0) words += fmt::format(" with decoupled weight decay {}", shortest(decoupled));
  if (l1 != 0) words += fmt::format(" with L1 {}", shortest(l1));
  if (arm.perturbed) words += " (perturbed)";
  return fmt::format("{} at learning rate {}", words, shortest(arm.learning_rate));
}

}  // namespace clipsweep
