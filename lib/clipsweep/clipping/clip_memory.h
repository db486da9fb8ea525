// What the adaptive clipping modes remember of a run's earlier steps: plain data that can be copied
// and saved. Only `remember` changes it, after a step was taken; steps that are skipped or have a
// non-finite norm never enter.
#pragma once

#include <cstdint>
#include <vector>

#include "clipsweep/base/span.h"
#include "clipsweep/clipping/clip_rule.h"
#include "clipsweep/clipping/recent_percentile.h"
#include "clipsweep/clipping/running_percentile.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/model/wide_norms.h"

namespace clipsweep {

template <typename Number>
struct ClipMemory {
  ClipMemory() = default;
  // `seed` determines the directions of `random-step`.
  ClipMemory(const ClipRule& rule, const ParameterLayout& layout, std::uint64_t seed);

  std::uint64_t steps = 0;                      // how many are remembered
  RunningPercentile<Wide<Number>> norms;        // autoclip: all so far
  RecentPercentile<Wide<Number>> recent_norms;  // autoclip with a window, median
  std::vector<Number> carried;                  // [P] carry: cut off so far and not yet applied
  Wide<Number> mean = 0;                        // zclip: of the norms; in the warm-up of all norms
  Wide<Number> variance = 0;                    // zclip
  std::vector<Wide<Number>> averages;           // adagc: per tensor, of its norm; 0 = none yet
  std::uint64_t random_key = 0;                 // random-step

  template <typename Archive>
  void archive(Archive& archive) {
    archive(steps, norms, recent_norms, carried, mean, variance, averages, random_key);
  }
};

// A step that was taken.
template <typename Number>
struct TakenStep {
  const RowNorms<Wide<Number>>& norms;  // of the gradient before clipping
  Span<const Number> raw;               // [P] the gradient before clipping
  Span<const Number> clipped;           // [P] and after
};

// Remembers a step. Ignores one whose gradient is not finite before clipping.
template <typename Number>
void remember(const ClipRule& rule, const TakenStep<Number>& step, ClipMemory<Number>& memory);

// The percentile of the norms so far or of the last ones, this one included. +inf if the percentile
// is 0, which would freeze the run, or if the norm is not finite.
template <typename Number>
Wide<Number> autoclip_limit(const ClipRule& rule, const ClipMemory<Number>& memory,
                            Wide<Number> norm);

// The threshold times the median of the last norms before this step. +inf until there are 10 of
// them, or as many as the window holds, and while their median is 0, which would freeze the run.
template <typename Number>
Wide<Number> median_limit(const ClipRule& rule, const ClipMemory<Number>& memory);

// The norm above which zclip acts, mean + threshold * deviation; +inf during warm-up, and while the
// mean is 0, which would freeze the run.
template <typename Number>
Wide<Number> zclip_limit(const ClipRule& rule, const ClipMemory<Number>& memory);

// The norm to which zclip scales a norm above that limit: the larger the norm, the closer to the
// mean.
//
//   mean + deviation * threshold^2 / z,   z = (norm - mean) / deviation      (Kumar et al., 2025)
template <typename Number>
Wide<Number> zclip_target(const ClipRule& rule, const ClipMemory<Number>& memory,
                          Wide<Number> norm);

// Whether adagc is in its warm-up, in which it clips by the global norm.
template <typename Number>
bool is_adagc_warmup(const ClipRule& rule, const ClipMemory<Number>& memory);

// adagc's limit for the norm of the tensor at this index; +inf if it has no average yet.
template <typename Number>
Wide<Number> adagc_limit(const ClipRule& rule, const ClipMemory<Number>& memory,
                         std::size_t tensor);

}  // namespace clipsweep
