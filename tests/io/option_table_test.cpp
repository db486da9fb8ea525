#include "clipsweep/io/option_table.h"

#include <gtest/gtest.h>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

enum class Colour { kRed, kGreen };
const char* to_text(Colour colour) { return colour == Colour::kRed ? "red" : "green"; }
Colour parse_colour(std::string_view text) {
  return parse_name("colour", text, {"red", "green"}) == "red" ? Colour::kRed : Colour::kGreen;
}

struct Paint {
  int layers = 1;
  double gloss = 0.5;
  bool wet = false;
  Colour colour = Colour::kRed;
  std::string brand = "plain";
  std::optional<std::uint64_t> year;
};

struct House {
  Paint paint;
};

TEST(OptionTable, ReadsAMemberAndWritesItAsJson) {
  const OptionEntry<Paint> rows[] = {whole("coat-layers", &Paint::layers, 1, 9, ""),
                                     option("gloss", "X", &Paint::gloss, parse_fraction, ""),
                                     toggle("wet", &Paint::wet, ""),
                                     option("colour", "NAME", &Paint::colour, parse_colour, ""),
                                     choice("brand", &Paint::brand, {"plain", "fancy"}, ""),
                                     whole("year", &Paint::year, 0, 3000, "")};
  const Json before[] = {1, 0.5, false, "red", "plain", nullptr};
  const char* const texts[] = {"3", "0.25", "true", "green", "fancy", "1999"};
  const Json after[] = {3, 0.25, true, "green", "fancy", 1999};
  Paint paint;
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    EXPECT_EQ(rows[i].value(paint), before[i]);
    rows[i].assign(paint, texts[i]);
    EXPECT_EQ(rows[i].value(paint), after[i]);
  }
}

TEST(OptionTable, AKeyIsTheFlagWithUnderscoresUnlessItIsGiven) {
  EXPECT_EQ(whole("coat-layers", &Paint::layers, 1, 9, "").key, "coat_layers");
  const auto row = whole({"coats", "layers"}, &Paint::layers, 1, 9, "");
  EXPECT_EQ(row.flag, "coats");
  EXPECT_EQ(row.key, "layers");
}

TEST(OptionTable, AChoiceListsItsNamesInTheHelp) {
  EXPECT_EQ(choice("brand", &Paint::brand, {"plain", "fancy"}, "Brand").help,
            "Brand: plain, fancy");
}

TEST(OptionTable, ARowOfAMemberWorksOnTheOuterStruct) {
  const auto row = within(&House::paint, whole("layers", &Paint::layers, 1, 9, ""));
  House house;
  row.assign(house, "4");
  EXPECT_EQ(house.paint.layers, 4);
  EXPECT_EQ(row.value(house), 4);
}

TEST(OptionTable, SaysWhatIsAllowed) {
  const auto message = [](const OptionEntry<Paint>& row, const char* text) {
    Paint paint;
    return message_of<ConfigError>([&] { row.assign(paint, text); });
  };
  EXPECT_EQ(message(whole("layers", &Paint::layers, 1, 9000, ""), "0"),
            "must be a whole number from 1 to 9,000");
  EXPECT_EQ(message(toggle("wet", &Paint::wet, ""), "yes"), "must be true or false");
  EXPECT_EQ(message(choice("brand", &Paint::brand, {"plain", "fancy"}, ""), "Fancy"),
            "unknown brand \"Fancy\" (did you mean \"fancy\"?); allowed: plain, fancy");
}

TEST(OptionTable, ASpecificOptionAppliesToItsChoices) {
  const SpecificOption<Paint, Colour> row = {whole("layers", &Paint::layers, 1, 9, ""),
                                             {Colour::kGreen}};
  EXPECT_TRUE(row.applies_to(Colour::kGreen));
  EXPECT_FALSE(row.applies_to(Colour::kRed));
  EXPECT_EQ(row.choice_names(), "green");
}

}  // namespace
}  // namespace clipsweep
