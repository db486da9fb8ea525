// Finds spikes: gradient norms, before clipping, far above the median of the steps just before.
#pragma once

#include <deque>
#include <optional>
#include <vector>

namespace clipsweep {

class SpikeDetector {
 public:
  // Takes the next norm. Returns the median of the norms before it if it is a spike: from the
  // second finite norm on, compared with as many as there are, because training explodes mostly in
  // its first steps. A norm that is not finite is no spike and does not enter the window.
  std::optional<double> median_if_spike(double norm);

  template <typename Archive>
  void archive(Archive& archive) {
    archive(window_, sorted_);
  }
  // Whether `archive` read a possible window.
  bool is_valid() const;

 private:
  double median() const;
  void remember(double norm);

  std::deque<double> window_;   // in order of time
  std::vector<double> sorted_;  // the same numbers
};

}  // namespace clipsweep
