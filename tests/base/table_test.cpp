#include "clipsweep/base/table.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "clipsweep/base/text_style.h"

namespace clipsweep {
namespace {

TEST(Table, AlignsNumbersRightAndTextLeft) {
  Table table({{"arm", Align::kLeft}, {"loss"}});
  table.add_row({"none", "12.345"});
  table.add_row({"value-0.5", "0.1"});
  EXPECT_EQ(table.text(),
            "arm          loss\n"
            "none       12.345\n"
            "value-0.5     0.1\n");
}

TEST(Table, PrintsAMissingValueAsADash) {
  Table table({{"a"}, {"b"}});
  table.add_row({"", "0"});
  EXPECT_EQ(table.text(), "a  b\n-  0\n");
}

TEST(Table, HasNoBlanksAtTheEndOfALine) {
  Table table({{"name", Align::kLeft}, {"note", Align::kLeft}});
  table.add_row({"a", "a long note"});
  table.add_row({"b", "x"});
  EXPECT_EQ(table.text(), "name  note\na     a long note\nb     x\n");
}

TEST(Table, PutsTheLastHeaderLineAboveTheRows) {
  Table table({{"arm", Align::kLeft}, {"test\nloss"}});
  table.add_row({"none", "1.5"});
  EXPECT_EQ(table.text(), "      test\narm   loss\nnone   1.5\n");
}

TEST(Table, PrintsHeadingsAcrossTheColumns) {
  Table table({{"arm", Align::kLeft}, {"x"}});
  table.add_heading("rnn-relu:identity");
  table.add_row({"  none", "1"});
  EXPECT_EQ(table.text(), "arm     x\nrnn-relu:identity\n  none  1\n");
  EXPECT_EQ(table.width(), 9U);
}

TEST(Table, WithoutRowsIsItsHeader) { EXPECT_EQ(Table({{"a"}, {"b"}}).text(), "a  b\n"); }

TEST(Table, AlignsByTerminalCells) {
  Table table({{"mean"}, {"x"}});
  table.add_row({"67.5 ± 5.4", "1"});
  table.add_row({"1", "2"});
  EXPECT_EQ(table.text(), "      mean  x\n67.5 ± 5.4  1\n         1  2\n");
}

TEST(Table, AlignsColouredCellsAsIfTheyWerePlain) {
  const TextStyle coloured{80, true};
  Table table({{"n"}, {"verdict", Align::kLeft}, {"p"}});
  table.add_row({toned("7", Tone::kBad, coloured), toned("better", Tone::kGood, coloured), "1"});
  table.add_row({"12", "worse than", "2"});
  EXPECT_EQ(table.width(), 17U);
  EXPECT_EQ(table.text(),
            " n  verdict     p\n"
            " \x1b[31m7\x1b[0m  \x1b[32mbetter\x1b[0m      1\n"
            "12  worse than  2\n");
}

TEST(Toned, LeavesTheTextPlainWithoutColours) {
  EXPECT_EQ(toned("better", Tone::kGood, {}), "better");
  EXPECT_EQ(toned("better", Tone::kPlain, {80, true}), "better");
  EXPECT_EQ(toned("", Tone::kBad, {80, true}), "");
}

TEST(ShownText, HasNoControlsButTheColoursOfItsStyle) {
  const TextStyle coloured{80, true};
  const std::string text = toned("a\x1b[2J\u202e", Tone::kBad, coloured) + "\n\x1b[0m\x1b";
  EXPECT_EQ(shown_text(text, coloured), "\x1b[31ma?[2J?\x1b[0m\n\x1b[0m?");
  EXPECT_EQ(shown_text(text, {}), "?[31ma?[2J??[0m\n?[0m?");
}

TEST(Table, RefusesARowOfAnotherLength) {
  EXPECT_THROW(Table({{"a"}, {"b"}}).add_row({"1"}), std::logic_error);
}

TEST(DisplayWidth, CountsTerminalCellsNotBytes) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("±"), 1U);
  EXPECT_EQ(display_width("データ"), 6U);      // East Asian wide: two cells each
  EXPECT_EQ(display_width("e\u0301"), 1U);     // e and a combining acute accent
  EXPECT_EQ(display_width("\U0001F600"), 2U);  // an emoji
}

TEST(DisplayWidth, SkipsColoursButNoOtherEscapes) {
  EXPECT_EQ(display_width("\x1b[1;31mab\x1b[0m"), 2U);
  EXPECT_EQ(display_width("\x1b[31"), 4U);   // cut off
  EXPECT_EQ(display_width("\x1b[2Ja"), 5U);  // clears the screen
}

TEST(DisplayWidth, CountsAnInvalidByteAsOne) {
  EXPECT_EQ(display_width("a\xff"
                          "b"),
            3U);
  EXPECT_EQ(display_width("\xe3\x83"), 2U);  // a wide character, cut off
}

}  // namespace
}  // namespace clipsweep
