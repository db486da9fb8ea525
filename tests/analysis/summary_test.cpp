#include "clipsweep/analysis/summary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "clipsweep/analysis/conclusion_text.h"
#include "clipsweep/analysis/runs_csv.h"
#include "clipsweep/analysis/summary_json.h"
#include "clipsweep/analysis/summary_text.h"
#include "clipsweep/base/random.h"
#include "clipsweep/validation/schemas.h"
#include "support/sample_folder.h"
#include "support/sample_sweep.h"
#include "support/special_values.h"

namespace clipsweep {
namespace {

const MetricSummary& accuracy_of(const Summary& summary, std::size_t arm) {
  return summary.arms[arm].metrics[Metric::kFinalTestAccuracy];
}

TEST(Summary, DescribesAnArmByItsRuns) {
  SampleSweep sweep(2);
  sweep.complete(0, 0.6, 1.0).totals = {10, 1, 0, 0, 0, NormQuantiles{1, 2, 3, 40}};
  sweep.complete(1, 0.8, 2.0).totals = {10, 3, 0, 0, 0, NormQuantiles{2, 4, 6, 30}};
  const ArmSummary arm = sweep.summary().arms.front();
  EXPECT_EQ(arm.name, "none_lr-0.01");
  EXPECT_EQ(arm.seeds, (std::vector<std::uint64_t>{0, 1}));
  EXPECT_DOUBLE_EQ(*arm.metrics[Metric::kFinalTestAccuracy].mean, 0.7);
  EXPECT_DOUBLE_EQ(*arm.metrics[Metric::kFinalTrainLoss].mean, 1.5);
  EXPECT_DOUBLE_EQ(*arm.clipped_share, 0.2);
  EXPECT_DOUBLE_EQ(*arm.grad_norm_raw.median, 1.5);  // the median over runs of their medians
  EXPECT_DOUBLE_EQ(*arm.grad_norm_raw.max, 40);      // the largest of all
}

TEST(Summary, HasTheAccuracyOfTheLastEpochAndTheBestOfAllEpochs) {
  SampleSweep sweep(1);
  sweep.complete(0, 0, 0).epochs = {{1, 3, 0, 2, 0.7, 0}, {2, 1, 0, 1.5, 0.6, 0}};
  const auto metrics = sweep.summary().arms.front().metrics;
  EXPECT_EQ(metrics[Metric::kFinalTestAccuracy].mean, 0.6);
  EXPECT_EQ(metrics[Metric::kBestTestAccuracy].mean, 0.7);
  EXPECT_EQ(metrics[Metric::kFinalTestLoss].mean, 1.5);
  EXPECT_EQ(metrics[Metric::kFinalTrainLoss].mean, 1);
}

// By hand: the median of 0.5, 0.7 and 0.6 is 0.6; of 0.7 and 0.6 it is 0.65.
TEST(Summary, JudgesTheMedianOfTheLastThreeEvaluations) {
  SampleSweep sweep(2);
  sweep.complete(0, 0, 0).epochs = {
      {1, 3, 0, 2, 0.9, 0}, {2, 1, 0, 2, 0.5, 0}, {3, 1, 0, 2, 0.7, 0}, {4, 1, 0, 2, 0.6, 0}};
  sweep.complete(1, 0, 0).epochs = {{1, 3, 0, 2, 0.7, 0}, {2, 1, 0, 1.5, 0.6, 0}};
  const auto late = sweep.summary().arms.front().metrics[Metric::kLateTestAccuracy];
  EXPECT_DOUBLE_EQ(*late.min, 0.6);
  EXPECT_DOUBLE_EQ(*late.max, 0.65);
  EXPECT_EQ(kJudgedMetric, Metric::kLateTestAccuracy);
}

TEST(Summary, CountsADivergedRunWithChanceAccuracyAndNoLoss) {
  SampleSweep sweep(2);
  sweep.complete(0, 0.7, 1.0);
  sweep.end(1, Outcome::kDiverged);
  const Summary summary = sweep.summary();
  EXPECT_EQ(accuracy_of(summary, 0).n, 2U);
  EXPECT_DOUBLE_EQ(*accuracy_of(summary, 0).mean, (0.7 + 0.1) / 2);
  EXPECT_DOUBLE_EQ(*summary.arms[0].metrics[Metric::kBestTestAccuracy].min, 0.1);
  EXPECT_EQ(summary.arms[0].metrics[Metric::kFinalTestLoss].n, 1U);
  EXPECT_EQ(summary.arms[0].diverged, 1U);
}

// Two standard errors of 10,000 samples are 2 sqrt(0.36 x 0.64 / 10,000) = 0.0096.
TEST(Metrics, AreBetterThanChanceByTwoStandardErrors) {
  MetricBasis basis;
  basis.chance_accuracy = 0.36;
  basis.test_samples = 10'000;
  EXPECT_FALSE(is_better_than_chance(0.349, basis));
  EXPECT_FALSE(is_better_than_chance(0.3695, basis));
  EXPECT_TRUE(is_better_than_chance(0.3697, basis));
  basis.test_samples = 100;  // 0.096
  EXPECT_FALSE(is_better_than_chance(0.45, basis));
  EXPECT_TRUE(is_better_than_chance(0.46, basis));
  basis.test_samples = std::nullopt;  // a point
  EXPECT_FALSE(is_better_than_chance(0.3699, basis));
  EXPECT_TRUE(is_better_than_chance(0.3701, basis));
}

// ---- With a validation set ----

// On the validation set the arm of threshold 1 is the best, on the test set that of 0.5.
SampleSweep sweep_with_validation() {
  SampleSweep sweep(6);
  sweep.config().clips = {{ClipMode::kNone}, {ClipMode::kValue, 0.5}, {ClipMode::kValue, 1}};
  sweep.plan();
  sweep.runs().basis.test_samples = 1000;
  sweep.runs().basis.has_data_set = true;
  sweep.runs().basis.validation = ValidationBasis{0.2, 500};
  const double test[] = {0.6, 0.8, 0.7};
  const double validation[] = {0.6, 0.7, 0.8};
  for (std::size_t run = 0; run < 18; ++run) {
    const double deviation = small_and_uneven(run % 6);
    RunRecord& record = sweep.complete_clipped(run, test[run / 6] + deviation);
    record.epochs[0].validation = Evaluation{1, validation[run / 6] + deviation};
  }
  return sweep;
}

TEST(ValidationSet, ChoosesTheArmThatTheTestSetJudges) {
  const Summary summary = sweep_with_validation().summary();
  ASSERT_EQ(summary.best.size(), 1U);
  const BestComparison& best = summary.best[0];
  EXPECT_EQ(best.arm, "value-1_lr-0.01");
  EXPECT_NEAR(*best.late_test_accuracy.mean, 0.1, 1e-12);
  EXPECT_NEAR(*best.split_seed_mean, 0.1, 0.01);
  EXPECT_TRUE(summary.arm("value-1_lr-0.01").usable);
  EXPECT_FALSE(summary.arm("value-0.5_lr-0.01").usable);  // 10 points below, on the validation set
  EXPECT_EQ(summary.modes[1].best_arm, "value-1_lr-0.01");
}

TEST(ValidationSet, IsInTheSummaryTheTableAndTheAnswer) {
  const SampleSweep sweep = sweep_with_validation();
  const Summary summary = sweep.summary();
  const Json json = to_json(summary);
  EXPECT_EQ(schema_violations("summary", json), std::vector<std::string>{});
  EXPECT_EQ(json["validation"]["samples"], 500);
  EXPECT_EQ(json["validation"]["chance_accuracy"], 0.2);
  EXPECT_EQ(json["arms"][2]["late_validation_accuracy"]["n"], 6);
  const Answer answer = answer_of(summary);
  EXPECT_NE(answer.does_it_help.find("value:1 at lr 0.01 reaches "), std::string::npos);
  EXPECT_NE(answer.does_it_help.find("chosen on the validation set"), std::string::npos);
  const std::string text = comparison_text(summary);
  EXPECT_NE(text.find("validation set (500 samples, chance 20.0 %)"), std::string::npos) << text;
  EXPECT_NE(text.find("valid."), std::string::npos);
}

TEST(ValidationSet, HasItsOwnChance) {
  SampleSweep sweep = sweep_with_validation();
  sweep.end(12, Outcome::kDiverged);
  const Summary summary = sweep.summary();
  EXPECT_DOUBLE_EQ(*summary.arms[2].late_validation_accuracy->min, 0.2);
  EXPECT_DOUBLE_EQ(*summary.arms[2].metrics[kJudgedMetric].min, 0.1);
}

TEST(ValidationSet, WithoutOneTheSameTestSetChoosesAndJudges) {
  SampleSweep sweep = sweep_with_validation();
  sweep.runs().basis.validation.reset();
  const Summary summary = sweep.summary();
  EXPECT_EQ(summary.best[0].arm, "value-0.5_lr-0.01");
  EXPECT_FALSE(to_json(summary).contains("validation"));
  const auto note = "chosen and judged on the same test set";
  EXPECT_NE(comparison_text(summary).find(note), std::string::npos) << comparison_text(summary);
  // A generated test set is as good as the whole population.
  sweep.runs().basis.has_data_set = false;
  EXPECT_EQ(comparison_text(sweep.summary()).find(note), std::string::npos);
}

TEST(BitsPerCharacter, AreTheTestLossDividedByLn2) {
  SampleSweep sweep(2);
  sweep.runs().basis.symbol_entropy = 3 * std::log(2);
  sweep.runs().basis.entropy_rate = 0.5 * std::log(2);
  for (std::size_t run = 0; run < 4; ++run) sweep.complete_clipped(run, 0.5, 2 * std::log(2));
  const Summary summary = sweep.summary();
  const Json json = to_json(summary);
  EXPECT_EQ(schema_violations("summary", json), std::vector<std::string>{});
  EXPECT_DOUBLE_EQ(json["arms"][0]["bits_per_character"]["mean"].get<double>(), 2);
  EXPECT_DOUBLE_EQ(json["chance_bits_per_character"].get<double>(), 3);
  EXPECT_DOUBLE_EQ(json["least_bits_per_character"].get<double>(), 0.5);
  const std::string text = comparison_text(summary);
  EXPECT_NE(text.find("Chance is 3.000 bits per character"), std::string::npos) << text;
  EXPECT_NE(text.find("bits per"), std::string::npos);
  EXPECT_NE(runs_csv(sweep.runs()).find(",2,,\n"), std::string::npos);
}

// Networks that learnt nothing are within 3 points of the best of them.
TEST(Summary, FindsNoArmUsableThatIsNotBetterThanChance) {
  SampleSweep sweep(2);
  sweep.runs().basis.chance_accuracy = 0.36;
  sweep.complete(0, 0.35, 1);
  sweep.complete(1, 0.36, 1);
  sweep.complete_clipped(2, 0.365);
  sweep.complete_clipped(3, 0.367);
  const Summary summary = sweep.summary();
  EXPECT_EQ(summary.arms[1].better_than_chance, false);
  EXPECT_FALSE(summary.arms[1].usable);
  EXPECT_TRUE(summary.modes[1].usable_learning_rates.empty());
  EXPECT_EQ(to_json(summary)["arms"][1]["better_than_chance"], false);
  EXPECT_EQ(schema_violations("summary", to_json(summary)), std::vector<std::string>{});
}

RunRecord record_with_skipped(std::uint64_t steps, std::uint64_t trailing) {
  RunRecord record;
  record.totals.steps = steps;
  record.totals.skipped_steps = trailing;
  record.totals.trailing_skipped_steps = trailing;
  return record;
}

TEST(RunRecord, IsStalledIfItsLastTwentyOrHalfOfItsStepsWereSkipped) {
  EXPECT_TRUE(is_stalled(record_with_skipped(50, 49)));
  EXPECT_TRUE(is_stalled(record_with_skipped(5000, 20)));
  EXPECT_FALSE(is_stalled(record_with_skipped(5000, 19)));
  EXPECT_TRUE(is_stalled(record_with_skipped(10, 5)));
  EXPECT_FALSE(is_stalled(record_with_skipped(10, 4)));
  EXPECT_FALSE(is_stalled(record_with_skipped(1, 0)));
  RunRecord recovered = record_with_skipped(50, 0);
  recovered.totals.skipped_steps = 45;
  EXPECT_FALSE(is_stalled(recovered));
  RunRecord unknown = recovered;  // of an earlier version
  unknown.totals.trailing_skipped_steps = std::nullopt;
  EXPECT_FALSE(is_stalled(unknown));
  RunRecord interrupted = record_with_skipped(50, 49);
  interrupted.outcome = Outcome::kInterrupted;
  EXPECT_FALSE(is_stalled(interrupted));
}

void stall(RunRecord& record) {
  record.totals.steps = 50;
  record.totals.skipped_steps = 49;
  record.totals.trailing_skipped_steps = 49;
}

// The arm has the better accuracy, but one of its runs skipped 49 of its 50 steps.
TEST(Summary, CountsAStalledRunAsADivergedOne) {
  SampleSweep stalled(2);
  SampleSweep diverged(2);
  for (SampleSweep* sweep : {&stalled, &diverged}) {
    sweep->complete(0, 0.6, 1);
    sweep->complete(1, 0.6, 1);
    sweep->complete_clipped(2, 0.7);
    sweep->complete_clipped(3, 0.7);
  }
  diverged.runs().records[3]->outcome = Outcome::kDiverged;
  stall(*stalled.runs().records[3]);
  const Summary summary = stalled.summary();
  const ArmSummary& arm = summary.arms[1];
  EXPECT_EQ(arm.completed, 1U);
  EXPECT_EQ(arm.diverged, 1U);
  EXPECT_EQ(arm.stalled, 1U);
  EXPECT_EQ(arm.divergence->count, 1U);
  EXPECT_FALSE(arm.usable);
  EXPECT_EQ(arm.skipped, 49U);
  EXPECT_DOUBLE_EQ(*arm.skipped_share, 0.98 / 2);
  EXPECT_EQ(summary.runs.diverged, 1U);
  EXPECT_EQ(summary.runs.stalled, 1U);
  const Json json = to_json(summary);
  EXPECT_EQ(json["comparisons"], to_json(diverged.summary())["comparisons"]);
  EXPECT_EQ(json["answer"], to_json(diverged.summary())["answer"]);
  EXPECT_EQ(schema_violations("summary", json), std::vector<std::string>{});
  const std::string row = runs_csv(stalled.runs());
  EXPECT_NE(row.find(",completed,50,0.1,"), std::string::npos) << row;
  EXPECT_NE(row.find(",49,0.98,true,,,,\n"), std::string::npos) << row;
}

// With chance above the bar, 0.15 - 0.1, its accuracy alone would not be a collapse.
TEST(Collapses, IncludeStalledRuns) {
  SampleSweep sweep(1);
  sweep.complete(0, 0.15, 1);
  stall(sweep.complete_clipped(1, 0.15));
  const CollapseComparison collapses = *sweep.summary().comparisons[0].collapses;
  EXPECT_EQ(collapses.shares.counts.only_first, 1U);
  EXPECT_EQ(collapses.other_pairs, 0U);
}

// A run that was censored at its last step would leave the solved one alone, and the median at 500.
TEST(Solutions, AreNeverReachedByAStalledRun) {
  SampleSweep sweep(3);
  sweep.runs().basis.solved_accuracy = 0.99;
  sweep.complete(0, 1, 1).solved_at_step = 500;
  for (const std::size_t run : {1U, 2U}) stall(sweep.complete(run, 1, 1));
  const ArmSummary arm = sweep.summary().arms[0];
  EXPECT_EQ(arm.solved_at_end, 1U);
  EXPECT_EQ(arm.steps_to_solution->median, std::nullopt);
  EXPECT_EQ(arm.steps_to_target.happened, 1U);
  EXPECT_EQ(arm.steps_to_target.median, std::nullopt);
}

// Derived where that is possible: all steps or none.
TEST(RunRecord, OfAnEarlierVersionMayLackTheTrailingSkippedSteps) {
  const SampleFolder folder;
  RunRecord record = completed_run(folder.plan(), folder.spec(0)).record;
  const auto read_with = [&](std::uint64_t skipped) {
    record.totals.skipped_steps = skipped;
    Json json = to_json(record);
    json["totals"].erase("trailing_skipped_steps");
    return run_record_from_json(json).totals.trailing_skipped_steps;
  };
  EXPECT_EQ(read_with(0), 0U);
  EXPECT_EQ(read_with(record.totals.steps), record.totals.steps);
  EXPECT_EQ(read_with(1), std::nullopt);
}

TEST(Summary, LeavesOutFailedAndInterruptedRuns) {
  SampleSweep sweep(4);
  sweep.complete(0, 0.7, 1.0);
  sweep.end(1, Outcome::kFailed);
  sweep.end(2, Outcome::kInterrupted);
  const Summary summary = sweep.summary();
  EXPECT_EQ(accuracy_of(summary, 0).n, 1U);
  EXPECT_EQ(summary.arms[0].seeds, std::vector<std::uint64_t>{0});
  EXPECT_EQ(summary.runs.planned, 8U);
  EXPECT_EQ(summary.runs.completed, 1U);
  EXPECT_EQ(summary.runs.failed, 1U);
  EXPECT_EQ(summary.runs.interrupted, 1U);
  EXPECT_EQ(summary.runs.unfinished, 5U);
}

TEST(Summary, LeavesOutLossesThatAreNotFinite) {
  SampleSweep sweep(2);
  sweep.complete(0, 0.7, kNotANumber);
  sweep.complete(1, 0.6, kInfinity);
  sweep.complete(2, 0.7, 1.0);
  sweep.complete(3, 0.7, 1.0);
  const Summary summary = sweep.summary();
  EXPECT_EQ(summary.arms[0].metrics[Metric::kFinalTestLoss].n, 0U);
  EXPECT_EQ(accuracy_of(summary, 0).n, 2U);
  EXPECT_EQ(summary.comparisons[0].metrics[Metric::kFinalTestLoss].n, 0U);
  EXPECT_EQ(summary.comparisons[0].metrics[Metric::kFinalTestAccuracy].n, 2U);
}

TEST(Summary, PairsEachArmWithTheBaselineSeedBySeed) {
  SampleSweep sweep(3);
  sweep.complete(0, 0.6, 1.0);
  sweep.complete(1, 0.7, 1.0);
  sweep.complete(2, 0.8, 1.0);
  sweep.complete(3, 0.7, 0.5);  // seed 0: better
  sweep.complete(4, 0.7, 1.5);  // seed 1: equal accuracy, worse loss
  sweep.end(5, Outcome::kFailed);
  const Comparison comparison = sweep.summary().comparisons.at(0);
  const auto& accuracy = comparison.metrics[Metric::kFinalTestAccuracy];
  const auto& loss = comparison.metrics[Metric::kFinalTrainLoss];
  EXPECT_EQ(comparison.arm, "value-0.5_lr-0.01");
  EXPECT_EQ(comparison.baseline, "none_lr-0.01");
  EXPECT_EQ(accuracy.n, 2U);
  EXPECT_NEAR(*accuracy.mean, 0.05, 1e-12);
  EXPECT_EQ(accuracy.better, 1U);
  EXPECT_EQ(accuracy.equal, 1U);
  EXPECT_EQ(loss.better, 1U);  // lower
  EXPECT_EQ(loss.worse, 1U);
  EXPECT_FALSE(accuracy.interval);
}

TEST(Summary, GivesAnIntervalFromFivePairs) {
  SampleSweep sweep(5);
  for (std::size_t seed = 0; seed < 5; ++seed) {
    sweep.complete(seed, 0.5, 1.0);
    sweep.complete(5 + seed, 0.5 + 0.01 * static_cast<double>(seed), 1.0);
  }
  const auto metrics = sweep.summary().comparisons.at(0).metrics;
  ASSERT_TRUE(metrics[Metric::kFinalTestAccuracy].interval);
  EXPECT_LT(metrics[Metric::kFinalTestAccuracy].interval->lower, 0.02);
  EXPECT_GT(metrics[Metric::kFinalTestAccuracy].interval->upper, 0.02);
  EXPECT_EQ(metrics[Metric::kFinalTestLoss].interval->upper, 0);  // all equal: one point
  EXPECT_FALSE(metrics[Metric::kFinalTestAccuracy].verdict);
}

TEST(Summary, ComparesOnlyAtTheSameLearningRate) {
  SampleSweep sweep(1);
  sweep.config().learning_rates = {0.1, 0.01};
  sweep.plan();
  std::vector<std::string> arms;
  const Summary summary = sweep.summary();
  for (const auto& arm : summary.arms) arms.push_back(arm.name);
  EXPECT_EQ(arms, (std::vector<std::string>{"none_lr-0.01", "value-0.5_lr-0.01", "none_lr-0.1",
                                            "value-0.5_lr-0.1"}));
  ASSERT_EQ(summary.comparisons.size(), 2U);
  EXPECT_EQ(summary.comparisons[1].baseline, "none_lr-0.1");
}

// Regularization alone is compared with neither; clipping with regularization is compared with the
// same regularization alone.
TEST(Summary, ComparesRegularizationWithThePlainBaseline) {
  SampleSweep sweep(1);
  sweep.config().weight_decays = {0, 0.001};
  sweep.plan();
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& comparison : sweep.summary().comparisons)
    pairs.emplace_back(comparison.arm, comparison.baseline);
  EXPECT_EQ(pairs, (std::vector<std::pair<std::string, std::string>>{
                       {"value-0.5_lr-0.01", "none_lr-0.01"},
                       {"none_lr-0.01_wd-0.001", "none_lr-0.01"},
                       {"value-0.5_lr-0.01_wd-0.001", "none_lr-0.01_wd-0.001"}}));
}

TEST(Summary, NamesHowClippingBehaved) {
  const ClipRule rule = {ClipMode::kValue, 0.5};
  EXPECT_EQ(clipping_behaviour_of({}, 0, {}), ClippingBehaviour::kNoClipping);
  EXPECT_EQ(clipping_behaviour_of(rule, 0, {}), ClippingBehaviour::kNeverActed);
  EXPECT_EQ(clipping_behaviour_of(rule, 0.001, 0.5), ClippingBehaviour::kSafetyNet);
  EXPECT_EQ(clipping_behaviour_of(rule, 0.1, 1), ClippingBehaviour::kSafetyNet);
  EXPECT_EQ(clipping_behaviour_of(rule, 0.5, 0.5), ClippingBehaviour::kActsOften);
  EXPECT_EQ(clipping_behaviour_of(rule, 0.9, 1), ClippingBehaviour::kStepSizeLimiter);
  EXPECT_EQ(clipping_behaviour_of(rule, 1, {}),
            ClippingBehaviour::kActsNearlyAlways);  // backprop has no cosine
  EXPECT_EQ(clipping_behaviour_of(rule, 1, 0.5), ClippingBehaviour::kTurnsGradient);
}

TEST(Summary, AveragesTheCosinesOfRunsThatHaveOne) {
  SampleSweep sweep(3);
  sweep.complete(3, 0.7, 1.0).totals.mean_cosine = 0.5;
  sweep.complete(4, 0.7, 1.0).totals.mean_cosine = 1;
  sweep.complete(5, 0.7, 1.0);
  const Summary summary = sweep.summary();
  EXPECT_EQ(summary.arms[1].mean_cosine, 0.75);
  EXPECT_FALSE(summary.arms[0].mean_cosine);
  EXPECT_FALSE(summary.arms[0].behaviour);  // none of its runs has a record
}

// By hand: of the norms 1, 2, 3, 4 two are above 2, and none is above 5.
TEST(WhatIfCounts, CountsTheStepsAboveEachThreshold) {
  WhatIfCounts counts;
  for (const double norm : {4.0, 1.0, 3.0, 2.0}) counts.add_step(norm / 10, norm, norm / 2);
  const auto at = [](double threshold) {
    return static_cast<std::size_t>(
        std::find(kWhatIfThresholds.begin(), kWhatIfThresholds.end(), threshold) -
        kWhatIfThresholds.begin());
  };
  EXPECT_EQ(counts.steps, 4U);
  EXPECT_EQ(counts.value[at(0.2)], 2U);
  EXPECT_EQ(counts.global_norm[at(1)], 3U);
  EXPECT_EQ(counts.global_norm[at(2)], 2U);
  EXPECT_EQ(counts.tensor_norm[at(1)], 2U);
  EXPECT_EQ(counts.global_norm[at(5)], 0U);
  counts += counts;
  EXPECT_EQ(counts.steps, 8U);
  EXPECT_EQ(counts.value[at(0.2)], 4U);
}

TEST(Summary, AddsUpTheStepsOnWhichThresholdsWouldHaveActed) {
  SampleSweep sweep(2);
  sweep.complete(0, 0.7, 1.0).totals.what_if.add_step(1, 2, 1.5);
  sweep.complete(1, 0.7, 1.0).totals.what_if.add_step(1, 3, 1.5);
  sweep.complete(2, 0.7, 1.0).totals.what_if.add_step(1, 3, 1.5);
  const Json json = to_json(sweep.summary());
  ASSERT_EQ(json["what_if"].size(), 1U);
  EXPECT_EQ(json["what_if"][0]["baseline"], "none_lr-0.01");
  EXPECT_EQ(json["what_if"][0]["steps"], 2);
  EXPECT_EQ(to_line(json["what_if"][0]["acted"][10]),
            R"({"threshold":2,"value":0,"global_norm":0.5,"tensor_norm":0})");
  EXPECT_EQ(schema_violations("summary", json), std::vector<std::string>{});
}

TEST(Summary, ComparesNothingWithoutABaseline) {
  SampleSweep sweep(1);
  sweep.config().clips = {{ClipMode::kValue, 0.5}};
  sweep.plan();
  sweep.complete(0, 0.5, 1.0);
  EXPECT_TRUE(sweep.summary().comparisons.empty());
}

// ---- Verdicts on constructed sweeps ----

std::string verdict_of(const Summary& summary) {
  const auto verdict = summary.comparisons.at(0).verdict();
  return verdict ? to_text(*verdict) : "none";
}

TEST(Verdict, IsBetterIfTheIntervalIsAboveZero) {
  const Summary summary =
      sweep_with_gain([](auto seed) { return 0.02 + small_and_uneven(seed); }).summary();
  EXPECT_EQ(verdict_of(summary), "better");
  const auto& loss = summary.comparisons[0].metrics[Metric::kFinalTrainLoss];
  EXPECT_EQ(loss.verdict, Verdict::kBetter);  // lower
  EXPECT_LT(loss.interval->upper, 0);
  ASSERT_EQ(summary.best.size(), 1U);
  EXPECT_EQ(summary.best.front().verdict, Verdict::kBetter);
}

TEST(Verdict, IsWorseIfTheIntervalIsBelowZero) {
  const Summary summary =
      sweep_with_gain([](auto seed) { return -0.02 + small_and_uneven(seed); }).summary();
  EXPECT_EQ(verdict_of(summary), "worse");
}

TEST(Verdict, OfNoDifferenceHasTheSeedsThatOnePointNeeds) {
  const Summary summary =
      sweep_with_gain([](auto seed) { return 5 * small_and_uneven(seed); }).summary();
  EXPECT_EQ(verdict_of(summary), "no difference seen");
  const auto& accuracy = summary.comparisons[0].metrics[Metric::kFinalTestAccuracy];
  // The differences are 0.01 (k - 4.5), k = 0 to 9: SD 3.03 points, so (2.80 * 3.03)^2 + 1.92 = 74.
  EXPECT_EQ(accuracy.seeds_needed, 74U);
}

TEST(Verdict, IsIdenticalOnlyIfEveryRunEndsWithTheSameWeights) {
  SampleSweep sweep = sweep_with_gain([](auto) { return 0; });
  EXPECT_EQ(verdict_of(sweep.summary()), "no difference seen");
  for (std::size_t seed = 0; seed < 10; ++seed) {
    auto& run = *sweep.runs().records[10 + seed];
    run.final_weights_sha256 = sweep.runs().records[seed]->final_weights_sha256;
    run.totals.clipped_steps = 0;
  }
  const Summary summary = sweep.summary();
  EXPECT_EQ(verdict_of(summary), "identical");
  EXPECT_TRUE(summary.best.empty());  // an arm that never acted is no candidate
  sweep.runs().records[13]->final_weights_sha256 = "another";
  EXPECT_EQ(verdict_of(sweep.summary()), "no difference seen");
}

TEST(Verdict, NeedsSixSeeds) {
  SampleSweep sweep = sweep_with_gain([](auto seed) { return 0.02 + small_and_uneven(seed); });
  for (std::size_t seed = 6; seed < 10; ++seed) sweep.runs().records[seed].reset();
  EXPECT_EQ(verdict_of(sweep.summary()), "better");
  sweep.runs().records[5].reset();
  const Summary summary = sweep.summary();
  EXPECT_EQ(verdict_of(summary), "none");
  EXPECT_TRUE(summary.comparisons[0].metrics[kJudgedMetric].interval);
  EXPECT_EQ(to_json(summary)["comparisons"][0]["verdict"], nullptr);
}

// Without its diverged runs, the arm would have the better mean.
TEST(Verdict, CountsDivergedRunsAgainstAnArm) {
  SampleSweep sweep = sweep_with_gain([](auto seed) { return 0.1 + small_and_uneven(seed); });
  for (std::size_t seed = 0; seed < 10; seed += 2)
    sweep.runs().records[10 + seed]->outcome = Outcome::kDiverged;
  const Summary summary = sweep.summary();
  EXPECT_NE(verdict_of(summary), "better");
  EXPECT_FALSE(summary.arms[1].usable);
  EXPECT_TRUE(summary.arms[0].usable);
  EXPECT_DOUBLE_EQ(summary.arms[1].divergence->share, 0.5);
  const auto& loss = summary.comparisons[0].metrics[Metric::kFinalTrainLoss];
  EXPECT_EQ(loss.n, 5U);  // pairs of which both completed
  EXPECT_EQ(loss.better, 5U);
  EXPECT_EQ(loss.ranks.n, 10U);  // all pairs: a diverged run ranks last
  EXPECT_EQ(loss.ranks.worse, 5U);
  EXPECT_DOUBLE_EQ(*loss.ranks.probability_of_improvement, 0.5);
}

TEST(Verdict, CountsTwoDivergedRunsAsATie) {
  SampleSweep sweep = sweep_with_gain([](auto) { return 0.01; });
  sweep.runs().records[0]->outcome = Outcome::kDiverged;
  sweep.runs().records[10]->outcome = Outcome::kDiverged;
  const Summary summary = sweep.summary();
  const auto& ranks = summary.comparisons[0].metrics[Metric::kFinalTestLoss].ranks;
  EXPECT_EQ(ranks.equal, 1U);
  EXPECT_EQ(ranks.better, 9U);
}

TEST(Verdict, OnTheBestIsCorrectedForTheNumberOfArms) {
  SampleSweep sweep(10);
  sweep.config().clips = {{ClipMode::kNone}};
  for (int arm = 1; arm <= 40; ++arm) sweep.config().clips.push_back({ClipMode::kValue, 0.1 * arm});
  sweep.plan();
  RandomStream random(2, "arms");
  for (std::size_t run = 0; run < sweep.runs().plan.size(); ++run)
    sweep.complete(run, run < 10 ? 0.6 : 0.6 + 0.01 * random.normal(), 1).totals.clipped_steps = 1;
  // All arms have the baseline's mean: the best is significant on its own, but not after
  // correction.
  const Summary summary = sweep.summary();
  EXPECT_EQ(summary.best.front().candidates, 40U);
  EXPECT_EQ(summary.best.front().late_test_accuracy.verdict, Verdict::kBetter);
  EXPECT_GT(*summary.best.front().p_adjusted, 0.05);
  EXPECT_EQ(summary.best.front().verdict, Verdict::kNoDifference);
}

TEST(Verdict, HasAnIntervalForTheChoiceAmongAllArms) {
  SampleSweep sweep(10);
  for (int arm = 1; arm <= 5; ++arm) sweep.config().clips.push_back({ClipMode::kValue, 1.0 * arm});
  sweep.plan();
  RandomStream random(1, "choice");
  for (std::size_t run = 0; run < sweep.runs().plan.size(); ++run) {
    const double gain = run < 10 ? 0 : run < 20 ? 0.05 : 0.02;
    sweep.complete_clipped(run, 0.6 + gain + 0.005 * random.normal());
  }
  const BestComparison best = sweep.summary().best.front();
  EXPECT_EQ(best.arm, "value-0.5_lr-0.01");
  EXPECT_EQ(best.candidates, 6U);
  const Interval own = *best.late_test_accuracy.interval;
  EXPECT_LT(best.simultaneous_interval->lower, own.lower);
  EXPECT_GT(best.simultaneous_interval->upper, own.upper);
  EXPECT_GT(best.simultaneous_interval->lower, 0);
  EXPECT_NEAR(*best.split_seed_mean, *best.late_test_accuracy.mean, 0.002);  // a clear winner
}

TEST(Verdict, ComparesTheBestWithTheBestBaselineAtAnyLearningRate) {
  SampleSweep sweep(5);
  sweep.config().learning_rates = {0.01, 0.1};
  sweep.plan();
  for (std::size_t run = 0; run < 20; ++run) {
    // The order of the plan: none at 0.01 and 0.1, value at 0.01 and 0.1, of five seeds each.
    const double accuracies[] = {0.5, 0.8, 0.7, 0.75};
    sweep.complete(run, accuracies[run / 5] + 0.001 * static_cast<double>(run % 5), 1)
        .totals.clipped_steps = 1;
  }
  const Summary summary = sweep.summary();
  EXPECT_EQ(summary.best.front().arm, "value-0.5_lr-0.1");
  EXPECT_EQ(summary.best.front().baseline, "none_lr-0.1");
  EXPECT_LT(*summary.best.front().late_test_accuracy.mean, 0);
  ASSERT_EQ(summary.modes.size(), 2U);
  EXPECT_EQ(summary.modes[0].usable_learning_rates, std::vector<double>{0.1});
  EXPECT_TRUE(summary.modes[1].usable_learning_rates.empty());  // 5 points below the best
}

// Late accuracies of none, value:0.5, value:1 and global-norm:1 at one rate, ten seeds each.
SampleSweep sweep_of_two_modes(const std::array<double, 4>& accuracies) {
  SampleSweep sweep(10);
  sweep.config().clips = {{ClipMode::kNone},
                          {ClipMode::kValue, 0.5},
                          {ClipMode::kValue, 1},
                          {ClipMode::kGlobalNorm, 1}};
  sweep.plan();
  for (std::size_t run = 0; run < 40; ++run) {
    const double accuracy = accuracies[run / 10] + 0.01 * small_and_uneven(run % 10 + run / 10);
    run < 10 ? sweep.complete(run, accuracy, 1) : sweep.complete_clipped(run, accuracy);
  }
  return sweep;
}

TEST(Modes, EachIsComparedWithTheBestArmWithoutClipping) {
  const Summary summary = sweep_of_two_modes({0.6, 0.7, 0.65, 0.5}).summary();
  ASSERT_EQ(summary.modes.size(), 3U);
  EXPECT_FALSE(summary.modes[0].difference);
  const ModeDifference& value = *summary.modes[1].difference;
  EXPECT_EQ(summary.modes[1].best_arm, "value-0.5_lr-0.01");
  EXPECT_EQ(value.baseline, "none_lr-0.01");
  EXPECT_EQ(value.n, 10U);
  EXPECT_NEAR(*value.mean, 0.1, 0.001);
  EXPECT_EQ(value.verdict, Verdict::kBetter);
  // The best mode is that of the best arm: the same family of comparisons.
  const BestComparison& best = summary.best.front();
  EXPECT_EQ(best.arm, summary.modes[1].best_arm);
  EXPECT_EQ(value.p_adjusted, best.p_adjusted);
  EXPECT_EQ(value.simultaneous_interval->lower, best.simultaneous_interval->lower);
  EXPECT_EQ(value.simultaneous_interval->upper, best.simultaneous_interval->upper);
  const ModeDifference& norm = *summary.modes[2].difference;
  EXPECT_NEAR(*norm.mean, -0.1, 0.001);
  EXPECT_EQ(norm.verdict, Verdict::kWorse);
}

TEST(Modes, OfEarlierSummariesHaveNoDifference) {
  const Summary summary = sweep_of_two_modes({0.6, 0.7, 0.65, 0.5}).summary();
  Json page = to_json(summary);
  EXPECT_EQ(schema_violations("summary", page), std::vector<std::string>{});
  EXPECT_EQ(summary_page_like(to_page(page), summary), to_page(page) + "\n");
  for (Json& mode : page["modes"]) mode.erase("late_test_accuracy");
  EXPECT_EQ(schema_violations("summary", page), std::vector<std::string>{});
  EXPECT_EQ(summary_page_like(to_page(page), summary), to_page(page) + "\n");
}

TEST(Verdict, OnTheSpreadIsBetterIfSeedsDifferLess) {
  const Summary summary = sweep_with_gain([](auto seed) {
                            return 0.9 * (0.645 - 0.6 - 0.01 * static_cast<double>(seed * 7 % 10));
                          }).summary();
  EXPECT_EQ(verdict_of(summary), "no difference seen");
  EXPECT_EQ(summary.comparisons[0].spread.verdict, Verdict::kBetter);
}

// ---- Collapses and solutions ----

// With these changes the medians are 0.66 and 0.625, so the bar is at 0.56.
TEST(Collapses, AreSeparatedFromTheDifferenceOfTheOthers) {
  SampleSweep sweep = sweep_with_gain([](auto) { return 0.02; });
  sweep.complete_clipped(13, 0.561);  // no collapse, not far enough below
  sweep.complete(0, 0.3, 1);          // collapses
  sweep.complete(1, 0.559, 1);        // just below the bar
  sweep.runs().records[2]->outcome = Outcome::kDiverged;
  sweep.runs().records[12]->outcome = Outcome::kDiverged;
  const CollapseComparison collapses = *sweep.summary().comparisons.at(0).collapses;
  EXPECT_EQ(collapses.shares.counts.both, 1U);
  EXPECT_EQ(collapses.shares.counts.only_first, 0U);
  EXPECT_EQ(collapses.shares.counts.only_second, 2U);
  EXPECT_EQ(collapses.shares.counts.neither, 7U);
  EXPECT_DOUBLE_EQ(collapses.shares.difference, -0.2);
  EXPECT_EQ(collapses.shares.p_value, 0.5);  // two unequal pairs: 2 x 0.5^2
  EXPECT_EQ(collapses.other_pairs, 7U);
  EXPECT_NEAR(*collapses.other_interquartile_mean, 0.02, 1e-12);
}

// An arm of which most runs collapse has a low median of its own.
TEST(Collapses, AreMeasuredFromTheBetterArm) {
  SampleSweep sweep = sweep_with_gain([](auto seed) { return seed < 7 ? -0.4 : 0; });
  const CollapseComparison collapses = *sweep.summary().comparisons.at(0).collapses;
  EXPECT_EQ(collapses.shares.counts.only_first, 7U);
  EXPECT_EQ(collapses.other_pairs, 3U);
}

TEST(Collapses, AllowADifferenceOfTheMarginExactly) {
  SampleSweep sweep = sweep_with_gain([](auto) { return 0; });
  for (std::size_t run = 0; run < 20; ++run) sweep.complete_clipped(run, run == 3 ? 0.6 : 0.7);
  EXPECT_EQ(sweep.summary().comparisons.at(0).collapses->shares.counts.second(), 0U);
}

// Seed 0 is solved and kept on both sides, seed 1 lost by the baseline, seed 2 never solved by it.
TEST(Solutions, AreComparedEverAndAtTheEnd) {
  SampleSweep sweep(3);
  sweep.runs().basis.solved_accuracy = 0.99;
  for (std::size_t run = 0; run < 6; ++run) {
    auto& record = sweep.complete_clipped(run, run == 1 || run == 2 ? 0.5 : 1);
    record.totals.steps = 3000;
    if (run != 2) record.solved_at_step = 500 * (run + 1);
  }
  const Summary summary = sweep.summary();
  const Comparison& comparison = summary.comparisons.at(0);
  EXPECT_EQ(comparison.solved->counts.both, 2U);
  EXPECT_EQ(comparison.solved->counts.only_first, 1U);
  EXPECT_EQ(comparison.solved_at_end->counts.both, 1U);
  EXPECT_EQ(comparison.solved_at_end->counts.only_first, 2U);
  const ArmSummary& baseline = summary.arms[0];
  EXPECT_EQ(baseline.solved, 2U);
  EXPECT_EQ(baseline.solved_at_end, 1U);
  // 500 and 1000 steps, and one censored at 3000: the median is the second.
  EXPECT_EQ(baseline.steps_to_solution->median, 1000);
  EXPECT_EQ(baseline.steps_to_solution->n, 3U);
  EXPECT_EQ(baseline.steps_to_solution->happened, 2U);
  EXPECT_EQ(schema_violations("summary", to_json(summary)), std::vector<std::string>{});
  EXPECT_NE(runs_csv(sweep.runs()).find(",1,500,true,0,0,false,,,,\n"), std::string::npos)
      << runs_csv(sweep.runs());
}

TEST(Solutions, OfDivergedRunsNeverCome) {
  SampleSweep sweep(2);
  sweep.runs().basis.solved_accuracy = 0.99;
  sweep.complete(0, 1, 1).solved_at_step = 500;
  sweep.end(1, Outcome::kDiverged).totals.steps = 3;
  const auto steps = *sweep.summary().arms[0].steps_to_solution;
  EXPECT_EQ(steps.n, 2U);
  EXPECT_EQ(steps.median, 500);  // half of the runs
}

// ---- Seeds needed ----

TEST(SeedsNeeded, IsARangeAroundTheEstimate) {
  const Summary summary =
      sweep_with_gain([](auto seed) { return 0.002 + 5 * small_and_uneven(seed); }).summary();
  const auto& accuracy = summary.comparisons[0].metrics[kJudgedMetric];
  EXPECT_LT(accuracy.seeds_needed_range->low, *accuracy.seeds_needed);
  EXPECT_GT(accuracy.seeds_needed_range->high, *accuracy.seeds_needed);
  // A difference of 0.2 points, a fifth of a point, needs about 25 times as many seeds.
  EXPECT_GT(accuracy.seeds_needed_for_mean->low, 20 * accuracy.seeds_needed_range->low);
}

// ---- Earlier versions ----

TEST(SummaryJson, OfAnEarlierVersionKeepsItsStatistics) {
  SampleSweep sweep = sweep_with_gain([](auto seed) { return 0.02 + small_and_uneven(seed); });
  const Summary summary = sweep.summary();
  Json earlier = to_json(summary);
  for (const char* key : {"constants", "test_samples"}) earlier.erase(key);
  for (Json& arm : earlier["arms"])
    for (const char* key : {"late_test_accuracy", "steps_to_target", "better_than_chance"})
      arm.erase(key);
  earlier["comparisons"][0].erase("late_test_accuracy");
  earlier["comparisons"][0].erase("collapses");
  earlier["comparisons"][0]["final_test_accuracy"]["interval"] = {0.01, 0.02};
  const std::string content = to_page(earlier) + "\n";
  EXPECT_EQ(summary_page_like(content, summary), content);
  EXPECT_EQ(schema_violations("summary", earlier), std::vector<std::string>{});
  earlier["arms"][0]["completed"] = 9;
  const std::string changed = to_page(earlier) + "\n";
  EXPECT_EQ(summary_page_like(changed, summary), content);
  EXPECT_EQ(summary_page_like("[1]", summary), summary_page(summary));
  EXPECT_EQ(summary_page_like("{}", summary), summary_page(summary));
  const char* const malformed = R"({"answer": [], "runs": 1, "arms": 3, "comparisons": [4]})";
  EXPECT_EQ(summary_page_like(malformed, summary).front(), '{');
}

TEST(RunsCsv, OfAnEarlierVersionHasItsColumns) {
  SampleSweep sweep(1);
  sweep.complete(0, 0.7, 1.25);
  const std::string now = runs_csv(sweep.runs());
  EXPECT_EQ(runs_csv_like(now, sweep.runs()), now);
  // The first version ended with `init`, and a later one with `solved_at_end`.
  const auto earlier = [&](std::size_t columns) {
    return runs_csv_like(std::string(columns - 1, ',') + "\n", sweep.runs());
  };
  EXPECT_NE(earlier(28).find(",cell,init\n"), std::string::npos);
  EXPECT_NE(earlier(28).find(",lstm,keras\n"), std::string::npos);
  EXPECT_NE(earlier(31).find(",solved_at_end\n"), std::string::npos);
  EXPECT_EQ(earlier(27), now);
  EXPECT_EQ(earlier(39), now);
}

// ---- Other metrics ----

TEST(Metrics, CountStepsToTheTargetAndTheAreaUnderTheLoss) {
  SampleSweep sweep(2);
  sweep.runs().basis = {0.1, 0.65, 100};
  sweep.complete(0, 0, 0).epochs = {{1, 3, 0, 2, 0.6, 0}, {2, 1.5, 0, 1.5, 0.65, 0}};
  sweep.complete(1, 0, 0).epochs = {{1, 3, 0, 2, 0.6, 0}, {2, 2, 0, 1.5, 0.64, 0}};
  const Summary summary = sweep.summary();
  const auto& metrics = summary.arms.front().metrics;
  EXPECT_EQ(metrics[Metric::kTrainLossArea].mean, 4.75);
  EXPECT_EQ(metrics[Metric::kStepsToAccuracy].n, 1U);
  EXPECT_EQ(metrics[Metric::kStepsToAccuracy].mean, 200);
  EXPECT_EQ(summary.arms.front().reached_target->count, 1U);
}

TEST(Metrics, TakeChanceFromTheTestSetOrFromTheTask) {
  const SampleFolder folder;
  SweepFolder sweep = open_sweep_folder(folder.path());
  sweep.sweep["data"]["chance_accuracy"] = 0.3;
  sweep.sweep["data"]["test_samples"] = 50U;
  EXPECT_EQ(metric_basis_of(sweep).chance_accuracy, 0.3);
  EXPECT_EQ(metric_basis_of(sweep).test_samples, 50U);
  // As in sweeps of earlier versions.
  sweep.sweep["data"].erase("chance_accuracy");
  sweep.sweep["settings"]["task"] = "adding";
  EXPECT_EQ(metric_basis_of(sweep).chance_accuracy, 0.36);
  EXPECT_EQ(metric_basis_of(sweep).test_samples, std::nullopt);
}

TEST(NoiseFloor, IsTheDistanceOfThePerturbedBaseline) {
  SampleSweep sweep(3);
  sweep.config().noise_floor = true;
  sweep.plan();
  ASSERT_EQ(sweep.runs().plan.size(), 9U);
  for (std::size_t seed = 0; seed < 3; ++seed) {
    sweep.complete(seed, 0.6, 1);
    sweep.complete(3 + seed, 0.9, 1);
    sweep.complete(6 + seed, 0.6 + (seed == 1 ? -0.05 : 0.02), 1);
  }
  const Summary summary = sweep.summary();
  ASSERT_EQ(summary.noise_floor.size(), 1U);
  EXPECT_EQ(summary.noise_floor[0].arm, "none_lr-0.01_perturbed");
  EXPECT_EQ(summary.noise_floor[0].baseline, "none_lr-0.01");
  EXPECT_NEAR(summary.noise_floor[0].median_absolute_difference, 0.02, 1e-12);
  EXPECT_NEAR(summary.noise_floor[0].max_absolute_difference, 0.05, 1e-12);
  EXPECT_EQ(summary.arms[1].name, "none_lr-0.01_perturbed");
  EXPECT_FALSE(summary.comparison_of("none_lr-0.01_perturbed")->p_adjusted);
  EXPECT_EQ(schema_violations("summary", to_json(summary)), std::vector<std::string>{});
}

// Two cells: the plain one is far better, and clipping helps it.
TEST(Cells, AreComparedWithinEachCell) {
  SampleSweep sweep(5);
  sweep.config().cells = {{Cell::kRnnRelu, InitialScheme{InitialKind::kIdentity}}, {Cell::kLstm}};
  sweep.plan();
  for (std::size_t run = 0; run < 20; ++run) {
    // The order of the plan: rnn-relu none, rnn-relu value, lstm none, lstm value, five seeds each.
    const double accuracies[] = {0.7, 0.9, 0.3, 0.3};
    const double noise = run / 5 == 1 ? small_and_uneven(run % 5) : 0;
    sweep.complete_clipped(run, accuracies[run / 5] + noise);
  }
  const Summary summary = sweep.summary();
  ASSERT_EQ(summary.arms.size(), 4U);
  EXPECT_EQ(summary.arms[0].name, "rnn-relu-identity_none_lr-0.01");
  EXPECT_FALSE(summary.arms[0].usable);
  EXPECT_TRUE(summary.arms[1].usable);
  EXPECT_TRUE(summary.arms[2].usable);  // the best lstm
  ASSERT_EQ(summary.comparisons.size(), 2U);
  EXPECT_EQ(summary.comparisons[0].baseline, "rnn-relu-identity_none_lr-0.01");
  EXPECT_EQ(summary.comparisons[1].baseline, "none_lr-0.01");
  ASSERT_EQ(summary.best.size(), 2U);
  EXPECT_EQ(summary.best[0].candidates, 1U);
  EXPECT_EQ(summary.best[1].baseline, "none_lr-0.01");
  EXPECT_EQ(summary.modes.size(), 4U);
  EXPECT_EQ(schema_violations("summary", to_json(summary)), std::vector<std::string>{});
}

TEST(NoiseFloor, IsNeitherTheBestNorABaseline) {
  SampleSweep sweep(5);
  sweep.config().noise_floor = true;
  sweep.plan();
  for (std::size_t run = 0; run < 15; ++run)
    sweep.complete(run, run >= 10 ? 0.9 : 0.6, 1).totals.clipped_steps = 1;
  const Summary summary = sweep.summary();
  EXPECT_EQ(summary.best.front().baseline, "none_lr-0.01");
  EXPECT_TRUE(summary.arms[0].usable);
}

TEST(Summary, ListsDamagedRunsAndLeavesThemOut) {
  SampleSweep sweep(2);
  sweep.complete(0, 0.7, 1);
  sweep.runs().damaged = {{sweep.runs().plan[1].id, "runs/x/run.json: no JSON"}};
  const Summary summary = sweep.summary();
  EXPECT_EQ(summary.runs.damaged, 1U);
  EXPECT_EQ(summary.runs.unfinished, 2U);
  EXPECT_NE(runs_csv(sweep.runs()).find(",damaged,"), std::string::npos);
  EXPECT_EQ(schema_violations("summary", to_json(summary)), std::vector<std::string>{});
}

TEST(SummaryJson, FollowsItsSchemaEvenWithoutRuns) {
  EXPECT_EQ(schema_violations("summary", to_json(SampleSweep(2).summary())),
            std::vector<std::string>{});
}

TEST(SummaryJson, StatesTheConstantsBehindVerdictsAndEvents) {
  const Json json = to_json(SampleSweep(2).summary());
  EXPECT_EQ(to_line(json["constants"]),
            R"({"min_pairs":5,"min_pairs_for_verdict":6,"judged_metric":"late_test_accuracy",)"
            R"("late_evaluations":3,"collapse_margin":0.1,"usable_margin":0.03,)"
            R"("significance_level":0.05,"min_skipped_of_stalled":20,"spike_factor":10,)"
            R"("spike_window":100})");
}

TEST(SummaryJson, WritesNullForMissingValues) {
  SampleSweep sweep(1);
  sweep.complete(0, 0.7, 1.0);
  const Json json = to_json(sweep.summary());
  const Json& baseline = json["arms"][0];
  EXPECT_EQ(baseline["threshold"], nullptr);
  EXPECT_EQ(baseline["final_test_accuracy"]["mean"], 0.7);
  EXPECT_EQ(baseline["final_test_accuracy"]["sd"], nullptr);
  EXPECT_EQ(json["arms"][1]["final_test_accuracy"]["mean"], nullptr);
  EXPECT_EQ(json["comparisons"][0]["final_test_accuracy"]["interval"], nullptr);
}

TEST(RunsCsv, HasOneRowForEachRunOfThePlan) {
  SampleSweep sweep(1);
  sweep.config().clips.push_back({ClipMode::kScale, kInfinity});
  sweep.plan();
  RunRecord& completed = sweep.complete(0, 0.7, 1.25);
  completed.totals = {4, 1, 0, 0, 0, NormQuantiles{1, 2, 3, 4.5}};
  completed.totals.update_ratio = UpdateRatio{0.25, 2};
  sweep.end(1, Outcome::kDiverged).events.resize(2);
  const std::string csv = runs_csv(sweep.runs());
  EXPECT_NE(csv.find(",none,,0.01,0,completed,4,0.7,0.7,1.25,1.25,0.25,1,2,3,4.5,0,,,0,0,0,1.25,"
                     "500,0,false,lstm,keras,0.7,,,0,0,false,,,0.25,2\n"),
            std::string::npos)
      << csv;
  EXPECT_NE(csv.find(",value,0.5,0.01,0,diverged,4,0.1,0.1,,,0,,,,,2,,,0,0,0,,,0,false,lstm,keras,"
                     "0.1,,,0,0,false,,,,\n"),
            std::string::npos)
      << csv;
  EXPECT_NE(
      csv.find(
          ",scale,Infinity,0.01,0,unfinished,,,,,,,,,,,,,,0,0,0,,,,false,lstm,keras,,,,,,,,,,\n"),
      std::string::npos)
      << csv;
}

TEST(RunsCsv, HasTheSameNumberOfFieldsInEachRow) {
  SampleSweep sweep(2);
  sweep.complete(0, 0.7, 1.0);
  const std::string csv = runs_csv(sweep.runs());
  std::size_t start = 0;
  for (std::size_t end = csv.find('\n'); end != std::string::npos; end = csv.find('\n', start)) {
    EXPECT_EQ(std::count(csv.begin() + static_cast<std::ptrdiff_t>(start),
                         csv.begin() + static_cast<std::ptrdiff_t>(end), ','),
              37);
    start = end + 1;
  }
}

}  // namespace
}  // namespace clipsweep
