// What a sweep shows about clipping, as plain data: does it help, where, and what to use. This is
// the decision only; conclusion_text.h puts it into words.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "clipsweep/analysis/summary.h"

namespace clipsweep {

// ---- Does clipping help? ----

enum class EffectCase {
  kNoOutcome,             // no run has completed or diverged
  kNoArmClips,            // every arm is without clipping
  kNoArmWithoutClipping,  // every arm clips
  kNoRunWithClipping,     // no arm that clips has a run that completed or diverged
  kNoRunWithoutClipping,  // no arm without clipping has one
  kNeverActed,            // clipping acted on no step of any run
  kTooFewSeeds,           // fewer pairs than an interval needs
  kBetter,
  kWorse,
  kNoDifference,        // the interval includes zero
  kNotAfterCorrection,  // significant by itself, but not after Holm's correction
  kNotSignificant,      // the interval excludes zero, but so few equal differences may be chance
};

// The best arm with clipping against the best without. Both are null before `kTooFewSeeds`.
struct Effect {
  EffectCase kind = EffectCase::kNoOutcome;
  const ArmSummary* arm = nullptr;
  const ArmSummary* baseline = nullptr;
  const BestComparison* comparison = nullptr;
};

// ---- Where? ----

enum class ReachCase {
  kNothingCompared,
  kTooFewSeeds,
  kOneLearningRate,
  kSeveralLearningRates,
};

// The verdicts on arms that clipped, each against its baseline at the same learning rate.
struct VerdictCounts {
  std::uint64_t judged = 0;
  std::uint64_t better = 0;
  std::uint64_t better_adjusted = 0;  // after Holm's correction
  std::uint64_t worse = 0;
  const ArmSummary* largest_gain = nullptr;  // among the better ones; null if there are none
  const MetricDifference* gained = nullptr;  // its difference in accuracy
};

// What the best arm with clipping changes besides the mean accuracy. Null where not comparable.
struct SideEffects {
  const MetricDifference* train_loss = nullptr;
  const MetricSummary* accuracy = nullptr;
  const MetricSummary* baseline_accuracy = nullptr;
};

// The learning rates at which training is usable without clipping and with the best mode.
struct UsableRates {
  std::vector<double> without;
  std::vector<double> with;
  ClipMode mode = ClipMode::kNone;
};

struct Reach {
  ReachCase kind = ReachCase::kNothingCompared;
  VerdictCounts counts;
  const ArmSummary* arm = nullptr;    // of the effect
  SideEffects side_effects;           // at one learning rate
  std::optional<UsableRates> usable;  // at several learning rates
};

// ---- What to use? ----

enum class AdviceCase {
  kNothingToCompare,
  kTooEarly,
  kDivergesLess,       // clipping gains no accuracy, but fewer runs diverge
  kWithoutClipping,    // clipping harms
  kUsableAtMoreRates,  // no clipping is as good, but `other` clips and is usable at more rates
  kSpreadsLess,        // clipping gains no accuracy, but seeds differ less
  kNoReasonToClip,
  kWithClipping,
};

// How the recommended learning rate is situated among those tried.
enum class RateCaveat { kNone, kOnlyOneTried, kLargestTried, kSmallestTried };

struct Advice {
  AdviceCase kind = AdviceCase::kNothingToCompare;
  const ArmSummary* recommended = nullptr;
  const ArmSummary* other = nullptr;           // the arm that the advice compares it with, if any
  std::vector<double> recommended_rates = {};  // where these settings are usable
  std::vector<double> other_rates = {};
  RateCaveat caveat = RateCaveat::kNone;
};

// ---- All three ----

// The pointers refer to the summary.
struct Conclusion {
  Effect effect;
  Reach reach;
  Advice advice;
  std::vector<double> learning_rates;  // all that were tried, sorted
};

// Draws the conclusion for one cell (see `part_of`).
Conclusion conclude(const Summary& summary);

}  // namespace clipsweep
