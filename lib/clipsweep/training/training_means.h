// The mean loss and accuracy of the latest steps of all workers, for the progress line.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

namespace clipsweep {

struct LossAndAccuracy {
  double loss = 0;
  double accuracy = 0;  // of the batches, 0 to 1
};

// Workers add their steps while another thread reads the means.
class TrainingMeans {
 public:
  // Sums over the runs of a cohort that took a step with a finite loss.
  void add_step(const LossAndAccuracy& sums, std::uint64_t runs) {
    const std::lock_guard<std::mutex> lock(mutex_);
    sums_.loss += sums.loss;
    sums_.accuracy += sums.accuracy;
    runs_ += runs;
  }

  // The means of what was added since the last call; if nothing was, those of the last call.
  // Nothing before the first step.
  std::optional<LossAndAccuracy> latest() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (runs_ > 0) {
      const auto runs = static_cast<double>(runs_);
      latest_ = LossAndAccuracy{sums_.loss / runs, sums_.accuracy / runs};
      sums_ = {};
      runs_ = 0;
    }
    return latest_;
  }

 private:
  std::mutex mutex_;
  LossAndAccuracy sums_;
  std::uint64_t runs_ = 0;
  std::optional<LossAndAccuracy> latest_;
};

}  // namespace clipsweep
