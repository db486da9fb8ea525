#include "clipsweep/base/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace clipsweep {
namespace {

TEST(Shortest, ReadsBackToTheSameNumber) {
  EXPECT_EQ(shortest(0.1), "0.1");
  EXPECT_EQ(shortest(0.1F), "0.1");
  EXPECT_EQ(shortest(1e38), "1e+38");
  EXPECT_EQ(shortest(1.0), "1");
  EXPECT_EQ(shortest(std::numeric_limits<double>::infinity()), "inf");
  for (const double value : {1.0 / 3, 5e-324, 1.7976931348623157e308})
    EXPECT_EQ(parse_number(shortest(value)), value);
}

TEST(ParseNumber, TakesWholeTextsOnly) {
  EXPECT_EQ(parse_number("1e-3"), 0.001);
  EXPECT_EQ(parse_number("+2"), 2);
  EXPECT_TRUE(std::isnan(*parse_number("nan")));
  for (const char* text : {"", "x", "1x", "1e400", "0x10", " 1", "1,5", "--1"})
    EXPECT_FALSE(parse_number(text)) << text;
}

TEST(ParseCount, TakesDigitsOnly) {
  EXPECT_EQ(parse_count("18446744073709551615"), 18446744073709551615ULL);
  for (const char* text : {"", "-1", "+1", "1.0", "18446744073709551616", " 1"})
    EXPECT_FALSE(parse_count(text)) << text;
}

TEST(SplitList, LeavesCommasInParentheses) {
  EXPECT_EQ(split_list("1, logspace(1,10,3) ,2"),
            (std::vector<std::string>{"1", "logspace(1,10,3)", "2"}));
  EXPECT_EQ(split_list(""), std::vector<std::string>{""});
}

TEST(DidYouMean, OffersTheClosestNameOnly) {
  const std::vector<std::string> names = {"none", "value", "global-norm"};
  EXPECT_EQ(did_you_mean("vlaue", names), " (did you mean \"value\"?)");
  EXPECT_EQ(did_you_mean("global", names), " (did you mean \"global-norm\"?)");
  EXPECT_EQ(did_you_mean("quantile", names), "");
}

TEST(Counted, SeparatesThousandsAndKnowsThePlural) {
  EXPECT_EQ(counted(1, "run"), "1 run");
  EXPECT_EQ(counted(0, "run"), "0 runs");
  EXPECT_EQ(counted(1234567, "run"), "1,234,567 runs");
}

TEST(Printable, KeepsHostileInputFromTheTerminal) {
  EXPECT_EQ(printable("a\x1b[31m\n"), "a?[31m?");
  EXPECT_EQ(printable(std::string(100, 'x'), 3), "xxx...");
}

TEST(Printable, KnowsTheControlCharactersBeyondAscii) {
  EXPECT_EQ(printable("a\xc2\x9b"
                      "31mb"),
            "a?31mb");                           // U+009B begins an escape sequence too
  EXPECT_EQ(printable("\xc3\x9b"), "\xc3\x9b");  // a letter
}

TEST(Printable, DoesNotCutWithinACharacter) {
  EXPECT_EQ(printable("ab\xe2\x82\xac", 3), "ab...");
  EXPECT_EQ(printable("ab\xe2\x82\xac", 5), "ab\xe2\x82\xac");
}

TEST(RateText, HasTwoDigitsAtLeast) {
  EXPECT_EQ(rate_text(0), "0");
  EXPECT_EQ(rate_text(0.8649), "0.86");
  EXPECT_EQ(rate_text(43.21), "43.2");
  EXPECT_EQ(rate_text(12345.6), "12,345");
}

}  // namespace
}  // namespace clipsweep
