#include "clipsweep/training/spike_detector.h"

#include <algorithm>
#include <cmath>

#include "clipsweep/records/run_record.h"

namespace clipsweep {

std::optional<double> SpikeDetector::median_if_spike(double norm) {
  if (!std::isfinite(norm)) return std::nullopt;
  std::optional<double> exceeded;
  if (!window_.empty() && norm > kSpikeFactor * median()) exceeded = median();
  remember(norm);
  return exceeded;
}

bool SpikeDetector::is_valid() const {
  const auto is_finite = [](double norm) { return std::isfinite(norm); };
  if (window_.size() > kSpikeWindow || !std::all_of(window_.begin(), window_.end(), is_finite))
    return false;
  std::vector<double> sorted(window_.begin(), window_.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted == sorted_;
}

double SpikeDetector::median() const {
  const std::size_t middle = sorted_.size() / 2;
  return sorted_.size() % 2 == 1 ? sorted_[middle] : (sorted_[middle - 1] + sorted_[middle]) / 2;
}

void SpikeDetector::remember(double norm) {
  if (window_.size() == kSpikeWindow) {
    sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), window_.front()));
    window_.pop_front();
  }
  window_.push_back(norm);
  sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), norm), norm);
}

}  // namespace clipsweep
