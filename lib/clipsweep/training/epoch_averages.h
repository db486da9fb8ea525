// The means over the steps of the epoch in progress.
#pragma once

#include <cstdint>
#include <vector>

#include "clipsweep/model/model.h"
#include "clipsweep/records/run_record.h"

namespace clipsweep {

class EpochAverages {
 public:
  EpochAverages(Cell cell, int steps_per_epoch) : cell_(cell), steps_per_epoch_(steps_per_epoch) {}

  // gate_norms: of the step's gradient, by gate; empty for cells without gates.
  void add_step(const StepRecord& record, const std::vector<double>& gate_norms);

  // Returns the training means of the epoch, without its number and the results of its evaluation,
  // and begins the next epoch.
  EpochRecord finish();

  template <typename Archive>
  void archive(Archive& archive) {
    archive(loss_sum_, accuracy_sum_, clipped_steps_, gate_norm_sums_, finite_steps_);
  }
  // Whether `archive` read possible averages of this cell.
  bool is_valid() const;

 private:
  Cell cell_;
  int steps_per_epoch_;
  double loss_sum_ = 0;
  double accuracy_sum_ = 0;
  std::uint64_t clipped_steps_ = 0;
  std::vector<double> gate_norm_sums_;  // over the steps of finite norm; empty if there is none
  std::uint64_t finite_steps_ = 0;      // terms of those sums
};

}  // namespace clipsweep
