// An arm is all runs that differ only in their seed. Here are its settings, its name in text for
// people, and the summary of its runs.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/analysis/metrics.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/predictions/arm_probes.h"
#include "clipsweep/records/event_record.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/statistics/interval.h"
#include "clipsweep/statistics/survival.h"

namespace clipsweep {

// What all runs of an arm share.
struct ArmSettings {
  Setup setup;
  ClipRule clip;
  double learning_rate = 0;
  Regularization regularization;
  bool perturbed = false;

  bool clips() const { return clip.mode != ClipMode::kNone; }
};

ArmSettings arm_settings(const RunSpec& run);

// ---- Names in text for people ----

// The arm as a user types it: `value:0.5 at lr 0.01`, `gru none at lr 0.01`,
// `none at lr 0.01, length 20`, `value:0.5 with output layer 5, weight decay 0.001 at lr 0.01`,
// `none (perturbed) at lr 0.01`. Settings that have their default are left out.
std::string display_name(const ArmSettings& arm, SetupInName setup = SetupInName::kOmitted);

// The name for tables that show the cell, the regularization and the learning rate elsewhere:
// `value:0.5`, `value:0.5 with output layer 5`, `none (perturbed)`.
std::string clip_name(const ArmSettings& arm);

// `weight decay 0.001, L1 0.1`; empty if there is none.
std::string regularization_name(const Regularization& regularization);

// ---- The runs of an arm ----

// The runs of an arm that completed or diverged, by seed.
using CountedRuns = std::map<std::uint64_t, const RunRecord*>;

// The pointers refer to the plan and the records that the arm was made from.
struct Arm {
  const RunSpec* first = nullptr;  // its first run in the plan
  CountedRuns runs;

  bool clips() const { return first->clip.mode != ClipMode::kNone; }
};

// The setups of a plan, in its order.
std::vector<Setup> setups_of(const std::vector<RunSpec>& plan);

// The arms of a plan, sorted by setup (in the plan's order), learning rate, regularization, mode
// (none first, then none perturbed) and threshold. `records` has one entry per run of the plan.
std::vector<Arm> arms_of(const std::vector<RunSpec>& plan,
                         const std::vector<std::optional<RunRecord>>& records);

// One metric over the runs of an arm.
struct MetricSummary {
  std::uint64_t n = 0;
  std::optional<double> mean, standard_deviation, interquartile_mean, min, max;
};

// Gradient norms of an arm: the medians over runs of each run's quantiles, and the largest norm.
struct NormSummary {
  std::optional<double> median, p90, p99, max;
};

// A number of runs of an arm, and the share with its 95 % interval (Wilson).
struct ShareOfRuns {
  std::uint64_t count = 0;
  double share = 0;
  Interval interval;
};

// Where runs that diverged first had a value that was not finite, or a norm that overflowed.
struct DivergenceOrigin {
  std::array<std::uint64_t, kPhases.size()> runs{};  // by phase
  std::uint64_t first_step = 0;
  std::uint64_t last_step = 0;

  std::uint64_t runs_in(Phase phase) const { return runs[static_cast<std::size_t>(phase)]; }
  std::uint64_t total() const {
    return std::accumulate(runs.begin(), runs.end(), std::uint64_t{0});
  }
  DivergenceOrigin& operator+=(const DivergenceOrigin& other);
};

// How clipping behaved in an arm, by the share of steps on which it acted and by the cosine between
// the gradient before and after.
enum class ClippingBehaviour {
  kNoClipping,
  kNeverActed,        // the run is the same as the baseline's
  kSafetyNet,         // acted on at most kMaxShareOfSafetyNet of the steps
  kActsOften,         // acted on more steps than a safety net and fewer than a limiter
  kStepSizeLimiter,   // acted on at least kMinShareOfLimiter: in effect another learning rate
  kTurnsGradient,     // acted as often, but changed the gradient's direction too
  kActsNearlyAlways,  // acted as often, but the direction was not measured (mode `backprop`)
};
inline constexpr double kMaxShareOfSafetyNet = 0.1;
inline constexpr double kMinShareOfLimiter = 0.9;
inline constexpr double kMinCosineOfLimiter = 0.95;  // 18 degrees

const char* to_text(ClippingBehaviour behaviour);
std::vector<std::string> clipping_behaviour_names();
ClippingBehaviour clipping_behaviour_of(const ClipRule& rule, double clipped_share,
                                        const std::optional<double>& mean_cosine);

struct ArmSummary : ArmSettings {
  std::string name;                  // as in IDs: `value-0.5_lr-0.01`
  std::vector<std::uint64_t> seeds;  // of the runs that completed or diverged
  std::uint64_t completed = 0;
  std::uint64_t diverged = 0;  // stalled runs included
  std::uint64_t stalled = 0;   // of these
  std::uint64_t spikes = 0;    // the sum over its runs
  std::uint64_t skipped = 0;   // steps, the sum over its runs
  std::optional<ShareOfRuns> divergence;
  DivergenceOrigin divergence_origin;
  std::optional<ShareOfRuns> reached_target;
  // Steps until an evaluation reached the target accuracy. Runs that did not are censored at their
  // end, and those that diverged or stalled never reach it.
  MedianDuration steps_to_target;
  // Runs that solved the task in some evaluation and in the last one, and the steps until the first
  // one; if the task can be solved.
  std::optional<std::uint64_t> solved;
  std::optional<std::uint64_t> solved_at_end;
  std::optional<MedianDuration> steps_to_solution;
  PerMetric<MetricSummary> metrics;
  std::optional<MetricSummary> late_validation_accuracy;  // with a validation set
  std::optional<MetricSummary> bits_per_character;        // of text: the final test loss / ln 2
  std::optional<double> clipped_share;
  std::optional<double> skipped_share;
  std::optional<double> mean_cosine;   // over the runs that have one
  std::optional<double> update_ratio;  // the median of its runs' medians
  std::optional<ClippingBehaviour> behaviour;
  NormSummary grad_norm_raw;
  std::vector<ArmProbe> probes;  // by step; empty without --probe-at
  LinearFit smoothness;          // log10 smoothness by log10 gradient norm, over all steps measured
  std::optional<bool> better_than_chance;  // by its `choice_mean`; nothing without one
  // Near the best arm of its setup, better than chance, and no run diverged; summary.cpp decides.
  bool usable = false;

  // The mean late accuracy by which arms are chosen: on the validation set if there is one.
  const std::optional<double>& choice_mean() const {
    return late_validation_accuracy ? late_validation_accuracy->mean : metrics[kJudgedMetric].mean;
  }
  // Whether no run completed with what it learnt.
  bool all_diverged() const { return diverged == seeds.size(); }
  bool acted() const { return clips() && clipped_share.value_or(0) > 0; }
};

ArmSummary summarize_arm(const Arm& arm, const MetricBasis& basis);

}  // namespace clipsweep
