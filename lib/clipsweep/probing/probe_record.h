// What a probe found at the fixed weights of a run, as plain data, to JSON and back: the items of
// `probes` in run.json. lib/docs/probe.md has the formulas, results/README.md the keys.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/base/name_table.h"
#include "clipsweep/clipping/clip_rule.h"
#include "clipsweep/io/json.h"
#include "clipsweep/probing/tail_index.h"

namespace clipsweep {

// Limits of the settings, which bound the size of a record and the time that it takes.
inline constexpr std::uint64_t kMinProbeBatches = 20;
inline constexpr std::uint64_t kMaxProbeBatches = 1000;
inline constexpr std::size_t kMaxProbes = 100;
inline constexpr std::size_t kMaxProbedRules = 100;

// Random directions on which gradients are projected.
inline constexpr std::size_t kProbeDirections = 8;

// Bins per decade of the histogram: bin i holds 10^(i/20) <= x < 10^((i+1)/20).
inline constexpr int kBinsPerDecade = 20;
int noise_bin_of(double x);  // x > 0

// How many numbers fell into consecutive bins, and how many are expected of a Gaussian.
struct NoiseHistogram {
  std::int64_t first_bin = 0;
  std::vector<std::uint64_t> counts;
  std::vector<double> gaussian;
};

// What the gradients g_1 ... g_K themselves say; noise is g_k minus their mean.
struct GradientStatistics {
  double mean_gradient_norm = 0;                 // |mean of g_k|
  std::optional<double> expected_gradient_norm;  // |E g| without the bias of noise; nothing if the
                                                 // estimate of its square is not above 0
  double norm_mean = 0;                          // of |g_k|
  double norm_sd = 0;
  double noise_variance = 0;  // trace of the covariance
  // The degrees of freedom of the Gaussian's law; nothing if there is no noise.
  std::optional<double> effective_dimension;
  std::optional<NoiseHistogram> noise_histogram;
  std::optional<TailIndex> noise_tail_index;
  std::optional<TailIndex> norm_tail_index;
  // Of projections on the mean gradient and on fixed random directions; nothing if all are equal.
  std::optional<double> mean_direction_skewness;
  std::array<std::optional<double>, kProbeDirections> random_skewness;
};

// A number above 0 with its 95 % interval.
struct CriterionEstimate {
  // The interval of the logarithm reaches this many standard errors to each side.
  static constexpr double kStandardErrors = 1.959963984540054;

  double value = 0;
  double lower = 0;
  double upper = 0;
};

// What a criterion predicts of a clipping rule.
enum class Prediction { kHelps, kHurts, kNegligible, kUnclear, kInactive };
inline constexpr NameTable<Prediction, 5> kPredictions = {{{Prediction::kHelps, "helps"},
                                                           {Prediction::kHurts, "hurts"},
                                                           {Prediction::kNegligible, "negligible"},
                                                           {Prediction::kUnclear, "unclear"},
                                                           {Prediction::kInactive, "inactive"}}};
const char* to_text(Prediction prediction);

// What a clipping rule makes of the same gradients: c_k is g_k clipped.
struct ClipStatistics {
  double clipped_share = 0;                 // of the K batches
  double mean_clipped_norm = 0;             // |mean of c_k|
  std::optional<double> cosine;             // between the means of c_k and g_k; nothing if one is 0
  double clipped_variance = 0;              // trace of the covariance of c_k
  std::optional<double> descent_reduction;  // mu; nothing if |E g|^2 is not above 0
  std::optional<double> variance_reduction;     // nu; nothing if all gradients are 0
  std::optional<CriterionEstimate> comparison;  // mu^2 / nu, the clipping-comparison criterion
  std::optional<CriterionEstimate> stability;   // mu / nu, the clipped-stability criterion
};

// The smallest factor by which a criterion must differ from 1 to count as help or harm. A rule that
// clips only one or two batches changes it by about 1 %: that may be significant, but it is too
// little to matter.
inline constexpr double kSmallestEffect = 1.05;

// By the clipping-comparison criterion: `helps` if its interval is above 1 and the estimate at
// least kSmallestEffect, `hurts` if it is below and the estimate at most 1 / kSmallestEffect,
// `negligible` if the interval is between both.
Prediction prediction_of(double clipped_share, const std::optional<CriterionEstimate>& comparison);

struct ProbedRule {
  ClipRule rule;
  ClipStatistics statistics;
};

struct ProbeRecord {
  std::uint64_t step = 0;       // after this many steps
  std::uint64_t batches = 0;    // K, with a finite gradient
  std::uint64_t nonfinite = 0;  // further batches, whose gradients are left out
  // The numbers of the sketches that inner products are taken from; nothing if they are exact.
  std::optional<std::uint64_t> sketch_size;
  // Nothing if K is below kMinProbeBatches; there are no rules then.
  std::optional<GradientStatistics> gradients;
  std::vector<ProbedRule> rules;
};

Json to_json(const ProbeRecord& record);
// `{"estimate": ..., "interval": [...], ...}`, or null.
Json to_json(const std::optional<TailIndex>& index);
Json to_json(const std::optional<CriterionEstimate>& estimate);

// Throws DataError that names the key.
ProbeRecord probe_record_from_json(const Json& json);

// Whether a mode can be probed: what it does to a gradient depends on nothing but the gradient, the
// weights and its threshold.
bool is_probed(ClipMode mode);

// The rules that a probe tests: those of the grid whose mode can be probed, each once, with a
// finite threshold.
std::vector<ClipRule> probed_rules(const std::vector<ClipRule>& rules);

}  // namespace clipsweep
