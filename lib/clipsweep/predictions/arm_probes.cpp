#include "clipsweep/predictions/arm_probes.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "clipsweep/base/statistics.h"

namespace clipsweep {
namespace {

std::optional<double> mean_or_null(const std::vector<double>& values) {
  return values.empty() ? std::nullopt : std::optional(mean(values));
}

// The run's own clipping in one probe; null if its mode is not probed.
const ClipStatistics* own_clipping(const RunRecord& run, const ProbeRecord& probe) {
  for (const auto& probed : probe.rules)
    if (probed.rule == run.spec.clip) return &probed.statistics;
  return nullptr;
}

// A criterion of most runs, whose others cannot tell the mean gradient from noise.
std::optional<CriterionEstimate> of_most(const std::vector<CriterionEstimate>& estimates,
                                         std::size_t runs) {
  return 2 * estimates.size() > runs ? geometric_mean(estimates) : std::nullopt;
}

class ProbeOfRuns {
 public:
  void add(const RunRecord& run, const ProbeRecord& probe) {
    const GradientStatistics& gradients = *probe.gradients;
    ++runs_;
    if (gradients.noise_tail_index) noise_.push_back(*gradients.noise_tail_index);
    if (gradients.norm_tail_index) norms_.push_back(*gradients.norm_tail_index);
    const ClipStatistics* own = own_clipping(run, probe);
    if (!own) return;
    shares_.push_back(own->clipped_share);
    if (own->cosine) cosines_.push_back(*own->cosine);
    if (gradients.mean_gradient_norm > 0)
      ratios_.push_back(own->mean_clipped_norm / gradients.mean_gradient_norm);
    if (own->comparison) comparisons_.push_back(*own->comparison);
    if (own->stability) stabilities_.push_back(*own->stability);
  }

  ArmProbe result(std::uint64_t step) const {
    ArmProbe probe{step, runs_, pooled(noise_), pooled(norms_), std::nullopt};
    if (shares_.empty()) return probe;
    PredictedClipping clipping{mean(shares_), mean_or_null(cosines_), mean_or_null(ratios_),
                               of_most(comparisons_, runs_), of_most(stabilities_, runs_)};
    clipping.prediction = prediction_of(clipping.clipped_share, clipping.comparison);
    probe.clipping = clipping;
    return probe;
  }

 private:
  std::uint64_t runs_ = 0;
  std::vector<TailIndex> noise_, norms_;
  std::vector<double> shares_, cosines_, ratios_;
  std::vector<CriterionEstimate> comparisons_, stabilities_;
};

}  // namespace

std::optional<CriterionEstimate> geometric_mean(const std::vector<CriterionEstimate>& estimates) {
  if (estimates.empty()) return std::nullopt;
  std::vector<double> logarithms;
  double variances = 0;
  for (const auto& estimate : estimates) {
    logarithms.push_back(std::log(estimate.value));
    const double error =
        std::log(estimate.upper / estimate.lower) / (2 * CriterionEstimate::kStandardErrors);
    variances += error * error;
  }
  const auto n = static_cast<double>(estimates.size());
  const double between = estimates.size() < 2 ? 0 : standard_deviation(logarithms);
  const double error = std::sqrt(std::max(variances / n, between * between) / n);
  const double center = mean(logarithms);
  return CriterionEstimate{std::exp(center),
                           std::exp(center - CriterionEstimate::kStandardErrors * error),
                           std::exp(center + CriterionEstimate::kStandardErrors * error)};
}

std::vector<ArmProbe> probes_of_arm(const std::vector<const RunRecord*>& runs) {
  std::map<std::uint64_t, ProbeOfRuns> by_step;
  for (const RunRecord* run : runs)
    for (const auto& probe : run->probes)
      if (probe.gradients) by_step[probe.step].add(*run, probe);
  std::vector<ArmProbe> probes;
  for (const auto& [step, of_runs] : by_step) probes.push_back(of_runs.result(step));
  return probes;
}

}  // namespace clipsweep
