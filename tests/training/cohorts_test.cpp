// How runs are grouped into cohorts.
#include "clipsweep/training/cohorts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace clipsweep {
namespace {

// Three clips and two seeds: six runs in two shared-prefix groups.
ExperimentConfig small_config() {
  ExperimentConfig config;
  config.clips = {{ClipMode::kNone}, {ClipMode::kValue, 0.05}, {ClipMode::kGlobalNorm, 0.3}};
  config.learning_rates = {0.1};
  config.seeds = {0, 1};
  return config;
}

TEST(MakeCohorts, MakesLargeCohortsFirstAndThenSmallerOnes) {
  ExperimentConfig config = small_config();
  config.seeds.clear();
  for (std::uint64_t seed = 0; seed < 50; ++seed) config.seeds.push_back(seed);
  const auto plan = make_plan(config, "");
  const auto runs = pointers_to(plan.runs);
  for (const std::size_t workers : {1, 2, 3, 16}) {
    for (const CohortSizes sizes :
         {CohortSizes{}, CohortSizes{2, 64}, CohortSizes{16, 64}, CohortSizes{1, 1}}) {
      const auto cohorts = make_cohorts(runs, workers, {{Cell::kLstm, sizes}});
      std::set<const RunSpec*> taken;
      std::size_t before = sizes.largest;
      for (const auto& cohort : cohorts) {
        EXPECT_LE(cohort.size(), before);
        before = cohort.size();
        taken.insert(cohort.begin(), cohort.end());
        EXPECT_TRUE(std::is_sorted(cohort.begin(), cohort.end(),
                                   [](const auto* a, const auto* b) { return a->seed < b->seed; }));
      }
      EXPECT_EQ(taken.size(), 150U);
      // At the end no worker waits longer than for a cohort of the smallest size.
      EXPECT_LE(cohorts.back().size(), sizes.smallest);
      EXPECT_GE(cohorts.size(), std::min<std::size_t>(workers, 150 / sizes.smallest));
    }
  }
}

TEST(MakeCohorts, DividesFewRunsEqually) {
  const auto plan = make_plan(small_config(), "");
  const auto runs = pointers_to(plan.runs);
  EXPECT_EQ(make_cohorts({runs[0]}, 8, {}).size(), 1U);
  EXPECT_TRUE(make_cohorts({}, 2, {}).empty());
  const auto cohorts = make_cohorts(runs, 4, {{Cell::kLstm, {16, 64}}});
  ASSERT_EQ(cohorts.size(), 4U);
  for (const auto& cohort : cohorts) EXPECT_TRUE(cohort.size() == 1 || cohort.size() == 2);
}

// The sizes of the cohorts if shared-prefix groups are to stay together.
std::vector<std::size_t> sizes_with_groups(const ExperimentConfig& config, std::size_t workers,
                                           std::size_t largest = 64) {
  const auto plan = make_plan(config, "");
  std::map<Cell, CohortSizes> sizes;
  for (const auto& run : plan.runs) sizes[run.setup.cell] = {1, largest, true};
  std::vector<std::size_t> counts;
  std::size_t sum = 0;
  for (const auto& cohort : make_cohorts(pointers_to(plan.runs), workers, sizes)) {
    EXPECT_LE(cohort.size(), largest);
    counts.push_back(cohort.size());
    sum += cohort.size();
  }
  EXPECT_EQ(sum, plan.runs.size());
  return counts;
}

TEST(MakeCohorts, KeepsPrefixGroupsWhereThereIsACohortForEachWorker) {
  ExperimentConfig config = small_config();
  EXPECT_EQ(sizes_with_groups(config, 2), (std::vector<std::size_t>{3, 3}));
  EXPECT_EQ(sizes_with_groups(config, 3), (std::vector<std::size_t>{1, 1, 1, 1, 1, 1}));
  config.learning_rates = {0.1, 0.2};
  config.seeds = {0};
  EXPECT_EQ(sizes_with_groups(config, 2), (std::vector<std::size_t>{3, 3}));
  config.cells = {{Cell::kLstm}, {Cell::kRnnRelu}};
  config.learning_rates = {0.1};
  EXPECT_EQ(sizes_with_groups(config, 2), (std::vector<std::size_t>{3, 3}));
  config.seeds.clear();
  for (std::uint64_t seed = 0; seed < 50; ++seed) config.seeds.push_back(seed);
  for (const std::size_t workers : {1, 2, 3, 16, 100})
    for (const std::size_t count : sizes_with_groups(config, workers)) EXPECT_EQ(count % 3, 0U);
}

TEST(MakeCohorts, DividesAPrefixGroupThatIsLargerThanACohort) {
  ExperimentConfig config = small_config();
  EXPECT_EQ(sizes_with_groups(config, 1, 2), (std::vector<std::size_t>{2, 1, 2, 1}));
  EXPECT_EQ(sizes_with_groups(config, 1, 4), (std::vector<std::size_t>{3, 3}));
}

}  // namespace
}  // namespace clipsweep
