// A sweep over three training settings in memory: what the summary says of each setup.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "clipsweep/analysis/conclusion_text.h"
#include "clipsweep/analysis/runs_csv.h"
#include "clipsweep/analysis/setup_table.h"
#include "clipsweep/analysis/success_by_length.h"
#include "clipsweep/analysis/summary_json.h"
#include "clipsweep/analysis/summary_text.h"
#include "clipsweep/experiment/axes.h"
#include "clipsweep/validation/schemas.h"
#include "support/sample_sweep.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

constexpr std::size_t kSeeds = 6;
// 2 lengths x `sizes` sizes x 2 batch sizes, and of each the arms none and value:0.5.
SampleSweep crossed_sweep(const std::vector<int>& sizes, std::uint64_t seeds = kSeeds) {
  SampleSweep sweep(seeds);
  ExperimentConfig& config = sweep.config();
  config.training.task = "temporal-order";
  SettingAxis hidden{"hidden", {}, {}};
  for (const int size : sizes) {
    hidden.texts.push_back(std::to_string(size));
    hidden.values.emplace_back(size);
  }
  add_axis(config, {"batch_size", {"8", "16"}, {8, 16}});
  add_axis(config, std::move(hidden));
  add_axis(config, {"length", {"20", "50-60"}, {"20", "50-60"}});
  sweep.plan();
  sweep.runs().basis.chance_accuracy = 0.25;
  sweep.runs().basis.solved_accuracy = 0.99;
  return sweep;
}

// Runs of length 20 solve the task if they are clipped or of one of the first `plain` seeds; runs
// of the longer one never do.
SampleSweep sweep_of_solvers(const std::vector<int>& sizes, std::uint64_t seeds,
                             std::uint64_t plain) {
  SampleSweep sweep = crossed_sweep(sizes, seeds);
  for (std::size_t i = 0; i < sweep.runs().plan.size(); ++i) {
    const RunSpec& run = sweep.runs().plan[i];
    const bool is_short = run.setup.varied.values().front().value == "20";
    const bool clips = run.clip.mode != ClipMode::kNone;
    const double seed = static_cast<double>(run.seed) / 1000;
    const double accuracy = is_short && (clips || run.seed < plain) ? 0.995 : 0.4 + seed;
    RunRecord& record =
        clips ? sweep.complete_clipped(i, accuracy) : sweep.complete(i, accuracy, 1);
    if (accuracy > 0.99) record.solved_at_step = 4;
  }
  return sweep;
}

SampleSweep sweep_with_results(const std::vector<int>& sizes = {5, 10}) {
  return sweep_of_solvers(sizes, kSeeds, 0);
}

TEST(Setups, EachHasItsOwnArmsBaselinesAndModes) {
  const Summary summary = sweep_with_results().summary();
  EXPECT_EQ(summary.setups.size(), 8U);
  EXPECT_EQ(summary.arms.size(), 16U);
  EXPECT_EQ(summary.comparisons.size(), 8U);
  EXPECT_EQ(summary.best.size(), 8U);
  for (const auto& comparison : summary.comparisons) {
    EXPECT_EQ(summary.arm(comparison.arm).setup, summary.arm(comparison.baseline).setup);
    EXPECT_EQ(comparison.metrics[kJudgedMetric].n, kSeeds);
  }
  for (const auto& setup : summary.setups) {
    const Summary part = part_of(summary, setup);
    EXPECT_EQ(part.arms.size(), 2U);
    EXPECT_EQ(part.best.size(), 1U);
    EXPECT_EQ(part.comparisons.size(), 1U);
    EXPECT_EQ(part.modes.size(), 2U);
  }
}

TEST(Setups, TheirOrderIsThatOfThePlan) {
  const Summary summary = sweep_with_results().summary();
  EXPECT_EQ(setup_name(summary.setups[0], summary.setup_in_name()),
            "length 20, hidden 5, batch size 8");
  EXPECT_EQ(setup_name(summary.setups[1], summary.setup_in_name()),
            "length 20, hidden 5, batch size 16");
  EXPECT_EQ(setup_name(summary.setups[7], summary.setup_in_name()),
            "length 50-60, hidden 10, batch size 16");
  std::vector<std::size_t> places;
  for (const auto& arm : summary.arms)
    places.push_back(static_cast<std::size_t>(
        std::find(summary.setups.begin(), summary.setups.end(), arm.setup) -
        summary.setups.begin()));
  EXPECT_TRUE(std::is_sorted(places.begin(), places.end()));
}

TEST(Setups, TheSummaryAsJsonNamesThemAndSatisfiesItsSchema) {
  const Json json = to_json(sweep_with_results().summary());
  EXPECT_EQ(json["axes"][0], (Json{{"setting", "length"}, {"values", {"20", "50-60"}}}));
  EXPECT_EQ(json["axes"][1], (Json{{"setting", "hidden"}, {"values", {5, 10}}}));
  EXPECT_EQ(json["setups"].size(), 8U);
  EXPECT_EQ(json["setups"][0]["hidden"], 5);
  for (const char* list : {"arms", "comparisons", "best", "modes"})
    for (const auto& entry : json[list]) {
      EXPECT_TRUE(entry.contains("setup")) << list;
      EXPECT_TRUE(entry["length"].is_string()) << list;
    }
  EXPECT_EQ(schema_violations("summary", json), std::vector<std::string>());
}

