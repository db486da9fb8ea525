#include "clipsweep/experiment/list_syntax.h"

#include <gtest/gtest.h>

#include <cmath>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

using Seeds = std::vector<std::uint64_t>;

TEST(ParseNumbers, ReadsLists) {
  EXPECT_EQ(parse_numbers("0.1, 0.5,1"), (std::vector<double>{0.1, 0.5, 1}));
  EXPECT_TRUE(std::isinf(parse_numbers("inf").front()));
}

TEST(ParseNumbers, LogspaceHasCleanDecimals) {
  EXPECT_EQ(parse_numbers("logspace(1e-3,1,4)"), (std::vector<double>{0.001, 0.01, 0.1, 1}));
  EXPECT_EQ(parse_numbers("7,logspace(1e-2,10,7)").size(), 8U);
}

TEST(ParseNumbers, RefusesMalformedLists) {
  for (const char* text :
       {"", " ", "0.1,,1", "abc", "1e400", "logspace(1,2)", "logspace(1,10,0)", "logspace(1,10,1)",
        "logspace(10,1,3)", "logspace(0,1,3)", "logspace(nan,1,3)", "logspace(1,inf,3)",
        "logspace(1,10,3", "logspace(1,10,9999999999)", "logspace("})
    EXPECT_THROW(parse_numbers(text), ConfigError) << text;
}

TEST(ParseNumbers, ExplainsBlanksAndACommaAtTheEnd) {
  const auto message = [](const char* text) {
    return message_of<ConfigError>([&] { parse_numbers(text); });
  };
  EXPECT_TRUE(
      holds(message("0.5,"),
            "the list ends with a comma; write lists without blanks, for example 0.1,0.5,1"));
  EXPECT_TRUE(holds(message("0.1 0.5"),
                    "\"0.1 0.5\" has a blank; separate the values of a list by commas"));
}

TEST(ParseSeeds, ReadsCountsRangesAndLists) {
  EXPECT_EQ(parse_seeds("3"), (Seeds{0, 1, 2}));
  EXPECT_EQ(parse_seeds("3-5"), (Seeds{3, 4, 5}));
  EXPECT_EQ(parse_seeds("7-7"), Seeds{7});
  EXPECT_EQ(parse_seeds("0-10:5,3"), (Seeds{0, 5, 10, 3}));
}

TEST(ParseSeeds, SaysWhatIsWrong) {
  const auto message = [](const char* text) {
    return message_of<ConfigError>([&] { parse_seeds(text); });
  };
  EXPECT_TRUE(holds(message("5-3"), "reversed"));
  EXPECT_TRUE(holds(message("0-9:0"), "the step is zero"));
  EXPECT_TRUE(holds(message("0"), "0 seeds"));
  EXPECT_TRUE(holds(message(""), "empty list"));
  EXPECT_TRUE(holds(message("1,-2"), "not a seed"));
  EXPECT_TRUE(holds(message("1.5"), "not a seed"));
  EXPECT_TRUE(holds(message("0-99999999"), "1,000,000 seeds"));
  EXPECT_TRUE(holds(message("18446744073709551615,3"), "2^53"));
  EXPECT_TRUE(holds(message("3-5:18446744073709551615"), "2^53"));
}

TEST(ParseSteps, SortsNumbersAndNamesEachOnce) {
  using Steps = std::vector<std::uint64_t>;
  EXPECT_EQ(parse_steps("0"), Steps{0});
  EXPECT_EQ(parse_steps("5000, 0,200,200"), (Steps{0, 200, 5000}));
  for (const char* text : {"", "1,", "-1", "1e3", "0-9", "18446744073709551616", "x"})
    EXPECT_THROW(parse_steps(text), ConfigError) << text;
}

TEST(ParseModes, AcceptsTheNamesOfOtherFrameworks) {
  EXPECT_EQ(parse_modes("clipvalue,global_clipnorm,clipnorm,clip_grad_norm_,clip_grad_value_"),
            (std::vector<ClipMode>{ClipMode::kValue, ClipMode::kGlobalNorm, ClipMode::kTensorNorm,
                                   ClipMode::kGlobalNorm, ClipMode::kValue}));
}

TEST(ParseModes, SuggestsAMode) {
  EXPECT_TRUE(
      holds(message_of<ConfigError>([] { parse_modes("valu"); }),
            "unknown clipping mode \"valu\" (did you mean \"value\"?); allowed: none, value, "
            "global-norm, tensor-norm, scale"));
  EXPECT_TRUE(holds(message_of<ConfigError>([] { parse_modes("value:1"); }), "--clip"));
}

TEST(ParseModes, SuggestsTheModeForOtherFrameworksArguments) {
  for (const char* name : {"max_norm", "max-norm", "MAX_NORM", "clip_grad_norm", "grad_clip",
                           "max_grad_norm", "gradient_clip_val", "clip_by_global_norm", "norm"})
    EXPECT_TRUE(holds(message_of<ConfigError>([&] { parse_modes(name); }),
                      "(did you mean \"global-norm\"?); allowed: none, value"))
        << name;
  EXPECT_TRUE(holds(message_of<ConfigError>([] { parse_clips("max_norm:1"); }),
                    "unknown clipping mode \"max_norm\" (did you mean \"global-norm\"?)"));
  EXPECT_TRUE(holds(message_of<ConfigError>([] { parse_modes("clip_by_value"); }), "\"value\"?"));
}

TEST(ParseClips, ReadsPairs) {
  const auto rules = parse_clips("none,value:0.5,global-norm:logspace(0.1,10,3)");
  ASSERT_EQ(rules.size(), 5U);
  EXPECT_EQ(to_text(rules[0]), "none");
  EXPECT_EQ(to_text(rules[1]), "value:0.5");
  EXPECT_EQ(to_text(rules[4]), "global-norm:10");
}

TEST(ParseClips, RefusesInvalidThresholds) {
  for (const char* text : {"value", "value:", "none:1", "value:0", "value:-1", "value:nan",
                           "value:1e-50", "value:1e60", "value:-inf", ""})
    EXPECT_THROW(parse_clips(text), ConfigError) << text;
  EXPECT_NO_THROW(parse_clips("value:inf"));
}

TEST(ParseClips, AnEqualsSignIsExplained) {
  EXPECT_TRUE(
      holds(message_of<ConfigError>([] { parse_clips("none,value=0.5"); }),
            "\"value=0.5\": a mode and its threshold are joined by a colon; write value:0.5"));
}

TEST(ParseClips, AMissingThresholdIsAskedForWithAUsualOne) {
  EXPECT_TRUE(holds(message_of<ConfigError>([] { parse_clips("zclip"); }),
                    "mode zclip needs a threshold; write for example zclip:2.5"));
}

// Each part is within bounds, but all together would fill the memory.
TEST(Lists, AreBoundedInTotal) {
  const std::string half = "logspace(1,2,600000)";
  const auto message = message_of<ConfigError>([&] { parse_numbers(half + "," + half); });
  EXPECT_TRUE(holds(message, "more than 1,000,000"));
  EXPECT_THROW(parse_seeds("0-599999,0-599999"), ConfigError);
  EXPECT_THROW(parse_clips("value:" + half + ",value:" + half), ConfigError);
}

}  // namespace
}  // namespace clipsweep
