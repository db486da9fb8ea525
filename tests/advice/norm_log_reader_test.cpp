#include "clipsweep/advice/norm_log_reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

using Numbers = std::vector<double>;

std::string usage_error(const std::string& text, const std::string& column = "") {
  return message_of<ConfigError>([&] { read_norm_text(text, column); });
}
std::string data_error(const std::string& text, const std::string& column = "") {
  return message_of<DataError>([&] { read_norm_text(text, column); });
}

TEST(NormLogReader, ReadsOneNumberPerLine) {
  const NormLog log = read_norm_text("# norms\r\n\n 1\r\n2.5e-1\n+3\n");
  EXPECT_EQ(log.format, "numbers");
  EXPECT_EQ(log.norms, (Numbers{1, 0.25, 3}));
  EXPECT_EQ(log.steps, (Numbers{1, 2, 3}));
  EXPECT_FALSE(log.column);
}

TEST(NormLogReader, TakesNonfiniteNumbersAsWhatTheyAre) {
  for (const char* text :
       {"1\nNaN\nInf\nnull\n", "g\n1\nnan\nInfinity\n\"\"\n", "grad_norm,x\n1,\nnan,1\ninf,\n,2\n",
        "{\"grad_norm\":1}\n{\"grad_norm\":NaN}\n{\"grad_norm\":Infinity}\n"
        "{\"grad_norm\":null}",
        "{\"grad_norm\":1}\n{\"grad_norm\":\"NaN\"}\n"
        "{\"grad_norm\":\"Infinity\"}\n{\"x\":2}",
        "[1, NaN, Infinity, null]",
        "[{\"norm\":1},{\"norm\":NaN},{\"norm\":Infinity},{\"norm\":null}]"}) {
    const NormLog log = read_norm_text(text);
    ASSERT_EQ(log.norms.size(), 3U) << text;
    EXPECT_EQ(log.norms[0], 1) << text;
    EXPECT_TRUE(std::isnan(log.norms[1])) << text;
    EXPECT_TRUE(std::isinf(log.norms[2])) << text;
    EXPECT_EQ(log.rows_without_norm, 1U) << text;
  }
}

TEST(NormLogReader, FindsTheColumnsOfATable) {
  const NormLog log = read_norm_text(
      "\xef\xbb\xbf\"lr\",\"trainer/global_step\",\"train/loss\",\"train/grad_norm\"\n"
      "0.1,10,2.5,1\n0.1,20,,2\n0.1,30,nan,\n");
  EXPECT_EQ(log.format, "table");
  EXPECT_EQ(log.column, "train/grad_norm");
  EXPECT_EQ(log.step_column, "trainer/global_step");
  EXPECT_EQ(log.loss_column, "train/loss");
  EXPECT_EQ(log.norms, (Numbers{1, 2}));
  EXPECT_EQ(log.steps, (Numbers{10, 20}));
  ASSERT_EQ(log.losses.size(), 2U);
  EXPECT_EQ(log.losses[0], 2.5);
  EXPECT_FALSE(log.losses[1]);
}

TEST(NormLogReader, ReadsAnExportOfWeightsAndBiases) {
  const NormLog log = read_norm_text(
      "\"Step\",\"run 7 - train/grad_norm\",\"run 7 - train/grad_norm__MIN\","
      "\"run 7 - train/grad_norm__MAX\"\n\"0\",\"1.5\",\"1.5\",\"1.5\"\n\"1\",\"2\",\"2\",\"2\"\n");
  EXPECT_EQ(log.column, "run 7 - train/grad_norm");
  EXPECT_EQ(log.step_column, "Step");
  EXPECT_EQ(log.norms, (Numbers{1.5, 2}));
}

TEST(NormLogReader, ReadsQuotedValuesAsRfc4180Says) {
  const NormLog log =
      read_norm_text("\"note, \"\"raw\"\"\";total_norm\n\"a;b\nc\";1\r\n;2\n\"\"\"\";\"3\"\n");
  EXPECT_EQ(log.norms, (Numbers{1, 2, 3}));
  EXPECT_NE(data_error("a,norm\n\"x,1\n"), "");
  EXPECT_NE(data_error("a,norm\nx\"y\",1\n"), "");
  EXPECT_NE(data_error("a,norm\n\"x\"y,1\n"), "");
}

TEST(NormLogReader, ReadsTabs) {
  EXPECT_EQ(read_norm_text("step\tgrad norm\n5\t1\n6\t2\n").norms, (Numbers{1, 2}));
}

