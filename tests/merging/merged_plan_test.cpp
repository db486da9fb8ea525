#include "clipsweep/merging/merged_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

using Seeds = std::vector<std::uint64_t>;

// As `sweep --lr RATES --clip CLIPS --seeds SEEDS` plans them.
std::vector<RunSpec> planned(const std::vector<double>& rates, const std::vector<ClipRule>& clips,
                             const Seeds& seeds, bool noise_floor = false) {
  ExperimentConfig config;
  config.learning_rates = rates;
  config.clips = clips;
  config.seeds = seeds;
  config.noise_floor = noise_floor;
  return make_plan(config, "data").runs;
}

std::vector<std::string> ids(const std::vector<RunSpec>& runs) {
  std::vector<std::string> all;
  for (const auto& run : runs) all.push_back(run.id);
  return all;
}

// Of these plans in every order.
void expect_merged(std::vector<std::vector<RunSpec>> plans, const std::vector<RunSpec>& expected) {
  std::vector<std::size_t> order(plans.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  do {
    std::vector<std::vector<RunSpec>> permuted;
    for (const std::size_t i : order) permuted.push_back(plans[i]);
    EXPECT_EQ(ids(merged_runs(permuted)), ids(expected));
  } while (std::next_permutation(order.begin(), order.end()));
}

const std::vector<ClipRule> kTwo = {{ClipMode::kNone}, {ClipMode::kValue, 0.5}};
// Neither in the order of their names nor in that of the table of modes.
const std::vector<ClipRule> kThree = {
    {ClipMode::kValue, 1}, {ClipMode::kGlobalNorm, 1}, {ClipMode::kNone}};

TEST(MergedRuns, ThePartsOfOnePlanAreThisPlan) {
  const auto plan = planned({0.1, 0.01, 1}, kThree, {4, 0, 2}, true);
  expect_merged({plan, plan, plan}, plan);
}

TEST(MergedRuns, APlanThatHasAllRunsDecidesTheirOrder) {
  const auto plan = planned({0.1, 0.01}, kThree, {4, 0, 2});
  expect_merged({planned({0.01}, kThree, {0, 4}), plan, planned({0.1}, kThree, {2})}, plan);
}

TEST(MergedRuns, SeedsOfSeveralMachinesAreThoseOfOne) {
  expect_merged({planned({0.1, 0.01}, kThree, {0, 1}), planned({0.1, 0.01}, kThree, {1, 2, 3}),
                 planned({0.1, 0.01}, kThree, {4})},
                planned({0.1, 0.01}, kThree, {0, 1, 2, 3, 4}));
}

TEST(MergedRuns, LearningRatesOfSeveralMachinesAscend) {
  expect_merged({planned({1}, kTwo, {0, 1}), planned({0.01, 0.1}, kTwo, {0, 1})},
                planned({0.01, 0.1, 1}, kTwo, {0, 1}));
}

TEST(MergedRuns, ModesOfSeveralMachinesHaveTheOrderOfTheTable) {
  expect_merged(
      {planned({1}, {{ClipMode::kGlobalNorm, 1}}, {0, 1}), planned({1}, kTwo, {0, 1})},
      planned({1}, {{ClipMode::kNone}, {ClipMode::kValue, 0.5}, {ClipMode::kGlobalNorm, 1}},
              {0, 1}));
}

TEST(MergedRuns, TheNoiseFloorIsAtTheEnd) {
  expect_merged({planned({1}, kTwo, {0}, true), planned({1}, kTwo, {1}, true)},
                planned({1}, kTwo, {0, 1}, true));
}

TEST(MergedRuns, OrdersThatDisagreeGiveWayToTheAscendingOne) {
  expect_merged({planned({1}, kTwo, {1, 0}), planned({1}, kTwo, {0, 1})},
                planned({1}, kTwo, {0, 1}));
}

TEST(MergedRuns, RunsThatAreNoGridAreMerged) {
  auto first = planned({0.1}, kTwo, {0, 1});
  const auto more = planned({0.2}, {{ClipMode::kNone}}, {7});
  first.insert(first.end(), more.begin(), more.end());
  auto second = planned({0.1}, kTwo, {2});
  EXPECT_EQ(merged_runs({first, second}).size(), 7U);
}

TEST(MergedRuns, NoRunsAreNoRuns) {
  EXPECT_TRUE(merged_runs({}).empty());
  EXPECT_TRUE(merged_runs({{}, {}}).empty());
  expect_merged({{}, planned({1}, kTwo, {1})}, planned({1}, kTwo, {1}));
}

TEST(MergedRuns, OneIdHasOneMeaning) {
  const auto plan = planned({1}, kTwo, {0});
  auto forged = plan;
  forged[0].seed = 1;
  EXPECT_TRUE(holds(message_of<DataError>([&] {
                      merged_runs({plan, forged});
                    }),
                    "two folders have a run " + plan[0].id + " with other settings"));
}

SweepFolder folder_with(const char* name, const std::vector<RunSpec>& runs,
                        const std::vector<std::string>& starts) {
  SweepFolder folder{name, {{"settings", {{"hidden", 10}}}, {"data", {{"sha256", "d"}}}}, runs};
  folder.sweep["calls"] = Json::array();
  for (const auto& start : starts)
    folder.sweep["calls"].push_back({{"wall_started", start}, {"software", name}});
  return folder;
}

TEST(MergedSweepJson, HasEveryCallOnceInTheOrderOfTime) {
  const auto plan = planned({1}, kTwo, {0});
  const auto a = folder_with("a", plan, {"2026-01-01", "2026-01-03"});
  auto b = folder_with("b", plan, {"2026-01-02"});
  const Json merged = merged_sweep_json({a, b});
  std::vector<std::string> starts;
  for (const auto& call : merged["calls"]) starts.push_back(call["wall_started"]);
  EXPECT_EQ(starts, (std::vector<std::string>{"2026-01-01", "2026-01-02", "2026-01-03"}));
  EXPECT_EQ(merged["software"], "a");  // of the latest
  EXPECT_EQ(merged_sweep_json({b, a}), merged);
  const SweepFolder again{"merged", merged, plan};
  EXPECT_EQ(merged_sweep_json({again, b, a, a}), merged);
}

TEST(MergedSweepJson, RunsThatOneFolderDroppedAreDroppedUnlessAnotherPlansThem) {
  auto a = folder_with("a", planned({1}, kTwo, {0}), {});
  a.dropped = planned({1}, kTwo, {1, 2});
  const auto b = folder_with("b", planned({1}, kTwo, {1}), {});
  const Json merged = merged_sweep_json({a, b});
  EXPECT_EQ(merged["runs"].size(), 4U);
  EXPECT_EQ(merged["dropped_runs"].size(), 2U);
}

TEST(MergedSweepJson, NamesTheFirstDifference) {
  const auto plan = planned({1}, kTwo, {0});
  const auto a = folder_with("a", plan, {});
  auto other = folder_with("b", plan, {});
  other.sweep["settings"]["hidden"] = 20;
  EXPECT_EQ(message_of<ConfigError>([&] {
              merged_sweep_json({a, other});
            }),
            "a holds another sweep than b (its hidden is 10, not 20); only folders of the same "
            "settings and data can be merged");
  other = folder_with("b", plan, {});
  other.sweep["data"]["sha256"] = "e";
  EXPECT_TRUE(holds(message_of<ConfigError>([&] {
                      merged_sweep_json({a, other});
                    }),
                    "its data differ"));
}

}  // namespace
}  // namespace clipsweep
