#include "clipsweep/analysis/summary_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "clipsweep/base/table.h"
#include "support/sample_sweep.h"

namespace clipsweep {
namespace {

void expect_at_most_80_columns(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 80U) << line;
}

// Completes all runs with differing accuracies and losses.
void complete_all(SampleSweep& sweep, double largest_loss = 100) {
  for (std::size_t run = 0; run < sweep.runs().plan.size(); ++run) {
    auto& record = sweep.complete_clipped(run, 0.5 + 0.03 * static_cast<double>(run % 7),
                                          largest_loss / (1.0 + double(run % 11)));
    record.totals.mean_cosine = 0.5;
    record.totals.what_if.add_step(1, 2, 1.5);
    record.totals.grad_norm_raw = {1, 2, 3, 1234.5};
  }
}

TEST(ComparisonText, FitsATerminalOf80Columns) {
  SampleSweep sweep(5);
  sweep.config().learning_rates = {0.003, 0.01};
  sweep.config().clips.push_back({ClipMode::kGlobalNorm, 0.5});
  sweep.config().noise_floor = true;
  sweep.plan();
  complete_all(sweep);
  expect_at_most_80_columns(comparison_text(sweep.summary()));
}

TEST(ComparisonText, Fits80ColumnsWithLongNames) {
  SampleSweep sweep(5);
  sweep.config().cells = {{Cell::kRnnRelu, InitialScheme{InitialKind::kGaussian, 0.00123}},
                          {Cell::kGru}};
  sweep.config().clips = {{ClipMode::kNone}, {ClipMode::kRandomStep, 0.00025}};
  sweep.config().clips.push_back({ClipMode::kGlobalNorm, 0.00025, 0.00125});
  sweep.config().clip_options.norm_type = 1;
  sweep.config().learning_rates = {0.00123};
  sweep.config().weight_decays = {0, 0.00456};
  sweep.config().l1_penalties = {0, 0.00789};
  sweep.plan();
  complete_all(sweep);
  expect_at_most_80_columns(comparison_text(sweep.summary()));
}

// The text with its line breaks as blanks, to find sentences in.
std::string in_one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// The results table, between its title and the next blank line.
std::string results_table(const SampleSweep& sweep) {
  const std::string text = comparison_text(sweep.summary());
  const std::size_t begin = text.find("\n\nTest accuracy") + 2;
  return text.substr(begin, text.find("\n\n", begin) + 1 - begin);
}

TEST(ComparisonText, NamesArmsAsTheUserTypesThem) {
  SampleSweep sweep(1);
  complete_all(sweep);
  EXPECT_EQ(results_table(sweep),
            R"(Test accuracy in % (late: the median of the last 3 evaluations, which is
judged), mean losses of the last epoch, runs that reached 60 %
                                       late  final  best     test    train    to
arm          lr  seeds  diverged  mean ± sd   mean  mean     loss     loss  60 %
none       0.01      1         0   50.0 ± -   50.0  50.0  100.000  100.000     0
value:0.5  0.01      1         0   53.0 ± -   53.0  53.0   50.000   50.000     0
)");
}

TEST(ComparisonText, GroupsArmsByCell) {
  SampleSweep sweep(1);
  sweep.config().cells = {{Cell::kRnnRelu, InitialScheme{InitialKind::kIdentity}}, {Cell::kLstm}};
  sweep.config().learning_rates = {0.01, 0.1};
  sweep.plan();
  complete_all(sweep, 10);
  EXPECT_EQ(results_table(sweep),
            R"(Test accuracy in % (late: the median of the last 3 evaluations, which is
judged), mean losses of the last epoch, runs that reached 60 %
                                         late  final  best    test   train    to
arm            lr  seeds  diverged  mean ± sd   mean  mean    loss    loss  60 %
rnn-relu:identity
  none       0.01      1         0   50.0 ± -   50.0  50.0  10.000  10.000     0
  value:0.5  0.01      1         0   56.0 ± -   56.0  56.0   3.333   3.333     0
  none        0.1      1         0   53.0 ± -   53.0  53.0   5.000   5.000     0
  value:0.5   0.1      1         0   59.0 ± -   59.0  59.0   2.500   2.500     0
lstm
  none       0.01      1         0   62.0 ± -   62.0  62.0   2.000   2.000     1
  value:0.5  0.01      1         0   68.0 ± -   68.0  68.0   1.429   1.429     1
  none        0.1      1         0   65.0 ± -   65.0  65.0   1.667   1.667     1
  value:0.5   0.1      1         0   50.0 ± -   50.0  50.0   1.250   1.250     0
)");
}

