// What a log of gradient norms says about thresholds, as numbers: how the norms are distributed,
// how they drift, and what clipping by the global norm would have done. Nothing here writes text.
//
// All of it is about the log as it is: clipping would have changed the norms after the first step
// on which it acts.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/advice/norm_log.h"
#include "clipsweep/analysis/arms.h"
#include "clipsweep/clipping/clip_rule.h"

namespace clipsweep {

inline constexpr std::array<double, 12> kAdvicePercentiles = {0,  1,  5,  10, 25,   50,
                                                              75, 90, 95, 99, 99.9, 100};
inline constexpr std::size_t kFifths = 5;
inline constexpr std::size_t kListedSteps = 10;  // of NaN, of infinities, of spikes
// A log whose norms grow or fall by this factor, from the first fifth to the last, drifts.
inline constexpr double kDriftFactor = 2;

// Steps whose norm is not finite.
struct NonfiniteSteps {
  std::uint64_t count = 0;
  std::vector<double> first;  // up to kListedSteps steps
};

struct Percentile {
  double percent;
  double norm;
};

enum class DriftDirection { kSteady, kFalls, kRises };
const char* to_text(DriftDirection direction);

// The medians of five consecutive parts of the log with equally many finite norms.
struct NormDrift {
  std::array<double, kFifths> medians{};
  std::optional<double> ratio;  // last / first; nothing if the first is 0
  DriftDirection direction = DriftDirection::kSteady;
};

// A norm above kSpikeFactor times the median of up to kSpikeWindow finite norms before it.
struct NormSpike {
  double step;
  double norm;
  double median;
  std::optional<double> loss;
};

// What one rule would have done on this log.
struct RuleEffect {
  ClipRule rule;
  std::uint64_t clipped = 0;  // steps
  double clipped_share = 0;   // of the steps with a finite norm
  double mean_scale = 1;      // of norm after / norm before, over the same steps; 1 if not clipped
  ClippingBehaviour behaviour = ClippingBehaviour::kNeverActed;
  std::optional<double> last_limit;  // adaptive modes: in force at the last step; nothing if none
};

enum class Aim { kSafetyNet, kTenth, kLimiter };
const char* to_text(Aim aim);

// A threshold to try. It is a percentile rounded to two digits, or to as many as it takes to keep
// the share of clipped steps near what is aimed at.
struct Suggestion {
  Aim aim;
  double percentile;
  RuleEffect effect;
  std::array<double, kFifths> clipped_share_by_fifth{};  // shows which part of training it clips
};

// Many norms at the maximum: what a log looks like that has the norms after clipping.
struct PileUp {
  double norm;          // the maximum
  std::uint64_t count;  // norms that are equal to it but for rounding
};

// Some consecutive steps, for a plot.
struct Stretch {
  double first_step;
  double last_step;
  double minimum, median, maximum;  // of the finite norms
};

struct LossSummary {
  std::uint64_t count = 0;
  NonfiniteSteps nonfinite;
  std::optional<double> first_median, last_median;  // of the first and the last fifth
};

struct ThresholdAdvice {
  std::uint64_t steps = 0;   // with a norm, finite or not
  std::uint64_t finite = 0;  // at least 1
  double first_step = 0, last_step = 0;
  std::uint64_t steps_backward = 0;  // how often the step is not above the one before
  NonfiniteSteps nan, infinite;
  double mean = 0;
  std::vector<Percentile> percentiles;  // kAdvicePercentiles of the finite norms
  std::optional<NormDrift> drift;       // nothing below five finite norms
  std::uint64_t spikes = 0;
  std::vector<NormSpike> largest_spikes;  // by norm / median, up to kListedSteps
  std::vector<RuleEffect> thresholds;     // of global-norm
  std::vector<RuleEffect> adaptive;       // autoclip and zclip
  std::vector<Suggestion> suggestions;    // one per aim
  std::vector<RuleEffect> curve;          // of global-norm, at 0, 1, ... 99, 99.1, ... 100 %
  std::vector<Stretch> stretches;         // at most 1,000
  std::optional<PileUp> pile_up;
  std::optional<LossSummary> loss;
};

// Computes all of it. `thresholds` are those of the table; empty: 1, 2, 5, 10 ... in the range of
// the norms. Throws DataError if no norm is finite.
ThresholdAdvice advise(const NormLog& log, const std::vector<double>& thresholds = {});

}  // namespace clipsweep