TEST(Setups, WithoutAxesTheSummaryHasNoneOfTheirKeys) {
  const Json json = to_json(sweep_with_gain([](std::size_t) { return 0.1; }).summary());
  for (const char* key : {"axes", "setups"}) EXPECT_FALSE(json.contains(key)) << key;
  EXPECT_FALSE(json["arms"][0].contains("setup"));
}

TEST(Setups, EachMayHaveItsOwnChanceLevel) {
  SampleSweep sweep = sweep_with_results();
  MetricBasis other = sweep.runs().basis;
  other.chance_accuracy = 0.5;  // above what the unsolved runs reach
  const auto changed = sweep.runs().plan.front().setup;
  sweep.runs().setup_bases[changed.varied.slug()] = other;
  for (const auto& arm : sweep.summary().arms)
    if (!arm.clips()) {
      EXPECT_EQ(*arm.better_than_chance, !(arm.setup == changed)) << arm.name;
    }
  EXPECT_EQ(part_of(sweep.summary(), changed).basis.chance_accuracy, 0.5);
}

TEST(Setups, RunsCsvHasAColumnForEachSettingThatVaries) {
  std::istringstream csv(runs_csv(sweep_with_results().runs()));
  std::string header, first;
  std::getline(csv, header);
  std::getline(csv, first);
  EXPECT_TRUE(holds(
      header, "bits_per_character,update_ratio_median,update_ratio_max,length,hidden,batch_size"));
  EXPECT_EQ(first.substr(first.size() - 7), ",20,5,8");
}

TEST(SuccessByLength, CountsTheRunsOfEachArmAndLength) {
  const auto success = success_by_length(sweep_with_results().summary());
  ASSERT_TRUE(success);
  EXPECT_EQ(success->lengths, (std::vector<std::string>{"20", "50-60"}));
  ASSERT_EQ(success->rows.size(), 8U);  // 2 arms x 2 sizes x 2 batch sizes
  for (const auto& row : success->rows) {
    EXPECT_EQ(row.solved[0]->n, kSeeds);
    EXPECT_EQ(row.solved[0]->count, row.arm.clips() ? kSeeds : 0);
    EXPECT_EQ(row.solved[1]->count, 0U);
  }
}

TEST(SuccessByLength, PrintsTheIntervalOfWilson) {
  const std::string text = success_by_length_table(sweep_with_results().summary(), {});
  // z^2 / (n + z^2) with z = 1.96 and n = 6 is 39.0 %.
  EXPECT_TRUE(holds(text, "6/6 [61, 100]"));
  EXPECT_TRUE(holds(text, "0/6 [0, 39]"));
}

TEST(SuccessByLength, IsForTasksThatCanBeSolved) {
  SampleSweep sweep = sweep_with_results();
  sweep.runs().basis.solved_accuracy.reset();
  EXPECT_FALSE(success_by_length(sweep.summary()));
  EXPECT_FALSE(success_by_length(sweep_with_gain([](std::size_t) { return 0.1; }).summary()));
}

TEST(SetupTable, ShowsTheBestArmsAndTheVerdictOfEach) {
  const std::string text = setup_table(sweep_with_results().summary(), {}, 8);
  EXPECT_TRUE(holds(text, "length 20, hidden 5, batch size 8"));
  EXPECT_TRUE(holds(text, "clipping solves more"));
  EXPECT_TRUE(holds(text, "6/6"));
  EXPECT_TRUE(holds(setup_table(sweep_with_results().summary(), {}, 3), "... and 5 setups more"));
}

// 6 of 6 against 5 of 6 is no significant difference, and 2 pairs can show none.
TEST(SetupTable, ADifferenceInSolvedRunsThatIsNotSignificantIsNotNone) {
  const std::string unsettled = setup_table(sweep_of_solvers({5}, 6, 5).summary(), {}, 4);
  EXPECT_TRUE(holds(unsettled, "5/6  not settled")) << unsettled;
  EXPECT_TRUE(
      holds(setup_table(sweep_of_solvers({5}, 6, 6).summary(), {}, 4), "6/6  no difference seen"));
  const std::string few = setup_table(sweep_of_solvers({5}, 2, 1).summary(), {}, 4);
  EXPECT_TRUE(holds(few, "1/2  too few seeds")) << few;
}

TEST(SetupTable, TheAnswerOfManySetupsFitsIntoTheLinesAsked) {
  std::vector<int> sizes(30);
  for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = static_cast<int>(i) + 1;
  const Summary summary = sweep_with_results(sizes).summary();
  const std::string text = brief_text(summary, {}, 36);
  std::istringstream lines(text);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 84U) << line;
  EXPECT_LE(count, 36U);
  EXPECT_TRUE(holds(text, "setups more"));
}

TEST(SetupTable, ANameThatIsTooLongIsAboveItsRow) {
  const Summary summary = sweep_with_results().summary();
  TextStyle style;
  style.table_columns = 60;
  const std::string text = setup_table(summary, style, summary.setups.size());
  EXPECT_TRUE(holds(text, "\nlength 20, hidden 5, batch size 8\nvalue:0.5 at lr "));
}

}  // namespace
}  // namespace clipsweep
