#include "clipsweep/experiment/sweep_parts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "clipsweep/model/cells.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

std::vector<RunSpec> grid(std::size_t clips, std::size_t rates, std::size_t seeds,
                          const std::vector<Cell>& cells) {
  ExperimentConfig config;
  config.cells.clear();
  for (const Cell cell : cells) config.cells.push_back({cell});
  config.clips = {{ClipMode::kNone}};
  for (std::size_t i = 1; i < clips; ++i)
    config.clips.push_back({ClipMode::kGlobalNorm, static_cast<double>(i)});
  config.learning_rates.clear();
  for (std::size_t i = 1; i <= rates; ++i)
    config.learning_rates.push_back(0.01 * static_cast<double>(i));
  config.seeds.clear();
  for (std::size_t i = 0; i < seeds; ++i) config.seeds.push_back(i);
  return make_plan(config, "data").runs;
}

double cost_of_runs(const std::vector<const RunSpec*>& runs) {
  double cost = 0;
  for (const auto* run : runs) cost += gates_of(run->setup.cell);
  return cost;
}

std::vector<std::string> ids_of_runs(const std::vector<const RunSpec*>& runs) {
  std::vector<std::string> ids;
  for (const auto* run : runs) ids.push_back(run->id);
  return ids;
}

TEST(RunsOfShard, PartsAreDisjointAndTogetherThePlan) {
  std::mt19937 random(1);
  const auto up_to = [&](std::size_t max) { return 1 + random() % max; };
  for (int i = 0; i < 20; ++i) {
    const std::vector<Cell> cells =
        i % 2 == 0 ? std::vector<Cell>{Cell::kLstm} : std::vector<Cell>{Cell::kRnnTanh, Cell::kGru};
    const auto runs = grid(up_to(5), up_to(3), up_to(6), cells);
    const std::uint64_t count = up_to(runs.size() + 5);
    const auto parts = all_parts(runs, count);
    ASSERT_EQ(parts.size(), count);
    std::set<const RunSpec*> all;
    std::size_t total = 0;
    for (std::uint64_t index = 1; index <= count; ++index) {
      const auto part = runs_of_shard(runs, {index, count});
      EXPECT_TRUE(std::is_sorted(part.begin(), part.end()));  // in the order of the plan
      EXPECT_EQ(part, parts[index - 1]);
      all.insert(part.begin(), part.end());
      total += part.size();
    }
    EXPECT_EQ(total, runs.size()) << count;
    EXPECT_EQ(all.size(), runs.size()) << count;
  }
}

TEST(RunsOfShard, PartsTakeEquallyLong) {
  std::mt19937 random(2);
  for (int i = 0; i < 20; ++i) {
    const auto runs = grid(1 + random() % 4, 2, 8, {Cell::kLstm, Cell::kRnnTanh});
    const std::uint64_t count = 1 + random() % 30;
    const double ideal = cost_of_runs(pointers_to(runs)) / static_cast<double>(count);
    for (std::uint64_t index = 1; index <= count; ++index) {
      // Each end moves by a twentieth of a part, or by half of a run.
      const double cost = cost_of_runs(runs_of_shard(runs, {index, count}));
      EXPECT_NEAR(cost, ideal, 2 * std::max(ideal / 20, gates_of(Cell::kLstm) / 2.0));
    }
  }
}

TEST(RunsOfShard, KeepsRunsTogetherThatStartIdentically) {
  // 60 groups of 5 runs. A part has 60/7 groups: its end is at most 3/7 of a group, a twentieth of
  // the part, from the end of a group.
  const auto runs = grid(5, 3, 20, {Cell::kLstm});
  std::map<SharedPrefixKey, std::set<std::uint64_t>> parts_of_groups;
  for (std::uint64_t index = 1; index <= 7; ++index)
    for (const auto* run : runs_of_shard(runs, {index, 7}))
      parts_of_groups[shared_prefix_key(*run)].insert(index);
  EXPECT_EQ(parts_of_groups.size(), 60U);
  const auto is_split = [](const auto& group) { return group.second.size() > 1; };
  EXPECT_EQ(std::count_if(parts_of_groups.begin(), parts_of_groups.end(), is_split), 0);
}

TEST(RunsOfShard, SplitsAGroupRatherThanTakeLonger) {
  const auto runs = grid(8, 1, 2, {Cell::kLstm});
  for (std::uint64_t index = 1; index <= 4; ++index)
    EXPECT_EQ(runs_of_shard(runs, {index, 4}).size(), 4U);
}

TEST(RunsOfShard, DoesNotDependOnTheOrderOfThePlan) {
  auto runs = grid(3, 2, 5, {Cell::kLstm});
  const auto sorted_ids = [&](std::uint64_t index) {
    auto ids = ids_of_runs(runs_of_shard(runs, {index, 4}));
    std::sort(ids.begin(), ids.end());
    return ids;
  };
  std::vector<std::vector<std::string>> before;
  for (std::uint64_t index = 1; index <= 4; ++index) before.push_back(sorted_ids(index));
  std::shuffle(runs.begin(), runs.end(), std::mt19937(3));
  for (std::uint64_t index = 1; index <= 4; ++index)
    EXPECT_EQ(sorted_ids(index), before[index - 1]);
}

TEST(RunsOfShard, SomePartsAreEmptyIfThereAreMoreThanRuns) {
  const auto runs = grid(1, 1, 2, {Cell::kLstm});
  std::size_t empty = 0;
  for (std::uint64_t index = 1; index <= 5; ++index)
    empty += runs_of_shard(runs, {index, 5}).empty() ? 1 : 0;
  EXPECT_EQ(empty, 3U);
}

}  // namespace
}  // namespace clipsweep
