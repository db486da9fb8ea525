// What the adaptive clipping modes remember of a run's earlier steps: plain data that can be copied
// and written down. It changes in one place, `remember`, once a step is taken: a step that is not
// finite or was skipped never enters.
#pragma once

#include <cstdint>
#include <vector>

#include "clipsweep/clipping/clip_rule.h"
#include "clipsweep/clipping/running_percentile.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/model/wide_norms.h"

namespace clipsweep {

template <typename Number>
struct ClipMemory {
  ClipMemory() = default;
  // The seed decides the directions of `random-step`.
  ClipMemory(const ClipRule& rule, const ParameterLayout& layout, std::uint64_t seed);

  std::uint64_t steps = 0;                // remembered
  RunningPercentile<Wide<Number>> norms;  // autoclip: all of them
  Wide<Number> mean = 0;                  // zclip: of the norms; during warm-up over all of them
  Wide<Number> variance = 0;              // zclip
  std::vector<Wide<Number>> averages;     // adagc: of each tensor's norm; 0 = none yet
  std::uint64_t random_key = 0;           // random-step

  template <typename Archive>
  void archive(Archive& archive) {
    archive(steps, norms, mean, variance, averages, random_key);
  }
};

// Takes in a step that was taken: the norms of its gradient before clipping. Norms that are not
// finite are left out.
template <typename Number>
void remember(const ClipRule& rule, const RowNorms<Wide<Number>>& norms,
              ClipMemory<Number>& memory);

// The percentile of the norms so far and this one. +inf if it is 0, which would freeze the run, or
// the norm is not finite.
template <typename Number>
Wide<Number> autoclip_limit(const ClipRule& rule, const ClipMemory<Number>& memory,
                            Wide<Number> norm);

// The norm above which zclip acts, mean + threshold * deviation; +inf during warm-up, and while the
// mean is 0, which would freeze the run.
template <typename Number>
Wide<Number> zclip_limit(const ClipRule& rule, const ClipMemory<Number>& memory);

// The norm that zclip leaves of one above that limit: the further out, the closer to the mean.
//
//   mean + deviation * threshold^2 / z,   z = (norm - mean) / deviation      (Kumar et al., 2025)
template <typename Number>
Wide<Number> zclip_target(const ClipRule& rule, const ClipMemory<Number>& memory,
                          Wide<Number> norm);

// Whether adagc still clips by the global norm.
template <typename Number>
bool is_adagc_warmup(const ClipRule& rule, const ClipMemory<Number>& memory);

// The limit of the norm of the tensor at this place; +inf if it has no average yet.
template <typename Number>
Wide<Number> adagc_limit(const ClipRule& rule, const ClipMemory<Number>& memory,
                         std::size_t tensor);

}  // namespace clipsweep
