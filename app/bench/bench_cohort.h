// A cohort that trains without logs, to be timed.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "bench/results.h"
#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/tasks/task.h"
#include "clipsweep/training/cohort_trainer.h"

namespace clipsweep {

// Random images [256, T, I] with labels, or `copy`; the same in each call.
std::unique_ptr<Task> bench_task(const BenchShape& shape);

ParameterLayout bench_layout(const BenchShape& shape, const Task& task);

class BenchCohort {
 public:
  // Takes the first step already: it pays for what later steps find ready. The task must outlive
  // it.
  BenchCohort(const Task& task, const BenchShape& shape, std::size_t runs, Contender contender);

  void step() { trainer_.step(); }

 private:
  const SweepPlan plan_;
  const TrainingPlan training_plan_;
  const ParameterLayout layout_;
  const std::unique_ptr<GradientEngine> engine_;
  std::atomic<std::uint64_t> run_steps_{0};
  CohortTrainer trainer_;
};

}  // namespace clipsweep
