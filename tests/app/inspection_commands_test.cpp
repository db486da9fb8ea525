#include "commands/inspection_commands.h"

#include <gtest/gtest.h>

#include <functional>

#include "clipsweep/base/error.h"
#include "clipsweep/io/json.h"
#include "clipsweep/records/result_folder.h"
#include "support/sample_folder.h"

namespace clipsweep {
namespace {

struct Output {
  int exit_code;
  std::string data;      // stdout
  std::string messages;  // stderr
};

Output output_of(const std::function<int()>& command) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int exit_code = command();
  return {exit_code, testing::internal::GetCapturedStdout(),
          testing::internal::GetCapturedStderr()};
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Run 0 completed, run 1 unfinished with a truncated log, run 2 diverged, run 3 not started.
class InspectionTest : public testing::Test {
 protected:
  InspectionTest() {
    folder.write(completed_run(folder.plan(), folder.spec(0)));
    folder.write(completed_run(folder.plan(), folder.spec(1)));
    folder.write(diverged_run(folder.plan(), folder.spec(2), 6));
    remove_file(folder.run_json(1));
    cut_off(folder.steps_log(1), 10);
  }

  Output shown(const std::string& run, bool events, bool json) const {
    return output_of([&] { return run_show({folder.path().string(), run, events, json}); });
  }

  SampleFolder folder;
};

TEST_F(InspectionTest, ShowListsTheRunsInTheOrderOfThePlan) {
  const Output output = shown("", false, false);
  EXPECT_EQ(output.exit_code, kSuccess);
  std::size_t last = 0;
  for (const auto& run : folder.plan().runs) {
    const std::size_t place = output.data.find(run.id);
    ASSERT_NE(place, std::string::npos);
    EXPECT_GE(place, last);
    last = place;
  }
  EXPECT_TRUE(says(output.data, "4 runs: 1 completed, 1 diverged, 2 unfinished"));
  EXPECT_TRUE(
      says(output.data,
           "The last log line is truncated, so the run was killed; rerun the sweep command\n"
           "to resume it: " +
               folder.spec(1).id + "\n"));
}

TEST_F(InspectionTest, ShowFindsARunByItsHash) {
  const std::string& id = folder.spec(2).id;
  const Output output = shown(id.substr(id.size() - 8), false, false);
  EXPECT_TRUE(says(output.data, id + ": diverged"));
  EXPECT_TRUE(says(output.data, "nan in the gradient"));
  EXPECT_TRUE(says(output.data, "6 steps:"));
  EXPECT_TRUE(says(output.data, "1 event: clipsweep show"));
}

TEST_F(InspectionTest, ShowRejectsAnUnknownRun) {
  EXPECT_THROW(run_show({folder.path().string(), "nothing", false, false}), ConfigError);
}

TEST_F(InspectionTest, ShowReadsAnIndexAsRowAndColumn) {
  const Output output = shown(folder.spec(2).id, true, false);
  EXPECT_TRUE(says(output.data, "lstm.weight_ih[1, 17]")) << output.data;
  EXPECT_TRUE(says(output.data, "stopped"));
}

TEST_F(InspectionTest, ShowReportsWhatHappenedToARun) {
  const Output output = shown(folder.spec(2).id, true, false);
  EXPECT_TRUE(says(output.data, "Step 6, epoch 2\n  NaN in the gradient, first in lstm.weight_ih"));
  EXPECT_TRUE(says(output.data, "(input gate): 1,118")) << output.data;
  EXPECT_TRUE(says(output.data, "; the run stopped"));
  EXPECT_FALSE(
      says(shown("", true, false).data, "; the run stopped"));  // for all runs only the table
}

TEST_F(InspectionTest, ShowReportsWhatItCanIfTheLogIsDamaged) {
  damage(folder.steps_log(2), R"({"step":3,)", R"({"stop":3,)");
  const Output output = shown(folder.spec(2).id, true, false);
  EXPECT_TRUE(says(output.messages, "steps.jsonl:4: \"step\" is missing; this log is ignored"));
  EXPECT_TRUE(says(output.data, "NaN in the gradient"));
  EXPECT_EQ(output.exit_code, kSuccess);
}

TEST_F(InspectionTest, ShowPrintsRunJsonAsItIs) {
  const Output output = shown(folder.spec(0).id, false, true);
  EXPECT_EQ(output.data, read_file(folder.run_json(0)));
}

TEST_F(InspectionTest, ShowPrintsAllRunsAsOneList) {
  const Json list = parse_json(shown("", false, true).data, "stdout");
  ASSERT_EQ(list.size(), 4U);
  EXPECT_EQ(list[0]["outcome"], "completed");
  EXPECT_EQ(list[1], Json({{"id", folder.spec(1).id}, {"outcome", "unfinished"}}));
}

TEST_F(InspectionTest, ShowPrintsEventsWithTheirRun) {
  const Json list = parse_json(shown("", true, true).data, "stdout");
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["run"], folder.spec(2).id);
  EXPECT_EQ(list[0]["norm"], "NaN");
}

TEST_F(InspectionTest, ShowNamesADamagedRunAndShowsTheOthers) {
  damage(folder.run_json(0), "\"outcome\"", "\"outcom\"");
  const Output output = shown("", false, false);
  EXPECT_EQ(output.exit_code, kInvalidData);
  EXPECT_TRUE(says(output.messages, "run.json: \"outcome\" is missing"));
  EXPECT_TRUE(says(output.data, "1 damaged"));
  EXPECT_EQ(parse_json(shown("", false, true).data, "stdout").size(), 3U);
}

TEST_F(InspectionTest, SummarizeWritesTheResultsAndPrintsTheComparison) {
  const Output output = output_of([&] { return run_summarize({folder.path().string(), false}); });
  EXPECT_EQ(output.exit_code, kSuccess);
  EXPECT_TRUE(fs::exists(runs_csv_path(folder.path())));
  EXPECT_TRUE(says(output.data, "4 runs: 1 completed, 1 diverged, 2 unfinished"));
}

TEST_F(InspectionTest, SummarizePrintsSummaryJsonAsItIs) {
  const Output output = output_of([&] { return run_summarize({folder.path().string(), true}); });
  EXPECT_EQ(output.data, read_file(summary_path(folder.path())));
}

TEST_F(InspectionTest, SummarizeWritesTheSameBytesEveryTime) {
  const auto rebuilt = [&] {
    output_of([&] { return run_summarize({folder.path().string(), false}); });
    return read_file(runs_csv_path(folder.path())) + read_file(summary_path(folder.path()));
  };
  EXPECT_EQ(rebuilt(), rebuilt());
}

TEST_F(InspectionTest, ValidateSaysThatThereIsNoProblem) {
  const Output output = output_of([&] { return run_validate({folder.path().string()}); });
  EXPECT_EQ(output.exit_code, kSuccess);
  EXPECT_EQ(output.data, "4 runs (2 unfinished), 21 steps: no problems\n");
}

TEST_F(InspectionTest, ValidateNamesFileAndLine) {
  damage(folder.steps_log(0), R"({"step":3,)", R"({"step":4,)");
  const Output output = output_of([&] { return run_validate({folder.path().string()}); });
  EXPECT_EQ(output.exit_code, kInvalidData);
  EXPECT_TRUE(says(output.data, "runs/" + folder.spec(0).id + "/steps.jsonl:4: step 3 is missing"));
  EXPECT_TRUE(says(output.data, ", 21 steps: 2 problems\n")) << output.data;
}

}  // namespace
}  // namespace clipsweep
