#include "clipsweep/data/time_series_file.h"

#include <gtest/gtest.h>

#include <cmath>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

const std::string kHeader =
    "# a comment\n% another\n@problemName Two\n@timeStamps false\n@missing false\n@univariate "
    "false\n"
    "@dimensions 2\n@equalLength true\n@seriesLength 3\n@classLabel true b a\n@data\n";

TimeSeriesFile ts(const std::string& text) { return parse_ts(text, "X.ts", Nonfinite::kRefuse); }
TimeSeriesFile tsv(const std::string& text) { return parse_tsv(text, "X.tsv", Nonfinite::kRefuse); }

std::string ts_refusal(const std::string& text) {
  return message_of<DataError>([&] { ts(text); });
}

TEST(Ts, ReadsDimensionsAsFeaturesOfEachStep) {
  const TimeSeriesFile file = ts(kHeader + "1,2,3:10,20,30:a\r\n\n-1,0.5,1e2:4,5,6:b\n");
  EXPECT_EQ(file.dimensions, 2U);
  ASSERT_EQ(file.series.size(), 2U);
  EXPECT_EQ(file.series[0], (std::vector<float>{1, 10, 2, 20, 3, 30}));
  EXPECT_EQ(file.series[1], (std::vector<float>{-1, 4, 0.5, 5, 100, 6}));
  EXPECT_EQ(file.labels, (std::vector<std::string>{"a", "b"}));
}

TEST(Ts, ReadsRegression) {
  const TimeSeriesFile file = ts("@targetlabel TRUE\n@classLabel false\n@data\n1,2:0.5\n");
  EXPECT_EQ(file.targets, (std::vector<float>{0.5}));
  EXPECT_TRUE(file.labels.empty());
}

TEST(Ts, SaysWhereAndWhatIsWrong) {
  const auto expect = [](const std::string& text, const char* part) {
    EXPECT_TRUE(holds(ts_refusal(text), part));
  };
  expect(kHeader + "1,2,3:1,2,3:c\n", "X.ts:12: class \"c\" is not one that @classLabel declares");
  expect(kHeader + "1,2,3:1,2:a\n", "X.ts:12: dimension 2 has 2 values, dimension 1 has 3");
  expect(kHeader + "1,2,3:a\n", "1 dimension, but @dimensions declares 2");
  expect(kHeader + "1,2,3,4:1,2,3,4:a\n", "4 time steps, but @seriesLength declares 3");
  expect(kHeader + "1,x,3:1,2,3:a\n", "\"x\" is not a number");
  expect(kHeader + "1,2,3:1,?,3:a\n", "dimension 2, step 2 is missing or NaN");
  expect(kHeader + "1,2,3:1,1e300,3:a\n", "dimension 2, step 2 is infinite");
  expect(kHeader + "1,2,3:1,2,3:\n", "no class label");
  expect(kHeader + "1,2,3\n", "no \":\"");
  expect(kHeader, "X.ts: has no series");
  expect("", "X.ts: has no series");
  expect("1,2,3:a\n", "X.ts:1: neither a declaration (@) nor a comment (#)");
  expect("@classLabels true a\n", "unknown declaration @classLabels");
  expect("@univariate yes\n", "@univariate must be true or false");
  expect("@dimensions 0\n", "@dimensions must be a whole number");
  expect("@timeStamps true\n", "time stamps are not supported");
  expect("@data\n1:a\n", "X.ts:1: no labels");
  expect("@univariate true\n@classLabel true\n@data\n1:2:a\n", "@univariate is true");
}

TEST(Ts, LetsMissingValuesThroughIfTheyAreAllowed) {
  const TimeSeriesFile file =
      parse_ts("@classLabel true\n@data\n1,?:a\n", "X.ts", Nonfinite::kAllow);
  EXPECT_TRUE(std::isnan(file.series[0][1]));
}

TEST(Tsv, ReadsLabelsFirstAndPadding) {
  const TimeSeriesFile file = tsv("1\t0.5\t2\n-1\t3\tNaN\n");
  EXPECT_EQ(file.labels, (std::vector<std::string>{"1", "-1"}));
  EXPECT_EQ(file.series[0], (std::vector<float>{0.5, 2}));
  EXPECT_EQ(file.series[1], (std::vector<float>{3}));
}

TEST(Tsv, SaysWhereAndWhatIsWrong) {
  const auto expect = [](const std::string& text, const char* part) {
    EXPECT_TRUE(holds(message_of<DataError>([&] { tsv(text); }), part));
  };
  expect("1\t2\n1\tNaN\t3\n", "X.tsv:2: dimension 1, step 1 is missing");
  expect("1 2 3\n", "X.tsv:1: no values");
  expect("1\tNaN\n", "X.tsv:1: no values");
  expect("", "has no series");
}

TEST(SequencesOf, NumbersWholeLabelsInOrderOfTheirNumbers) {
  const TimeSeriesFile test = tsv("10\t1\t2\n");
  const SequenceData data = sequences_of(tsv("10\t1\t2\n9\t3\t4\n-1.0\t5\t6\n"), &test);
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"-1", "9", "10"}));
  EXPECT_EQ(data.train.classes, (std::vector<std::int32_t>{2, 1, 0}));
  EXPECT_EQ(data.test.classes, (std::vector<std::int32_t>{2}));
  EXPECT_EQ(data.train.inputs, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(data.train.lengths.empty());
  EXPECT_EQ(data.train.time_steps, 2U);
  EXPECT_EQ(data.inputs, 1U);
}

TEST(SequencesOf, SortsOtherLabelsAsTexts) {
  const SequenceData data = sequences_of(ts(kHeader + "1,2,3:1,2,3:b\n1,2,3:4,5,6:a\n"), nullptr);
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(data.train.classes, (std::vector<std::int32_t>{1, 0}));
  EXPECT_TRUE(data.test.empty());
}

TEST(SequencesOf, PadsDifferentLengthsWithZeros) {
  const SequenceData data = sequences_of(tsv("1\t1\t2\t3\n2\t4\n"), nullptr);
  EXPECT_EQ(data.train.inputs, (std::vector<float>{1, 2, 3, 4, 0, 0}));
  EXPECT_EQ(data.train.lengths, (std::vector<std::int32_t>{3, 1}));
}

TEST(SequencesOf, RefusesFilesThatDoNotFit) {
  const TimeSeriesFile other = tsv("a\t1\n");
  const auto join = [&](const TimeSeriesFile& test) {
    return message_of<DataError>(
        [&] { sequences_of(ts(kHeader + "1,2,3:1,2,3:b\n1,2,3:4,5,6:a\n"), &test); });
  };
  EXPECT_TRUE(holds(join(other), "X.tsv: its series have 1 dimension, those of X.ts have 2"));
  EXPECT_TRUE(holds(join(ts("@targetLabel true\n@data\n1:2:0.5\n")),
                    "has targets, but X.ts has class labels"));
  EXPECT_TRUE(holds(join(ts("@classLabel true\n@data\n1:2:c\n")),
                    "X.ts: label[0] is c, which X.ts: label lacks"));
  EXPECT_TRUE(holds(message_of<DataError>([&] { sequences_of(tsv("7\t1\n7\t2\n"), nullptr); }),
                    "X.tsv: label: all labels are 7, one class only: chance level is 100 %"));
}

}  // namespace
}  // namespace clipsweep
