#include "clipsweep/sweep_plan.h"

#include <gtest/gtest.h>

#include "clipsweep/error.h"
#include "test_support.h"

namespace clipsweep {
namespace {

ExperimentConfig small_grid() {
  ExperimentConfig config;
  config.clips = {{ClipMode::kNone}, {ClipMode::kGlobalNorm, 1}};
  config.learning_rates = {0.01, 0.1};
  config.seeds = {0, 1, 2};
  return config;
}

TEST(MakePlan, CrossesAllAxes) {
  const auto plan = make_plan(small_grid(), "data");
  EXPECT_EQ(plan.runs.size(), 12U);
  EXPECT_EQ(plan.runs.front().id.substr(0, 20), "none_lr-0.01_seed-0_");
  EXPECT_EQ(arm_name(plan.runs.back()), "global-norm-1_lr-0.1");
}

TEST(MakePlan, MergesEqualRuns) {
  auto config = small_grid();
  config.seeds = {0, 1, 0};
  config.learning_rates = {0.1, 1e-1};
  EXPECT_EQ(make_plan(config, "data").runs.size(), 4U);
}

TEST(MakePlan, AnIdDependsOnWhatDecidesTheNumbersAndOnNothingElse) {
  const auto id = [](const ExperimentConfig& config, const char* data = "data") {
    return make_plan(config, data).runs.front().id;
  };
  const std::string before = id(small_grid());
  auto config = small_grid();
  config.workers = 7;
  config.engine = "reference";
  config.log_every = 10;
  config.data_folder = "/elsewhere";
  config.seeds = {0};
  EXPECT_EQ(id(config), before);
  EXPECT_NE(id(small_grid(), "other data"), before);
  config.training.hidden = 11;
  EXPECT_NE(id(config), before);
  config.training = {};
  config.training.on_nonfinite = NonfinitePolicy::kSkip;
  EXPECT_NE(id(config), before);
}

// Scripts and earlier sweeps rely on IDs: this one was made by version 0.1.0.
TEST(MakePlan, IdsStayTheSameOverVersions) {
  EXPECT_EQ(make_plan(small_grid(), "data").runs.front().id, "none_lr-0.01_seed-0_4d037482");
}

TEST(MakePlan, RefusesMoreRunsThanOneSweepCanHold) {
  auto config = small_grid();
  config.seeds.assign(500'000, 1);
  EXPECT_TRUE(holds(message_of<ConfigError>([&] { make_plan(config, ""); }), "2e+06 runs"));
}

TEST(RunSpecJson, ReadsBackWhatItWrote) {
  for (const auto& run : make_plan(small_grid(), "data").runs) {
    const RunSpec read = run_spec_from_json(to_json(run));
    EXPECT_EQ(read.id, run.id);
    EXPECT_TRUE(read.clip == run.clip);
    EXPECT_EQ(read.learning_rate, run.learning_rate);
    EXPECT_EQ(read.seed, run.seed);
  }
}

TEST(RunSpecJson, RefusesIdsThatLeadOutOfTheFolder) {
  Json json = to_json(make_plan(small_grid(), "data").runs.front());
  for (const char* id : {"../x", "a/b", "", ".", "..", "a b", "x\n"}) {
    json["id"] = id;
    EXPECT_THROW(run_spec_from_json(json), DataError) << id;
  }
}

TEST(FindRun, TakesIdHashAndBeginning) {
  const auto runs = make_plan(small_grid(), "data").runs;
  const RunSpec& wanted = runs[7];
  EXPECT_EQ(&find_run(runs, wanted.id), &wanted);
  EXPECT_EQ(&find_run(runs, wanted.id.substr(wanted.id.size() - 8)), &wanted);
  EXPECT_EQ(&find_run(runs, wanted.id.substr(0, wanted.id.size() - 4)), &wanted);
  EXPECT_TRUE(holds(message_of<ConfigError>([&] { find_run(runs, "none"); }), "begins 6 runs"));
  auto config = small_grid();
  config.seeds = {10, 11, 1};
  const auto many = make_plan(config, "data").runs;
  EXPECT_EQ(find_run(many, "none_lr-0.01_seed-1").seed, 1U);
  EXPECT_TRUE(holds(message_of<ConfigError>([&] { find_run(runs, "xyz"); }), "no run \"xyz\""));
}

}  // namespace
}  // namespace clipsweep
