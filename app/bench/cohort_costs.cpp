#include "bench/cohort_costs.h"

#include <memory>

#include "bench/bench_cohort.h"
#include "clipsweep/base/wall_clock.h"

namespace clipsweep {

std::vector<CohortCost> measure_cohort_costs(int repetitions) {
  const BenchShape classic;
  const auto task = bench_task(classic);
  std::vector<CohortCost> costs;
  std::vector<std::unique_ptr<BenchCohort>> cohorts;
  for (const std::size_t runs :
       {kSmallestPairedCohort, std::size_t{64}, std::size_t{256}, kLargestBenchCohort}) {
    costs.push_back({runs});
    cohorts.push_back(std::make_unique<BenchCohort>(*task, classic, runs, Contender::kFused));
  }
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    double smallest_seconds = 0;
    for (std::size_t i = 0; i < cohorts.size(); ++i) {
      const Stopwatch stopwatch;
      for (std::size_t n = 0; n < kLargestBenchCohort / costs[i].runs; ++n) cohorts[i]->step();
      if (i == 0) smallest_seconds = stopwatch.seconds();
      costs[i].multiple.values.push_back(stopwatch.seconds() / smallest_seconds);
    }
  }
  costs.erase(costs.begin());
  return costs;
}

}  // namespace clipsweep
