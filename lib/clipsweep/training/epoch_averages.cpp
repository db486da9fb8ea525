#include "clipsweep/training/epoch_averages.h"

#include <cmath>

namespace clipsweep {

void EpochAverages::add_step(const StepRecord& record, const std::vector<double>& gate_norms) {
  loss_sum_ += static_cast<double>(record.loss);
  accuracy_sum_ += record.accuracy;
  clipped_steps_ += record.clipped ? 1 : 0;
  if (gate_norms.empty() || !std::isfinite(record.grad_norm_raw)) return;
  gate_norm_sums_.resize(gate_norms.size());
  for (std::size_t gate = 0; gate < gate_norms.size(); ++gate)
    gate_norm_sums_[gate] += gate_norms[gate];
  ++finite_steps_;
}

EpochRecord EpochAverages::finish() {
  const double steps = steps_per_epoch_;
  EpochRecord epoch;
  epoch.train_loss = loss_sum_ / steps;
  epoch.train_accuracy = accuracy_sum_ / steps;
  epoch.clipped_share = static_cast<double>(clipped_steps_) / steps;
  if (is_gated(cell_)) {
    for (double& norm : gate_norm_sums_) norm /= static_cast<double>(finite_steps_);
    epoch.gate_norms = by_gate(cell_, gate_norm_sums_);
  }
  *this = EpochAverages(cell_, steps_per_epoch_);
  return epoch;
}

bool EpochAverages::is_valid() const {
  const std::size_t gates = is_gated(cell_) ? cell_entry(cell_).gates.size() : 0;
  return gate_norm_sums_.empty() || gate_norm_sums_.size() == gates;
}

}  // namespace clipsweep
