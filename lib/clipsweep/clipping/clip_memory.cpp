#include "clipsweep/clipping/clip_memory.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "clipsweep/base/random.h"

namespace clipsweep {
namespace {

// Mean and population variance of the first norms (Welford, 1962), then moving averages. As in the
// paper's code, the norms after clipping enter, and the variance is around the new mean.
template <typename Number>
void remember_for_zclip(const ClipRule& rule, Wide<Number> norm, ClipMemory<Number>& memory) {
  using W = Wide<Number>;
  if (memory.steps < rule.options.zclip_warmup) {
    const W count = static_cast<W>(memory.steps + 1);
    const W from_old = norm - memory.mean;
    memory.mean += from_old / count;
    const W from_new = norm - memory.mean;
    memory.variance += (from_old * from_new - memory.variance) / count;
    return;
  }
  const W kept = norm > zclip_limit(rule, memory) ? zclip_target(rule, memory, norm) : norm;
  const W decay = static_cast<W>(rule.options.zclip_decay);
  memory.mean = decay * memory.mean + (1 - decay) * kept;
  const W distance = kept - memory.mean;
  memory.variance = decay * memory.variance + (1 - decay) * distance * distance;
}

// The smallest norm of the warm-up, then the moving average, both of the norms after clipping. A
// norm of 0 does not start an average, since that would freeze the tensor for the rest of the run.
template <typename Number>
void remember_for_adagc(const ClipRule& rule, const RowNorms<Wide<Number>>& norms,
                        ClipMemory<Number>& memory) {
  using W = Wide<Number>;
  const W warmup_norm = static_cast<W>(rule.options.adagc_warmup_norm);
  const W scale = norms.global > warmup_norm ? warmup_norm / norms.global : W{1};
  const W decay = static_cast<W>(rule.options.adagc_decay);
  for (std::size_t i = 0; i < norms.tensors.size(); ++i) {
    W& average = memory.averages[i];
    if (is_adagc_warmup(rule, memory)) {
      const W norm = scale * norms.tensors[i];
      if (norm > 0) average = average > 0 ? std::min(average, norm) : norm;
    } else {
      const W norm = std::min(norms.tensors[i], adagc_limit(rule, memory, i));
      average = average > 0 ? decay * average + (1 - decay) * norm : norm;
    }
  }
}

// What was cut off, the carry of U-Clip: what was carried to this step, plus its gradient, minus
// what was left of both. A sum that overflows was not clipped, and changes nothing.
template <typename Number>
void remember_for_carry(const TakenStep<Number>& step, ClipMemory<Number>& memory) {
  for (std::size_t i = 0; i < memory.carried.size(); ++i) {
    const Number sum = step.raw[i] + memory.carried[i];
    if (std::isfinite(sum)) memory.carried[i] = sum - step.clipped[i];
  }
}

}  // namespace

template <typename Number>
ClipMemory<Number>::ClipMemory(const ClipRule& rule, const ParameterLayout& layout,
                               std::uint64_t seed) {
  const auto window_of = [](std::uint64_t size) { return static_cast<std::size_t>(size); };
  if (rule.mode == ClipMode::kAutoclip && std::isfinite(rule.threshold)) {
    if (const auto window = rule.options.autoclip_window; window > 0)
      recent_norms = RecentPercentile<Wide<Number>>(rule.threshold, window_of(window));
    else
      norms = RunningPercentile<Wide<Number>>(rule.threshold);
  }
  if (rule.mode == ClipMode::kMedian)
    recent_norms = RecentPercentile<Wide<Number>>(50, window_of(rule.options.median_window));
  if (rule.mode == ClipMode::kCarry) carried.resize(layout.size());
  if (rule.mode == ClipMode::kAdagc) averages.resize(layout.tensors.size());
  if (rule.mode == ClipMode::kRandomStep)
    random_key = RandomStream(seed, "random-step").below(~std::uint64_t{0});
}

template <typename Number>
void remember(const ClipRule& rule, const TakenStep<Number>& step, ClipMemory<Number>& memory) {
  const auto& norms = step.norms;
  if (rule.mode != ClipMode::kRandomStep && !std::isfinite(norms.global)) return;
  if (rule.mode == ClipMode::kAutoclip && std::isfinite(rule.threshold)) {
    if (rule.options.autoclip_window > 0)
      memory.recent_norms.add(norms.global);
    else
      memory.norms.add(norms.global);
  }
  if (rule.mode == ClipMode::kMedian) memory.recent_norms.add(norms.global);
  if (rule.mode == ClipMode::kCarry) remember_for_carry(step, memory);
  if (rule.mode == ClipMode::kZclip) remember_for_zclip(rule, norms.global, memory);
  if (rule.mode == ClipMode::kAdagc) remember_for_adagc(rule, norms, memory);
  ++memory.steps;
}

template <typename Number>
Wide<Number> autoclip_limit(const ClipRule& rule, const ClipMemory<Number>& memory,
                            Wide<Number> norm) {
  using W = Wide<Number>;
  const bool is_off = std::isinf(rule.threshold) || !std::isfinite(norm);
  const bool has_window = rule.options.autoclip_window > 0;
  const W percentile = is_off       ? W{0}
                       : has_window ? memory.recent_norms.with(norm)
                                    : memory.norms.with(norm);
  return percentile > 0 ? percentile : std::numeric_limits<W>::infinity();
}

template <typename Number>
Wide<Number> median_limit(const ClipRule& rule, const ClipMemory<Number>& memory) {
  using W = Wide<Number>;
  constexpr std::uint64_t kWarmup = 10;  // steps until icefall's first estimate
  const bool is_warmup = memory.recent_norms.size() < std::min(kWarmup, rule.options.median_window);
  const W median = is_warmup ? W{0} : memory.recent_norms.value();
  return median > 0 ? static_cast<W>(rule.threshold) * median : std::numeric_limits<W>::infinity();
}

template <typename Number>
Wide<Number> zclip_limit(const ClipRule& rule, const ClipMemory<Number>& memory) {
  using W = Wide<Number>;
  const bool has_no_average = memory.steps < rule.options.zclip_warmup || memory.mean == 0;
  if (has_no_average || std::isinf(rule.threshold)) return std::numeric_limits<W>::infinity();
  return memory.mean + static_cast<W>(rule.threshold) * std::sqrt(memory.variance);
}

template <typename Number>
Wide<Number> zclip_target(const ClipRule& rule, const ClipMemory<Number>& memory,
                          Wide<Number> norm) {
  const auto threshold = static_cast<Wide<Number>>(rule.threshold);
  return memory.mean + threshold * threshold * memory.variance / (norm - memory.mean);
}

template <typename Number>
bool is_adagc_warmup(const ClipRule& rule, const ClipMemory<Number>& memory) {
  return memory.steps < rule.options.adagc_warmup;
}

template <typename Number>
Wide<Number> adagc_limit(const ClipRule& rule, const ClipMemory<Number>& memory,
                         std::size_t tensor) {
  const auto average = memory.averages[tensor];
  if (!(average > 0)) return std::numeric_limits<Wide<Number>>::infinity();
  return static_cast<Wide<Number>>(rule.threshold) * average;
}

template struct ClipMemory<float>;
template struct ClipMemory<double>;
template void remember(const ClipRule&, const TakenStep<float>&, ClipMemory<float>&);
template void remember(const ClipRule&, const TakenStep<double>&, ClipMemory<double>&);
template double autoclip_limit(const ClipRule&, const ClipMemory<float>&, double);
template long double autoclip_limit(const ClipRule&, const ClipMemory<double>&, long double);
template double median_limit(const ClipRule&, const ClipMemory<float>&);
template long double median_limit(const ClipRule&, const ClipMemory<double>&);
template double zclip_limit(const ClipRule&, const ClipMemory<float>&);
template long double zclip_limit(const ClipRule&, const ClipMemory<double>&);
template double zclip_target(const ClipRule&, const ClipMemory<float>&, double);
template long double zclip_target(const ClipRule&, const ClipMemory<double>&, long double);
template bool is_adagc_warmup(const ClipRule&, const ClipMemory<float>&);
template bool is_adagc_warmup(const ClipRule&, const ClipMemory<double>&);
template double adagc_limit(const ClipRule&, const ClipMemory<float>&, std::size_t);
template long double adagc_limit(const ClipRule&, const ClipMemory<double>&, std::size_t);

}  // namespace clipsweep
