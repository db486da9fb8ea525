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
  kAllDiverged,           // every run diverged
  kNoArmClips,            // every arm is without clipping
  kNoArmWithoutClipping,  // every arm clips
  kNoRunWithClipping,     // no arm that clips has a run that completed or diverged
  kNoRunWithoutClipping,  // no arm without clipping has one
  kNothingLearnt,         // no arm is better than chance
  kNeverActed,            // clipping acted on no step of any run
  // Of tasks that runs solve, by the runs that solved the task and kept it to the end.
  kSolvesMore,
  kSolvesLess,
  kSolvesUnsettled,    // a difference that is not significant
  kSolvesAlike,        // none
  kSolvesTooFewSeeds,  // fewer pairs than a verdict needs
  // Of others, by the judged accuracy.
  kTooFewSeeds,  // fewer pairs than a verdict needs
  kBetter,
  kWorse,
  kNoDifference,        // the interval includes zero
  kNotAfterCorrection,  // significant by itself, but not after the correction for the choice
};

// The best arm with clipping against the best without. All are null before `kSolvesMore`, but for
// `kNothingLearnt`, where `arm` is the best of all.
struct Effect {
  EffectCase kind = EffectCase::kNoOutcome;
  const ArmSummary* arm = nullptr;
  const ArmSummary* baseline = nullptr;
  const BestComparison* comparison = nullptr;
  std::optional<double> p_value =
      {};  // of the shares that solved, corrected for the choice of the arm
};

// The runs that diverged, on both sides, over all arms; perturbed ones left out.
struct DivergedSides {
  RunShare with;
  RunShare without;
  std::optional<Interval> difference;  // of the shares, with minus without; 95 %, Newcombe
  DivergenceOrigin origin;
};

// What thresholds would have acted, if none did.
struct ThresholdHint {
  double largest_norm = 0;                 // of the raw gradient, over all runs
  std::optional<double> value = {};        // the largest threshold of the mode that would have
  std::optional<double> global_norm = {};  // acted on a step
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
  std::uint64_t worse_adjusted = 0;
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
  // The arms of a task that runs solve, those that solve it most often first.
  std::vector<const ArmSummary*> solving;
};

// ---- What to use? ----

enum class AdviceCase {
  kNothingToCompare,
  kOtherSettings,      // every run diverged, or nothing has been learnt
  kSmallerThreshold,   // clipping never acted
  kOnlyUsable,         // `recommended` is usable, and no arm of the other side is
  kLessBad,            // neither side is usable, but `recommended` is the better one
  kNoneUsable,         // neither is, and nothing tells them apart
  kHigherAccuracy,     // by its verdict
  kSolvesMore,         // by its verdict
  kUsableAtMoreRates,  // no difference here, but `other` clips and is usable at more rates
  kLowerLoss,          // no difference in accuracy, but in the training loss
  kSpreadsLess,        // nor in the loss, but the seeds differ less
  kWithinAPoint,       // a difference of a point is excluded
  kUndecided,          // `recommended` is the plainer choice until more seeds tell
};

// How the recommended learning rate is situated among those tried.
enum class RateCaveat { kNone, kOnlyOneTried, kLargestTried, kSmallestTried };

// Never recommends an arm that is not usable while one of the other side is.
struct Advice {
  AdviceCase kind = AdviceCase::kNothingToCompare;
  const ArmSummary* recommended = nullptr;
  const ArmSummary* other = nullptr;             // the arm that the advice compares it with, if any
  const MetricDifference* difference = nullptr;  // in accuracy, clipping minus none, if judged
  const MetricDifference* loss = nullptr;        // of `kLowerLoss`
  std::vector<double> recommended_rates = {};    // where these settings are usable
  std::vector<double> other_rates = {};
  RateCaveat caveat = RateCaveat::kNone;
};

// ---- All three ----

// The pointers refer to the summary.
struct Conclusion {
  Effect effect;
  std::optional<DivergedSides> diverged;  // if a run did
  std::optional<ThresholdHint> hint;      // if clipping never acted
  Reach reach;
  Advice advice;
  const MetricBasis* basis = nullptr;
  std::vector<double> learning_rates;  // all that were tried, sorted
};

// Whether the interval of the difference excludes a difference of a point in either direction.
// Never without a verdict.
bool is_within_a_point(const BestComparison& best);

// Draws the conclusion for one cell (see `part_of`).
Conclusion conclude(const Summary& summary);

}  // namespace clipsweep
