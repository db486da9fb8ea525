#include "clipsweep/base/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

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

TEST(ParseNumber, AcceptsOnlyWholeTexts) {
  EXPECT_EQ(parse_number("1e-3"), 0.001);
  EXPECT_EQ(parse_number("+2"), 2);
  EXPECT_TRUE(std::isnan(*parse_number("nan")));
  for (const char* text : {"", "x", "1x", "1e400", "0x10", " 1", "1,5", "--1"})
    EXPECT_FALSE(parse_number(text)) << text;
}

TEST(ParseCount, AcceptsOnlyDigits) {
  EXPECT_EQ(parse_count("18446744073709551615"), 18446744073709551615ULL);
  for (const char* text : {"", "-1", "+1", "1.0", "18446744073709551616", " 1"})
    EXPECT_FALSE(parse_count(text)) << text;
}

TEST(SplitList, KeepsCommasInParentheses) {
  EXPECT_EQ(split_list("1, logspace(1,10,3) ,2"),
            (std::vector<std::string>{"1", "logspace(1,10,3)", "2"}));
  EXPECT_EQ(split_list(""), std::vector<std::string>{""});
}

TEST(DidYouMean, SuggestsOnlyTheClosestName) {
  const std::vector<std::string> names = {"none", "value", "global-norm"};
  EXPECT_EQ(did_you_mean("vlaue", names), " (did you mean \"value\"?)");
  EXPECT_EQ(did_you_mean("global", names), " (did you mean \"global-norm\"?)");
  EXPECT_EQ(did_you_mean("quantile", names), "");
}

TEST(DidYouMean, IgnoresCaseAndFindsAWordOfAName) {
  EXPECT_EQ(did_you_mean("LSTM", {"gru", "lstm"}), " (did you mean \"lstm\"?)");
  EXPECT_EQ(did_you_mean("mnist", {"adding", "fashion-mnist", "fashion-mnist-pixels"}),
            " (did you mean \"fashion-mnist\"?)");
  EXPECT_EQ(did_you_mean("pixels", {"fashion-mnist", "fashion-mnist-pixels"}),
            " (did you mean \"fashion-mnist-pixels\"?)");
  EXPECT_EQ(did_you_mean("nist", {"fashion-mnist"}), "");  // not a whole word
}

TEST(ThrowUnknown, NamesWhatCameTheSuggestionAndWhatIsAllowed) {
  const auto message = [](std::string_view hint) {
    return message_of<ConfigError>([&] { throw_unknown("cell", "lsmt", {"lstm", "gru"}, hint); });
  };
  EXPECT_EQ(message(""), "unknown cell \"lsmt\" (did you mean \"lstm\"?); allowed: lstm, gru");
  EXPECT_EQ(message("write lstm"), "unknown cell \"lsmt\" (write lstm); allowed: lstm, gru");
}

TEST(Counted, SeparatesThousandsAndFormsThePlural) {
  EXPECT_EQ(counted(1, "run"), "1 run");
  EXPECT_EQ(counted(0, "run"), "0 runs");
  EXPECT_EQ(counted(1234567, "run"), "1,234,567 runs");
}

TEST(Printable, ReplacesControlCharactersAndCutsTheText) {
  EXPECT_EQ(printable("a\x1b[31m\n"), "a?[31m?");
  EXPECT_EQ(printable(std::string(100, 'x'), 3), "xxx...");
}

TEST(Printable, ReplacesControlCharactersBeyondAscii) {
  EXPECT_EQ(printable("a\xc2\x9b"
                      "31mb"),
            "a?31mb");                           // U+009B begins an escape sequence too
  EXPECT_EQ(printable("\xc3\x9b"), "\xc3\x9b");  // a letter
}

TEST(Printable, ReplacesDirectionMarksAndBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("a\u202eb\u2066c\u200fd\u061ce\ufefff\u2028g"), "a?b?c?d?e?f?g");
  EXPECT_EQ(printable("\xff\x9b\xc2"), "???");
  EXPECT_EQ(printable("\xe0\x82\x9b"), "?");  // U+009B, overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "?");  // a lone surrogate
  EXPECT_EQ(printable("e\u0301 \u20ac \U0001f600"), "e\u0301 \u20ac \U0001f600");
}

TEST(LinesWithoutControls, KeepLineBreaks) {
  EXPECT_EQ(lines_without_controls("a\n\tb\r\n"), "a\n?b?\n");
}

TEST(JsonWithoutControls, IsTheSameJson) {
  EXPECT_EQ(json_without_controls("{\"a\u202e\": \"\x7f\u0085\"}\n"),
            "{\"a\\u202e\": \"\\u007f\\u0085\"}\n");
}

TEST(Printable, DoesNotCutWithinACharacter) {
  EXPECT_EQ(printable("ab\xe2\x82\xac", 3), "ab...");
  EXPECT_EQ(printable("ab\xe2\x82\xac", 5), "ab\xe2\x82\xac");
}

TEST(RateText, HasAtLeastTwoDigits) {
  EXPECT_EQ(rate_text(0), "0");
  EXPECT_EQ(rate_text(0.8649), "0.86");
  EXPECT_EQ(rate_text(43.21), "43.2");
  EXPECT_EQ(rate_text(12345.6), "12,345");
}

TEST(JoinFirst, SaysHowManyNamesItLeavesOut) {
  EXPECT_EQ(join_first({}), "");
  EXPECT_EQ(join_first({"a", "b", "c"}), "a, b, c");
  EXPECT_EQ(join_first({"a", "b", "c", "d"}), "a, b, c and 1 more");
  EXPECT_EQ(join_first(std::vector<std::string>(1234, "a"), 1), "a and 1,233 more");
}

TEST(Wrapped, KeepsANumberAndItsPercentSignTogether) {
  EXPECT_EQ(wrapped("reaches 67.2 % late", 14), "reaches 67.2 %\nlate\n");
  EXPECT_EQ(wrapped("reaches 67.2 % late", 13), "reaches\n67.2 % late\n");
  EXPECT_EQ(wrapped("of 49.1 %.", 8), "of\n49.1 %.\n");
  EXPECT_EQ(wrapped("all 5 %", 80), "all 5 %\n");
  EXPECT_EQ(wrapped("% a % b", 1), "%\na %\nb\n");
}

TEST(ShellWord, QuotesWhatTheShellWouldSplitOrExpand) {
  EXPECT_EQ(shell_word("out/first"), "out/first");
  EXPECT_EQ(shell_word("my sweep"), "'my sweep'");
  EXPECT_EQ(shell_word("it's $HOME"), "'it'\\''s $HOME'");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(BytesText, HasTheUnitThatFits) {
  EXPECT_EQ(bytes_text(0), "0 kB");
  EXPECT_EQ(bytes_text(12345), "12 kB");
  EXPECT_EQ(bytes_text(3.4e8), "340 MB");
  EXPECT_EQ(bytes_text(1.25e9), "1.2 GB");
  EXPECT_EQ(bytes_text(1.5e15), "1,500 TB");
}

}  // namespace
}  // namespace clipsweep
