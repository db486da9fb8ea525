#include "clipsweep/advice/threshold_advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/name_table.h"
#include "clipsweep/base/statistics.h"
#include "clipsweep/base/text.h"
#include "clipsweep/clipping/clip_memory.h"
#include "clipsweep/clipping/clipping.h"
#include "clipsweep/training/spike_detector.h"

namespace clipsweep {
namespace {

constexpr NameTable<DriftDirection, 3> kDriftDirections = {{{DriftDirection::kSteady, "steady"},
                                                            {DriftDirection::kFalls, "falls"},
                                                            {DriftDirection::kRises, "rises"}}};
constexpr NameTable<Aim, 3> kAims = {{{Aim::kSafetyNet, "safety net"},
                                      {Aim::kTenth, "a tenth of the steps"},
                                      {Aim::kLimiter, "step-size limiter"}}};

constexpr std::size_t kMaxStretches = 1000;
constexpr std::size_t kMaxTableRows = 20;
constexpr int kMaxDigits = 6;  // of a suggested threshold
// Norms within this relative distance are equal but for rounding in float32 and the epsilon that
// PyTorch adds to a norm.
constexpr double kNormRounding = 1e-4;

struct FiniteNorms {
  std::vector<double> norms;   // in the order of the log
  std::vector<double> sorted;  // ascending
  // Of 1 / norm over sorted[i] and all above, where that is not 0; long double holds it for every
  // double.
  std::vector<long double> inverse_sums;
};

double share_of(std::uint64_t part, std::size_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

// ---- What the log has ---------------------------------------------------------------------------

void add(NonfiniteSteps& steps, double step) {
  if (++steps.count <= kListedSteps) steps.first.push_back(step);
}

FiniteNorms finite_norms(const NormLog& log, ThresholdAdvice& advice) {
  FiniteNorms finite;
  for (std::size_t i = 0; i < log.norms.size(); ++i) {
    const double norm = log.norms[i];
    if (std::isfinite(norm))
      finite.norms.push_back(norm);
    else
      add(std::isnan(norm) ? advice.nan : advice.infinite, log.steps[i]);
    advice.steps_backward += i > 0 && log.steps[i] <= log.steps[i - 1] ? 1 : 0;
  }
  finite.sorted = finite.norms;
  std::sort(finite.sorted.begin(), finite.sorted.end());
  finite.inverse_sums.resize(finite.sorted.size() + 1);
  for (std::size_t i = finite.sorted.size(); i-- > 0 && finite.sorted[i] > 0;)
    finite.inverse_sums[i] =
        finite.inverse_sums[i + 1] + 1 / static_cast<long double>(finite.sorted[i]);
  return finite;
}

std::vector<Percentile> percentiles_of(const std::vector<double>& sorted) {
  std::vector<Percentile> percentiles;
  for (const double percent : kAdvicePercentiles)
    percentiles.push_back({percent, quantile_of_sorted(sorted, percent / 100)});
  return percentiles;
}

// Calls `use` with each fifth of [0, n): its index, beginning and end.
template <typename Use>
void for_each_fifth(std::size_t n, const Use& use) {
  for (std::size_t i = 0; i < kFifths; ++i) use(i, i * n / kFifths, (i + 1) * n / kFifths);
}

std::vector<double> slice(const std::vector<double>& values, std::size_t begin, std::size_t end) {
  return {values.begin() + std::ptrdiff_t(begin), values.begin() + std::ptrdiff_t(end)};
}

std::optional<NormDrift> drift_of(const std::vector<double>& norms) {
  if (norms.size() < kFifths) return std::nullopt;
  NormDrift drift;
  for_each_fifth(norms.size(), [&](std::size_t i, std::size_t begin, std::size_t end) {
    drift.medians[i] = quantile(slice(norms, begin, end), 0.5);
  });
  const double first = drift.medians.front(), last = drift.medians.back();
  if (first > 0) drift.ratio = last / first;
  if (last >= kDriftFactor * first && last > first) drift.direction = DriftDirection::kRises;
  if (first >= kDriftFactor * last && first > last) drift.direction = DriftDirection::kFalls;
  return drift;
}

void find_spikes(const NormLog& log, ThresholdAdvice& advice) {
  SpikeDetector detector;
  const auto is_larger = [](const NormSpike& a, const NormSpike& b) {
    return a.norm * b.median > b.norm * a.median;  // a median may be 0
  };
  auto& largest = advice.largest_spikes;
  for (std::size_t i = 0; i < log.norms.size(); ++i) {
    const auto median = detector.median_if_spike(log.norms[i]);
    if (!median) continue;
    ++advice.spikes;
    const auto loss = log.losses.empty() ? std::nullopt : log.losses[i];
    const NormSpike spike{log.steps[i], log.norms[i], *median, loss};
    largest.insert(std::upper_bound(largest.begin(), largest.end(), spike, is_larger), spike);
    if (largest.size() > kListedSteps) largest.pop_back();
  }
}

std::optional<PileUp> pile_up_of(const std::vector<double>& sorted) {
  // How many of the norms up to `end` are equal to the largest of them but for rounding.
  const auto count_at_top = [&](std::size_t end) -> std::size_t {
    if (end == 0) return 0;
    const auto last = sorted.begin() + std::ptrdiff_t(end);
    const double lowest = sorted[end - 1] * (1 - kNormRounding);
    return static_cast<std::size_t>(last - std::lower_bound(sorted.begin(), last, lowest));
  };
  constexpr std::size_t kMinCount = 5;
  constexpr double kMinShare = 0.005;
  constexpr std::size_t kTimesNext = 3;  // coarsely rounded norms have ties everywhere
  const std::size_t count = count_at_top(sorted.size());
  const std::size_t next = count_at_top(sorted.size() - count);
  const bool is_pile = count >= kMinCount && share_of(count, sorted.size()) >= kMinShare &&
                       count > kTimesNext * next && sorted.back() > 0;
  return is_pile ? std::optional(PileUp{sorted.back(), count}) : std::nullopt;
}

std::vector<Stretch> stretches_of(const NormLog& log) {
  std::vector<Stretch> stretches;
  const std::size_t n = log.norms.size();
  const std::size_t parts = std::min(n, kMaxStretches);
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t begin = part * n / parts, end = (part + 1) * n / parts;
    std::vector<double> norms = slice(log.norms, begin, end);
    norms.erase(std::remove_if(norms.begin(), norms.end(),
                               [](double norm) { return !std::isfinite(norm); }),
                norms.end());
    if (norms.empty()) continue;
    std::sort(norms.begin(), norms.end());
    stretches.push_back({log.steps[begin], log.steps[end - 1], norms.front(),
                         quantile_of_sorted(norms, 0.5), norms.back()});
  }
  return stretches;
}

std::optional<LossSummary> loss_of(const NormLog& log) {
  if (log.losses.empty()) return std::nullopt;
  LossSummary summary;
  std::vector<double> finite;
  for (std::size_t i = 0; i < log.losses.size(); ++i) {
    if (!log.losses[i]) continue;
    ++summary.count;
    if (std::isfinite(*log.losses[i]))
      finite.push_back(*log.losses[i]);
    else
      add(summary.nonfinite, log.steps[i]);
  }
  if (finite.size() >= kFifths)
    for_each_fifth(finite.size(), [&](std::size_t i, std::size_t begin, std::size_t end) {
      if (i == 0) summary.first_median = quantile(slice(finite, begin, end), 0.5);
      if (i == kFifths - 1) summary.last_median = quantile(slice(finite, begin, end), 0.5);
    });
  return summary;
}

// ---- What clipping would have done --------------------------------------------------------------

// How many of the sorted norms a threshold leaves as they are.
std::size_t count_up_to(double threshold, const std::vector<double>& sorted) {
  return static_cast<std::size_t>(std::upper_bound(sorted.begin(), sorted.end(), threshold) -
                                  sorted.begin());
}

// The direction of the gradient stays: the cosine is 1.
void finish(RuleEffect& effect, double sum_of_scales, std::size_t steps) {
  effect.clipped_share = share_of(effect.clipped, steps);
  effect.mean_scale = std::min(sum_of_scales / static_cast<double>(steps), 1.0);
  effect.behaviour = clipping_behaviour_of(effect.rule, effect.clipped_share, 1.0);
}

//   scale = min(1, threshold / norm)        (`global-norm`)
RuleEffect effect_of(double threshold, const FiniteNorms& finite) {
  RuleEffect effect;
  effect.rule = {ClipMode::kGlobalNorm, threshold};
  const std::size_t n = finite.sorted.size();
  const std::size_t below = count_up_to(threshold, finite.sorted);
  effect.clipped = n - below;
  // A threshold of +inf is above all.
  const auto scales =
      below == n ? 0.0 : static_cast<double>(threshold * finite.inverse_sums[below]);
  finish(effect, static_cast<double>(below) + scales, n);
  return effect;
}

// Applies an adaptive mode to gradients of one element, whose norms are those of the log.
RuleEffect adaptive_effect(ClipMode mode, const std::vector<double>& norms) {
  RuleEffect effect;
  effect.rule = {mode, entry_of(mode).example};
  const ParameterLayout layout{{}, {{"gradient", {1}, 0}}};
  ClipMemory<double> memory(effect.rule, layout, 0);
  RowNorms<long double> row{0, {0}};
  double sum = 0;
  double limit = 0;
  for (const double norm : norms) {
    row.global = row.tensors[0] = norm;
    const ClipContext<double> context{layout, row, {}, memory};
    limit = limit_in_force(effect.rule, context);
    double gradient = norm;
    effect.clipped += clip_gradient(effect.rule, context, Span<double>(&gradient, 1)).clipped;
    sum += norm > 0 ? gradient / norm : 1;
    remember(effect.rule, TakenStep<double>{row, {}, {}}, memory);  // their norms are enough
  }
  finish(effect, sum, norms.size());
  if (std::isfinite(limit)) effect.last_limit = limit;
  return effect;
}

// 1, 2, 5, 10 ..., from the 1st percentile to the first at or above the maximum, or in larger
// intervals if there are too many.
std::vector<double> usual_thresholds(const std::vector<double>& sorted) {
  const double high = sorted.back();
  if (!(high > 0)) return {1};
  const double percentile = quantile_of_sorted(sorted, 0.01);
  const double low =
      percentile > 0 ? percentile : *std::upper_bound(sorted.begin(), sorted.end(), 0);
  const auto decade_of = [](double value) {
    return static_cast<int>(std::floor(std::log10(value)));
  };
  const int first = decade_of(low), last = decade_of(high) + 1;
  const int decades = last - first + 1;
  const int rows = static_cast<int>(kMaxTableRows);
  const bool has_steps = 3 * decades <= rows + 4;
  const int stride = (decades + rows - 1) / rows;
  std::vector<double> thresholds;
  for (int decade = first; decade <= last; decade += stride)
    for (const int factor : {1, 2, 5}) {
      if (factor > 1 && !has_steps) break;
      // Nothing beyond the range of double.
      const auto threshold = parse_number(fmt::format("{}e{}", factor, decade));
      const bool is_last = !thresholds.empty() && thresholds.back() >= high;
      if (threshold && *threshold >= low / 2 && !is_last) thresholds.push_back(*threshold);
    }
  return thresholds;
}

// ---- What to try --------------------------------------------------------------------------------

struct AimTarget {
  Aim aim;
  double percentile;
  double min_share, max_share;  // of clipped steps
};
// AutoClip's percentile is 10, too.
constexpr std::array<AimTarget, 3> kTargets = {{{Aim::kSafetyNet, 99, 0.005, 0.015},
                                                {Aim::kTenth, 90, 0.05, 0.15},
                                                {Aim::kLimiter, 10, 0.9, 0.95}}};

double rounded(double value, int digits) {
  return parse_number(fmt::format("{:.{}e}", value, digits - 1)).value_or(value);
}

// The value rounded down to this many digits; the value itself if it has no more than that.
double rounded_down(double value, int digits) {
  const double nearest = rounded(value, digits);
  if (nearest <= value || value <= 0) return nearest;
  const double unit = std::pow(10, std::floor(std::log10(value)) - digits + 1);
  return rounded(nearest - unit, digits);
}

// Near a percentile, in as few digits as keep the share of clipped steps in its range.
double suggested_threshold(const AimTarget& target, const std::vector<double>& sorted) {
  const double exact = quantile_of_sorted(sorted, target.percentile / 100);
  const auto is_near = [&](double threshold) {
    const double share = share_of(sorted.size() - count_up_to(threshold, sorted), sorted.size());
    return threshold > 0 && share >= target.min_share && share <= target.max_share;
  };
  for (int digits = 2; digits <= kMaxDigits; ++digits)
    for (const double threshold : {rounded(exact, digits), rounded_down(exact, digits)})
      if (is_near(threshold)) return threshold;
  return rounded(exact, 2);
}

std::vector<Suggestion> suggestions_of(const FiniteNorms& finite) {
  std::vector<Suggestion> suggestions;
  for (const auto& target : kTargets) {
    const double threshold = suggested_threshold(target, finite.sorted);
    if (!(threshold > 0)) continue;  // most norms are 0
    Suggestion suggestion{target.aim, target.percentile, effect_of(threshold, finite)};
    for_each_fifth(finite.norms.size(), [&](std::size_t i, std::size_t begin, std::size_t end) {
      const auto first = finite.norms.begin();
      const auto clipped = std::count_if(first + std::ptrdiff_t(begin), first + std::ptrdiff_t(end),
                                         [&](double norm) { return norm > threshold; });
      if (end > begin)
        suggestion.clipped_share_by_fifth[i] =
            share_of(static_cast<std::uint64_t>(clipped), end - begin);
    });
    suggestions.push_back(std::move(suggestion));
  }
  return suggestions;
}

std::vector<RuleEffect> curve_of(const FiniteNorms& finite) {
  std::vector<RuleEffect> curve;
  for (int permille = 0; permille <= 1000; permille += permille < 990 ? 10 : 1) {
    const double threshold = quantile_of_sorted(finite.sorted, permille / 1000.0);
    if (threshold > 0 && (curve.empty() || threshold > curve.back().rule.threshold))
      curve.push_back(effect_of(threshold, finite));
  }
  return curve;
}

}  // namespace

const char* to_text(DriftDirection direction) { return name_in(kDriftDirections, direction); }
const char* to_text(Aim aim) { return name_in(kAims, aim); }

ThresholdAdvice advise(const NormLog& log, const std::vector<double>& thresholds) {
  require(!log.norms.empty(), "advise: needs norms");
  ThresholdAdvice advice;
  const FiniteNorms finite = finite_norms(log, advice);
  if (finite.norms.empty())
    throw DataError(fmt::format("{}: none of {} is finite; log the norm from the first step on",
                                log.where, counted(log.norms.size(), "norm")));
  const auto& sorted = finite.sorted;
  advice.steps = log.norms.size();
  advice.finite = finite.norms.size();
  advice.first_step = log.steps.front();
  advice.last_step = log.steps.back();
  advice.mean = mean(finite.norms);
  advice.percentiles = percentiles_of(sorted);
  advice.drift = drift_of(finite.norms);
  find_spikes(log, advice);
  for (const double threshold : thresholds.empty() ? usual_thresholds(sorted) : thresholds)
    advice.thresholds.push_back(effect_of(threshold, finite));
  for (const ClipMode mode : {ClipMode::kAutoclip, ClipMode::kZclip})
    advice.adaptive.push_back(adaptive_effect(mode, finite.norms));
  advice.suggestions = suggestions_of(finite);
  advice.curve = curve_of(finite);
  advice.stretches = stretches_of(log);
  advice.pile_up = pile_up_of(sorted);
  advice.loss = loss_of(log);
  return advice;
}

}  // namespace clipsweep