TEST(ComparisonText, GroupsArmsByRegularization) {
  SampleSweep sweep(1);
  sweep.config().weight_decays = {0, 0.001};
  sweep.plan();
  complete_all(sweep, 10);
  EXPECT_EQ(results_table(sweep),
            R"(Test accuracy in % (late: the median of the last 3 evaluations, which is
judged), mean losses of the last epoch, runs that reached 60 %
                                         late  final  best    test   train    to
arm            lr  seeds  diverged  mean ± sd   mean  mean    loss    loss  60 %
no regularization
  none       0.01      1         0   50.0 ± -   50.0  50.0  10.000  10.000     0
  value:0.5  0.01      1         0   56.0 ± -   56.0  56.0   3.333   3.333     0
with weight decay 0.001
  none       0.01      1         0   53.0 ± -   53.0  53.0   5.000   5.000     0
  value:0.5  0.01      1         0   59.0 ± -   59.0  59.0   2.500   2.500     0
)");
}

TEST(ComparisonText, PutsLongNamesAboveTheirNumbers) {
  SampleSweep sweep(1);
  sweep.config().clips = {{ClipMode::kNone}, {ClipMode::kGlobalNorm, 0.5, 10}};
  sweep.plan();
  complete_all(sweep);
  EXPECT_EQ(results_table(sweep),
            R"(Test accuracy in % (late: the median of the last 3 evaluations, which is
judged), mean losses of the last epoch, runs that reached 60 %
                         late  final  best     test    train    to
   seeds  diverged  mean ± sd   mean  mean     loss     loss  60 %
none at lr 0.01
       1         0   50.0 ± -   50.0  50.0  100.000  100.000     0
global-norm:0.5 with output layer 10 at lr 0.01
       1         0   53.0 ± -   53.0  53.0   50.000   50.000     0
)");
}

TEST(ComparisonText, SaysWhatRegularizationIsComparedWith) {
  SampleSweep sweep(1);
  const char* note = "An arm of mode none with weight decay or L1 is compared with mode none";
  EXPECT_EQ(in_one_line(comparison_text(sweep.summary())).find(note), std::string::npos);
  sweep.config().weight_decays = {0, 0.1};
  sweep.plan();
  sweep.complete(0, 0.7, 1.0);
  EXPECT_NE(in_one_line(comparison_text(sweep.summary())).find(note), std::string::npos);
}

TEST(ComparisonText, HasNoTablesBeforeARunHasEnded) {
  const SampleSweep sweep(1);
  for (const std::string& text :
       {comparison_text(sweep.summary()), brief_text(sweep.summary(), {}, 40)}) {
    EXPECT_EQ(text.find("arm  "), std::string::npos) << text;
    EXPECT_NE(text.find("No run has completed or diverged yet."), std::string::npos) << text;
  }
}

TEST(ComparisonText, PrintsZeroWithoutASign) {
  SampleSweep sweep(1);
  sweep.complete(0, 0.7, 1.0);
  sweep.complete(1, 0.69999, 1.5);
  const std::string text = comparison_text(sweep.summary());
  EXPECT_EQ(text.find(" -0.0"), std::string::npos) << text;
  EXPECT_NE(text.find("+0.500"), std::string::npos) << text;
}

TEST(ComparisonText, CountsRunsByOutcome) {
  SampleSweep sweep(2);
  sweep.complete(0, 0.7, 1.0);
  sweep.end(1, Outcome::kDiverged);
  sweep.end(2, Outcome::kFailed);
  const std::string text = comparison_text(sweep.summary());
  EXPECT_NE(text.find("4 runs: 1 completed, 1 diverged, 1 failed, 1 unfinished"),
            std::string::npos);
  EXPECT_NE(text.find("Fewer than 5 pairs give no interval"), std::string::npos);
  EXPECT_EQ(text.find("nan"), std::string::npos);
}

TEST(ComparisonText, ListsDamagedRuns) {
  SampleSweep sweep(2);
  sweep.runs().damaged = {{sweep.runs().plan[1].id, "runs/x/run.json: no JSON"}};
  EXPECT_NE(comparison_text(sweep.summary()).find("Damaged and left out: runs/x/run.json: no JSON"),
            std::string::npos);
}

TEST(ComparisonText, ListsTheNoiseFloor) {
  SampleSweep sweep(1);
  sweep.config().noise_floor = true;
  sweep.plan();
  sweep.complete(0, 0.6, 1);
  sweep.complete(2, 0.62, 1);
  EXPECT_NE(comparison_text(sweep.summary()).find(R"(
Noise floor: points by which flipping the last bit of the initial weights moves
the late test accuracy of a run
arm     lr  seeds  median  max
none  0.01      1     2.0  2.0
)"),
            std::string::npos);
}

TEST(ComparisonText, ColoursDivergedRunsAndVerdicts) {
  SampleSweep sweep = sweep_with_gain([](std::size_t) { return 0.05; });
  sweep.end(0, Outcome::kDiverged);
  const TextStyle coloured{80, true};
  const std::string text = comparison_text(sweep.summary(), coloured);
  EXPECT_NE(text.find("\x1b[31m1 diverged\x1b[0m"), std::string::npos);
  EXPECT_NE(text.find("\x1b[32mbetter\x1b[0m"), std::string::npos);
  expect_at_most_80_columns(text);
}

