// A cohort that trains without logs on random images, to be timed.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "bench/results.h"
#include "clipsweep/tasks/image_task.h"
#include "clipsweep/training/cohort_trainer.h"

namespace clipsweep {

// Images [256, T, I] with labels, the same in each call.
ImageData random_images(const BenchShape& shape);

class BenchCohort {
 public:
  // Takes the first step already: it pays for what later steps find ready.
  BenchCohort(const ImageData& images, const ParameterLayout& layout, const BenchShape& shape,
              std::size_t runs, Contender contender);

  void step() { trainer_.step(); }

 private:
  const SweepPlan plan_;
  const std::unique_ptr<Task> task_;
  const std::unique_ptr<GradientEngine> engine_;
  std::atomic<std::uint64_t> run_steps_{0};
  CohortTrainer trainer_;
};

}  // namespace clipsweep
