#include "clipsweep/training/run_statistics.h"

#include <algorithm>
#include <cmath>

#include "clipsweep/base/statistics.h"

namespace clipsweep {

void RunStatistics::add_step(const StepRecord& record, const StepFindings& findings) {
  counts_.steps = record.step;
  counts_.clipped_steps += record.clipped ? 1 : 0;
  counts_.skipped_steps += record.skipped ? 1 : 0;
  counts_.trailing_skipped_steps =
      record.skipped ? counts_.trailing_skipped_steps.value_or(0) + 1 : 0;
  counts_.nonfinite_steps += findings.has_nonfinite ? 1 : 0;
  counts_.spikes += findings.has_spike ? 1 : 0;
  add_smoothness(record, counts_.smoothness);
  if (record.clipped && record.cosine) {
    cosine_sum_ += static_cast<double>(*record.cosine);
    ++cosines_;
  }
  if (const auto ratio = update_ratio(record)) update_ratios_.push_back(*ratio);
  if (!std::isfinite(record.grad_norm_raw)) return;
  finite_norms_.push_back(record.grad_norm_raw);
  const auto& tensor_norms = record.tensor_norms;
  counts_.what_if.add_step(static_cast<double>(record.grad_max_abs), record.grad_norm_raw,
                           *std::max_element(tensor_norms.begin(), tensor_norms.end()));
}

RunTotals RunStatistics::totals() const {
  RunTotals totals = counts_;
  if (!totals.trailing_skipped_steps) totals.trailing_skipped_steps = 0;  // without steps
  if (!finite_norms_.empty()) {
    auto norms = finite_norms_;
    std::sort(norms.begin(), norms.end());
    totals.grad_norm_raw =
        NormQuantiles{quantile_of_sorted(norms, 0.5), quantile_of_sorted(norms, 0.9),
                      quantile_of_sorted(norms, 0.99), norms.back()};
  }
  totals.update_ratio = summary_of_ratios(update_ratios_);
  if (cosines_ > 0) totals.mean_cosine = cosine_sum_ / static_cast<double>(cosines_);
  return totals;
}

bool RunStatistics::is_valid(std::uint64_t steps) const {
  const auto are_finite = [&](const std::vector<double>& numbers) {
    return numbers.size() <= steps &&
           std::all_of(numbers.begin(), numbers.end(),
                       [](double number) { return std::isfinite(number); });
  };
  return counts_.steps == steps && counts_.smoothness.points <= steps &&
         are_finite(finite_norms_) && are_finite(update_ratios_);
}

}  // namespace clipsweep
