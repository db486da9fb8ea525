// What the steps of a run add up to: counts, quantiles of the gradient's norm and of the update's
// size, and the mean cosine.
#pragma once

#include <cstdint>
#include <vector>

#include "clipsweep/records/run_record.h"
#include "clipsweep/training/event_log.h"

namespace clipsweep {

class RunStatistics {
 public:
  void add_step(const StepRecord& record, const StepFindings& findings);

  RunTotals totals() const;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(counts_, finite_norms_, update_ratios_, cosine_sum_, cosines_);
  }
  // Whether `archive` read possible statistics of this many steps.
  bool is_valid(std::uint64_t steps) const;

 private:
  RunTotals counts_;                  // without quantiles and mean cosine
  std::vector<double> finite_norms_;  // before clipping
  std::vector<double> update_ratios_;
  double cosine_sum_ = 0;      // over the steps on which clipping acted
  std::uint64_t cosines_ = 0;  // terms of that sum
};

}  // namespace clipsweep
