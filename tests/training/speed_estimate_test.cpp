#include "clipsweep/training/speed_estimate.h"

#include <gtest/gtest.h>

#include "support/test_support.h"

namespace clipsweep {
namespace {

SweepPlan plan_of(std::size_t seeds, int log_every) {
  ExperimentConfig config;
  config.clips = {{ClipMode::kNone}};
  config.seeds.clear();
  for (std::uint64_t seed = 0; seed < seeds; ++seed) config.seeds.push_back(seed);
  config.training.epochs = 2;
  config.training.steps_per_epoch = 100;
  config.log_every = log_every;
  return make_plan(config, "data");
}

// 0.01 s per step of a cohort, 1 s per evaluation, 400 bytes per step.
SpeedMeasurements measured(std::size_t workers, std::size_t cohort = 64) {
  return {{Cell::kLstm, {workers, cohort, 0.01, 1.0, 400}}};
}

// Without what a sweep has besides its runs.
double bytes_of_lines(const SweepPlan& plan, const SpeedMeasurements& measurements) {
  SpeedMeasurements nothing = measurements;
  for (auto& [cell, measurement] : nothing)
    measurement.bytes_per_step = measurement.bytes_per_run = measurement.bytes_per_epoch = 0;
  return estimate_cost(plan, measurements).bytes - estimate_cost(plan, nothing).bytes;
}

TEST(EstimateCost, DividesStepsAndEvaluationsAmongTheWorkers) {
  // 200 steps and 2 evaluations take a cohort 4 s; 256 runs are 4 cohorts of 64.
  EXPECT_DOUBLE_EQ(estimate_cost(plan_of(256, 1), measured(2)).seconds, 8);
  EXPECT_DOUBLE_EQ(estimate_cost(plan_of(256, 1), measured(1)).seconds, 16);
  EXPECT_DOUBLE_EQ(estimate_cost(plan_of(3, 1), measured(2, 1)).seconds, 6);
}

TEST(EstimateCost, IsAtLeastThatOfOneCohortOrOfOneRunIfWorkersHelp) {
  EXPECT_DOUBLE_EQ(estimate_cost(plan_of(9, 1), measured(8, 2)).seconds, 4);
  auto helped = measured(8, 2);
  helped[Cell::kLstm].is_helped = true;
  EXPECT_DOUBLE_EQ(estimate_cost(plan_of(9, 1), helped).seconds, 9 * 2.0 / 8);
  EXPECT_DOUBLE_EQ(estimate_cost(plan_of(1, 1), helped).seconds, 2);
}

TEST(EstimateCost, CountsTheStepsThatAreLogged) {
  // The first step, and every 10th or 30th; the last one, too.
  EXPECT_DOUBLE_EQ(bytes_of_lines(plan_of(10, 1), measured(1)), 10 * 200 * 400);
  EXPECT_DOUBLE_EQ(bytes_of_lines(plan_of(10, 10), measured(1)), 10 * 21 * 400);
  EXPECT_DOUBLE_EQ(bytes_of_lines(plan_of(10, 30), measured(1)), 10 * 8 * 400);
}

TEST(EstimateCost, AddsWhatARunHasBesidesItsSteps) {
  SpeedMeasurements measurements = measured(1);
  measurements[Cell::kLstm].bytes_per_run = 5000;
  measurements[Cell::kLstm].bytes_per_epoch = 300;
  EXPECT_DOUBLE_EQ(bytes_of_lines(plan_of(10, 1), measurements), 10 * (200 * 400 + 5000 + 2 * 300));
}

TEST(EstimateCost, CompressesTheLogsAlone) {
  SpeedMeasurements measurements = measured(1);
  measurements[Cell::kLstm].bytes_per_run = 5000;
  measurements[Cell::kLstm].packed_share = 0.25;
  SweepPlan plan = plan_of(10, 1);
  plan.compress = true;
  EXPECT_DOUBLE_EQ(bytes_of_lines(plan, measurements), 10 * (200 * 400 / 4 + 5000));
}

TEST(EstimateCost, AddsUpTheCells) {
  ExperimentConfig config;
  config.clips = {{ClipMode::kNone}};
  config.cells = {{Cell::kLstm}, {Cell::kRnnTanh}};
  config.seeds = {0};
  config.training.epochs = 2;
  config.training.steps_per_epoch = 100;
  SpeedMeasurements measurements = measured(1, 1);
  measurements[Cell::kRnnTanh] = {1, 1, 0.001, 0.1, 100};
  const auto cost = estimate_cost(make_plan(config, "data"), measurements);
  EXPECT_DOUBLE_EQ(cost.seconds, 4 + 0.4);
  EXPECT_DOUBLE_EQ(bytes_of_lines(make_plan(config, "data"), measurements), 200 * (400 + 100));
  EXPECT_DOUBLE_EQ(cost.bytes_per_line, 250);
  // On two workers only the longer one counts.
  measurements[Cell::kLstm].workers = measurements[Cell::kRnnTanh].workers = 2;
  EXPECT_DOUBLE_EQ(estimate_cost(make_plan(config, "data"), measurements).seconds, 4);
}

TEST(SpeedMeasurementJson, ReadsBackWhatItWrote) {
  const auto read = speed_measurements_from_json(to_json(measured(3))).at(Cell::kLstm);
  EXPECT_EQ(read.workers, 3U);
  EXPECT_EQ(read.seconds_per_step, 0.01);
  EXPECT_EQ(read.bytes_per_step, 400);
}

}  // namespace
}  // namespace clipsweep