TEST(NormLogReader, TakesTheOnlyColumnWhateverItsName) {
  EXPECT_EQ(read_norm_text("pre-clip\n1\n2\n").column, "pre-clip");
}

TEST(NormLogReader, ReadsTrainerStateOfHuggingFace) {
  const std::string text =
      "{\n  \"best_metric\": null,\n  \"log_history\": [\n"
      "    {\"epoch\": 0.1, \"grad_norm\": 2.5, \"loss\": 1.5, \"step\": 10},\n"
      "    {\"eval_loss\": 1.2, \"step\": 10},\n"
      "    {\"epoch\": 0.2, \"grad_norm\": NaN, \"loss\": 0.0, \"step\": 20, \"x\": "
      "{\"grad_norm\": 9}}\n"
      "  ],\n  \"stateful_callbacks\": {\"a\": [{\"grad_norm\": 7}]}\n}\n";
  const NormLog log = read_norm_text(text);
  EXPECT_EQ(log.format, "JSON");
  ASSERT_EQ(log.norms.size(), 2U);
  EXPECT_EQ(log.norms[0], 2.5);
  EXPECT_TRUE(std::isnan(log.norms[1]));
  EXPECT_EQ(log.steps, (Numbers{10, 20}));
  EXPECT_EQ(log.rows_without_norm, 1U);
}

TEST(NormLogReader, ReadsTrainerStateOnOneLine) {
  EXPECT_EQ(read_norm_text("{\"log_history\":[{\"grad_norm\":1,\"step\":4}]}").steps, Numbers{4});
}

TEST(NormLogReader, ReadsAStepLogOfThisProgram) {
  const NormLog log = read_norm_text(
      "{\"schema\":\"clipsweep/steps-1\",\"tensors\":{\"grad_norm\":[1]}}\n"
      "{\"step\":1,\"loss\":2,\"grad_norm_raw\":5,\"grad_norm_clipped\":1,\"tensors\":{\"a\":3}}\n"
      "{\"step\":2,\"loss\":1,\"grad_norm_raw\":\"Infinity\",\"grad_norm_clipped\":1}\n"
      "{\"step\":3,\"loss\":1,\"grad_norm_r");
  EXPECT_EQ(log.format, "JSON lines");
  EXPECT_EQ(log.column, "grad_norm_raw");
  EXPECT_EQ(log.norms, (Numbers{5, std::numeric_limits<double>::infinity()}));
  EXPECT_TRUE(log.is_cut_off);
}

TEST(NormLogReader, LeavesOutACutOffRowOfATable) {
  const NormLog log = read_norm_text("step,norm,x\n1,2,3\n2,4");
  EXPECT_EQ(log.norms, Numbers{2});
  EXPECT_TRUE(log.is_cut_off);
  EXPECT_NE(data_error("step,norm,x\n1,2\n2,4,5\n"), "");
}

TEST(NormLogReader, PrefersTheColumnThatIsNamed) {
  const std::string text = "step,grad_norm,total_norm\n1,2,3\n";
  EXPECT_EQ(read_norm_text(text, "total_norm").norms, Numbers{3});
  EXPECT_EQ(read_norm_text("{\"a\":1,\"b\":2}\n{\"a\":3}\n", "a").norms, (Numbers{1, 3}));
}

TEST(NormLogReader, NamesTheColumnsThereAre) {
  EXPECT_EQ(usage_error("step,grad_norm,total_norm\n1,2,3\n"),
            "input: 2 columns may be the gradient norms; name one with --column NAME; there are: "
            "step, grad_norm, total_norm");
  EXPECT_EQ(usage_error("step,accuracy\n1,2\n"),
            "input: no column has a usual name of gradient norms, such as grad_norm; name one with "
            "--column NAME; there are: step, accuracy");
  EXPECT_EQ(
      usage_error("step,grad_norm\n1,2\n", "gradnorm"),
      "input: no column \"gradnorm\" (did you mean \"grad_norm\"?); there are: step, grad_norm");
  EXPECT_EQ(usage_error("1\n2\n", "x"), "input: numbers without names; leave out --column");
}

// A column that a run never filled is no second candidate.
TEST(NormLogReader, IgnoresEmptyCandidates) {
  EXPECT_EQ(read_norm_text("grad_norm,total_norm\n,2\n,3\n").column, "total_norm");
}

