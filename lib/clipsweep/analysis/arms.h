// All runs that differ only in their seed, taken together: an arm, and what its runs have in
// common.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/analysis/inference.h"
#include "clipsweep/analysis/metrics.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/records/run_record.h"

namespace clipsweep {

// The runs of an arm that reached an outcome, by seed.
using CountedRuns = std::map<std::uint64_t, const RunRecord*>;

// The pointers are into the plan and the records that it was made of.
struct Arm {
  const RunSpec* first = nullptr;  // of the plan
  CountedRuns runs;

  bool clips() const { return first->clip.mode != ClipMode::kNone; }
};

// Those of a plan, in its order.
std::vector<CellSetup> cell_setups(const std::vector<RunSpec>& plan);

// By cell as the plan has them, then learning rate, then regularization, then mode (none first,
// then the baseline perturbed), then threshold. `records` has one entry for each run of the plan.
std::vector<Arm> arms_of(const std::vector<RunSpec>& plan,
                         const std::vector<std::optional<RunRecord>>& records);

// One metric over the runs of an arm.
struct MetricSummary {
  std::uint64_t n = 0;
  std::optional<double> mean, standard_deviation, interquartile_mean, min, max;
};

// Over the runs of an arm: medians of their quantiles, and the largest norm of all.
struct NormSummary {
  std::optional<double> median, p90, p99, max;
};

// How many of an arm's runs, with the 95 % interval of the share (Wilson).
struct ShareOfRuns {
  std::uint64_t count = 0;
  double share = 0;
  Interval interval;
};

// What clipping was for an arm, in plain words, by the share of steps on which it acted and by the
// cosine between the gradient before and after.
enum class ClippingBehaviour {
  kNoClipping,
  kNeverActed,       // the same run as the baseline
  kSafetyNet,        // on up to a tenth of the steps
  kActsOften,        // in between
  kStepSizeLimiter,  // on nine tenths and more: in effect another learning rate
  kTurnsGradient,    // on nine tenths and more, and not only the length: another direction
};
const char* to_text(ClippingBehaviour reading);
std::vector<std::string> clipping_behaviour_names();
ClippingBehaviour clipping_behaviour_of(const ClipRule& rule, double clipped_share,
                                        const std::optional<double>& mean_cosine);

struct ArmSummary {
  std::string name;
  CellSetup setup;
  ClipRule clip;
  double learning_rate = 0;
  Regularization regularization;
  bool perturbed = false;
  std::vector<std::uint64_t> seeds;  // of the runs that completed or diverged
  std::uint64_t completed = 0;
  std::uint64_t diverged = 0;
  std::uint64_t spikes = 0;  // of all its runs
  std::optional<ShareOfRuns> divergence;
  std::optional<ShareOfRuns> reached_target;
  std::optional<std::uint64_t> solved;  // how many runs solved the task, where that is possible
  PerMetric<MetricSummary> metrics;
  std::optional<double> clipped_share;
  std::optional<double> mean_cosine;  // over the runs that have one
  std::optional<ClippingBehaviour> reading;
  NormSummary grad_norm_raw;
  bool usable = false;  // good and safe beside the best of all arms; summary.h decides

  bool clips() const { return clip.mode != ClipMode::kNone; }
};

ArmSummary summarize_arm(const Arm& arm, const MetricBasis& basis);

// `value:0.5 at learning rate 0.1`, with what else is off its default; the cell is left out.
std::string in_words(const ArmSummary& arm);

}  // namespace clipsweep