TEST(ComparisonText, UsesTheWidthOfTheTerminal) {
  SampleSweep sweep(5);
  sweep.config().clips = {{ClipMode::kNone}, {ClipMode::kGlobalNorm, 0.00025, 0.00125}};
  sweep.plan();
  complete_all(sweep);
  const std::string narrow = comparison_text(sweep.summary());
  const std::string wide = comparison_text(sweep.summary(), {120, false});
  EXPECT_GT(std::count(narrow.begin(), narrow.end(), '\n'),
            std::count(wide.begin(), wide.end(), '\n'));
}

// The lines of brief_text.
std::vector<std::string> brief_lines(const SampleSweep& sweep, std::size_t max_lines) {
  std::istringstream text(brief_text(sweep.summary(), {}, max_lines));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  EXPECT_LE(lines.size(), max_lines);
  return lines;
}

bool contains(const std::vector<std::string>& lines, const std::string& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

TEST(BriefText, LeavesOutWhatDoesNotFit) {
  const SampleSweep sweep = sweep_with_gain([](std::size_t) { return 0.05; });
  const auto whole = brief_lines(sweep, 100);
  EXPECT_EQ(whole.front(), "20 runs: 20 completed");
  EXPECT_TRUE(contains(whole, "Where?"));
  EXPECT_EQ(whole[2].substr(0, 21), "Best arm of each mode");
  const auto no_arms = brief_lines(sweep, whole.size() - 1);
  EXPECT_EQ(no_arms[2], "Does clipping help?");
  EXPECT_TRUE(contains(no_arms, "Where?"));
  const auto shorter = brief_lines(sweep, no_arms.size() - 1);
  EXPECT_FALSE(contains(shorter, "Where?"));
  EXPECT_TRUE(contains(shorter, "What to use?"));
  EXPECT_EQ(brief_lines(sweep, 4).back(), "  ...");
}

TEST(ComparisonText, ComparesSeveralModesWithTheBestArmWithoutClipping) {
  const std::string title = "Best arm of each mode minus the best arm without clipping";
  EXPECT_EQ(
      comparison_text(sweep_with_gain([](std::size_t) { return 0.05; }).summary(), {}).find(title),
      std::string::npos);
  SampleSweep sweep(10);
  sweep.config().clips = {{ClipMode::kNone}, {ClipMode::kValue, 0.5}, {ClipMode::kGlobalNorm, 1}};
  sweep.plan();
  for (std::size_t run = 0; run < 30; ++run) {
    const double accuracy = 0.5 + 0.1 * static_cast<double>(run / 10) +
                            0.001 * static_cast<double>(run % 10 * 7 % 10) * (run < 10 ? 1 : 3);
    run < 10 ? sweep.complete(run, accuracy, 1) : sweep.complete_clipped(run, accuracy);
  }
  const std::string text = comparison_text(sweep.summary(), {});
  const std::size_t begin = text.find(title);
  ASSERT_NE(begin, std::string::npos);
  const std::string table = text.substr(begin, text.find("\n\n", begin) - begin);
  EXPECT_NE(table.find("compared with"), std::string::npos) << table;
  EXPECT_NE(table.find("+20.9  [+"), std::string::npos) << table;
  EXPECT_NE(table.find("better"), std::string::npos) << table;
}

TEST(BriefText, OfManyModesKeepsTheirTable) {
  SampleSweep sweep(6);
  sweep.config().clips = {{ClipMode::kNone}};
  for (const auto& entry : clip_modes())
    if (entry.mode != ClipMode::kNone) sweep.config().clips.push_back({entry.mode, 0.5});
  sweep.plan();
  const std::size_t arms = sweep.config().clips.size();
  for (std::size_t run = 0; run < 6 * arms; ++run) {
    const double accuracy = 0.5 + 0.01 * static_cast<double>(run / 6) + 0.001 * (run % 6 == 2);
    run < 6 ? sweep.complete(run, accuracy, 1) : sweep.complete_clipped(run, accuracy);
  }
  const auto whole = brief_lines(sweep, 100);
  EXPECT_TRUE(contains(whole, "Where?"));
  const auto lines = brief_lines(sweep, 34);
  EXPECT_EQ(lines[2].substr(0, 21), "Best arm of each mode");
  EXPECT_TRUE(contains(lines, "What to use?"));
  EXPECT_FALSE(contains(lines, "Where?"));
  const auto starts = [&](const char* mode) {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const auto& line) { return line.rfind(mode, 0) == 0; });
  };
  EXPECT_TRUE(starts("none "));
  EXPECT_TRUE(starts("random-step:0.5"));  // the last one, and so the best
  EXPECT_FALSE(starts("value:0.5"));       // the worst with clipping
  EXPECT_TRUE(starts("... and "));
}

TEST(BriefText, NamesFewDamagedRuns) {
  SampleSweep sweep(9);
  for (const auto& run : sweep.runs().plan) sweep.runs().damaged.push_back({run.id, "no JSON"});
  const auto lines = brief_lines(sweep, 100);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "Damaged and left out: no JSON"), 3);
  EXPECT_TRUE(contains(lines, "Damaged and left out: 15 more"));
}

}  // namespace
}  // namespace clipsweep