TEST(NormLogReader, TakesStepsOnlyIfAllAreNumbers) {
  const NormLog log = read_norm_text("step,norm\none,2\ntwo,3\n");
  EXPECT_FALSE(log.step_column);
  EXPECT_EQ(log.steps, (Numbers{1, 2}));
}

TEST(NormLogReader, SaysWhereAValueIsWrong) {
  EXPECT_EQ(data_error("1\n2\nthree\n"), "input:3: \"three\" is not a number");
  EXPECT_EQ(data_error("1\n-2\n"), "input:2: -2 is below 0; a norm never is");
  EXPECT_EQ(data_error("step,norm\n\n1,x\n"), "input:3: norm is \"x\", which is not a number");
  EXPECT_EQ(data_error("step,norm\n1,2\n2,-1\n"),
            "input:3: norm is -1, but a norm is never below 0; name the column of the norms with "
            "--column NAME");
  EXPECT_EQ(data_error("[{\"norm\":1},{\"norm\":true}]"),
            "input: entry 2: norm is \"true\", which is not a number");
  EXPECT_EQ(data_error("{\"norm\":[1]}\n"), "input:1: norm is \"[...]\", which is not a number");
  EXPECT_EQ(data_error("{\"norm\":1}\n[2]\n{\"norm\":1}\n"), "input:2: not a JSON object");
}

TEST(NormLogReader, SaysWhatIsNoLog) {
  for (const std::string& text :
       {std::string(), std::string("\n\n"), std::string("# nothing\n"), std::string("1\n\0\n", 4),
        std::string("\x1f\x8b\x08\0", 4),
        std::string("\xff\xfe"
                    "1\0\n\0",
                    6),
        std::string("norm\n"), std::string("norm,norm\n1,2\n"), std::string("1,2\n3,4\n"),
        std::string("1 2\n3 4\n"), std::string("{\"a\": 1,\n\"b\": 2}"), std::string("[[1]]"),
        std::string("[1,"), std::string("{\"norm\":1e999}\n{}\n"),
        std::string("norm,x\n1,2,3\n")}) {
    const std::string message = data_error(text);
    EXPECT_EQ(message.compare(0, 5, "input"), 0) << text << ": " << message;
    EXPECT_EQ(message.find('\n'), message.npos) << message;
  }
}

// Lines that the fast reader of objects leaves to the general one, and lines that neither takes.
TEST(NormLogReader, ReadsEveryObjectOfJson) {
  for (const char* row :
       {R"({"norm":2})", " { \"norm\" : 2 , \"b\" : [1] } ", R"({"b":{"norm":3},"norm":2})",
        R"({"no\u0072m":2})", R"({"\u00e9":"x\"y","norm":2})", "{\"\xc3\xa9\":1,\"norm\":20e-1}",
        R"({"norm":2,"a":true,"b":null,"c":-0.5E+3,"d":"}"})", R"({"norm":"2"})"})
    EXPECT_EQ(read_norm_text("{\"x\":1}\n" + std::string(row) + "\n").norms, Numbers{2}) << row;
  for (const char* row :
       {R"({"norm":02})", R"({"norm":2.})", R"({"norm":.5})", R"({"norm":+2})", R"({"norm":inf})",
        R"({"norm":2,})", R"({"norm":2}})", R"({"norm":2} 3)", R"({"norm" 2})", R"({norm:2})",
        R"({"norm":2e})", R"({"norm":})", R"({"norm)", "{\"a\tb\":1,\"norm\":2}",
        "{\"\xff\":1,\"norm\":2}", R"({"a":"\q","norm":2})"})
    EXPECT_TRUE(holds(data_error("{\"x\":1}\n" + std::string(row) + "\n{}\n"), "input:2: ")) << row;
}

TEST(NormLogReader, LimitsTheLengthOfALine) {
  const std::string longest(std::size_t{1} << 21, '1');
  EXPECT_EQ(data_error("1\n" + longest + "\n"), "input:2: a line of more than 1024 KiB");
  EXPECT_NE(data_error("a,norm\n\"" + longest), "");
  // JSON on one line may be long.
  std::string numbers = "[1";
  while (numbers.size() < (std::size_t{1} << 21)) numbers += ",2.5";
  EXPECT_EQ(read_norm_text(numbers + "]").norms.size(), (numbers.size() - 2) / 4 + 1);
}

}  // namespace
}  // namespace clipsweep
