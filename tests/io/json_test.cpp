#include "clipsweep/io/json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "clipsweep/base/error.h"
#include "support/special_values.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

TEST(JsonNumber, SpellsNonfiniteNumbersAsStrings) {
  EXPECT_EQ(to_line({json_number(kNotANumber), json_number(kInfinity), json_number(-kInfinity)}),
            R"(["NaN","Infinity","-Infinity"])");
}

TEST(JsonNumber, IsTheShortestTextThatReadsBack) {
  EXPECT_EQ(to_line(json_number(0.1F)), "0.1");
  EXPECT_EQ(to_line(json_number(16777217.0)), "16777217");
  EXPECT_EQ(to_line(json_number(-2.0)), "-2");
  for (const float value : {1.1754944e-38F, 3.4028235e38F, 0.3F, 1e-45F, 123456.79F})
    EXPECT_EQ(static_cast<float>(Json::parse(to_line(json_number(value))).get<double>()), value);
}

TEST(AppendNumber, WritesWhatJsonNumberWrites) {
  const std::vector<double> values{0.0,  1.0,           -3.0,        0.1,       1e-5,
                                   1e20, 123456789.125, kNotANumber, kInfinity, -kInfinity};
  for (const double value : values) {
    std::string text;
    append_number(text, value);
    EXPECT_EQ(Json::parse(text), Json::parse(to_line(json_number(value)))) << value;
  }
}

TEST(ReadNumber, AcceptsOnlyTheThreeStrings) {
  EXPECT_TRUE(std::isnan(read_number("NaN", "x")));
  EXPECT_EQ(read_number("-Infinity", "x"), -kInfinity);
  EXPECT_TRUE(holds(message_of<DataError>([] { read_number("nan", "loss"); }), "\"loss\" must be"));
  EXPECT_TRUE(holds(message_of<DataError>([] { read_number(nullptr, "loss"); }), "not null"));
}

TEST(ParseJson, RefusesTextThatIsNotStrictJson) {
  for (const char* text :
       {"", "NaN", "{\"a\":Infinity}", "{\"a\":1}x", "{'a':1}", "[1,]", "{\"a\":01}"})
    EXPECT_TRUE(holds(message_of<DataError>([&] { parse_json(text, "f:3"); }), "f:3: ")) << text;
}

TEST(ParseJson, BoundsTheNesting) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_TRUE(
      holds(message_of<DataError>([&] { parse_json(deep, "f"); }), "nested deeper than 32"));
}

// Each key is compared with all keys before it: a million keys would take hours.
TEST(ParseJson, BoundsTheKeysOfAnObject) {
  std::string text = "{";
  for (int i = 0; i < 5000; ++i) text += "\"" + std::to_string(i) + "\":0,";
  text.back() = '}';
  const auto message = message_of<DataError>([&] { parse_json(text, "f"); });
  EXPECT_TRUE(holds(message, "f: an object of more than 4,096 keys"));
  // Each object by itself.
  std::string many = "[";
  for (int i = 0; i < 5000; ++i) many += R"({"a":{"b":0},"c":0},)";
  many.back() = ']';
  EXPECT_EQ(parse_json(many, "f").size(), 5000U);
}

TEST(ParseJson, RefusesTextAfterANul) {
  const std::string text("[1]\0[2]", 7);
  EXPECT_TRUE(
      holds(message_of<DataError>([&] { parse_json(text, "f"); }), "f: not valid JSON: a NUL"));
  EXPECT_EQ(syntax_error_position(text), 3U);
}

TEST(ParseJson, LocatesWhereATextStopsBeingJson) {
  EXPECT_EQ(syntax_error_position("[1, x]"), 5U);
  EXPECT_EQ(syntax_error_position("[1, 2]"), std::nullopt);
  EXPECT_EQ(syntax_error_position("[1e400]"), std::nullopt);
  EXPECT_EQ(syntax_error_position(std::string(1000, '[')), std::nullopt);
}

TEST(Member, NamesTheKeyThatIsMissingOrWrong) {
  const Json object = {{"step", -1}, {"name", 3}};
  EXPECT_TRUE(holds(message_of<DataError>([&] { member(object, "loss"); }), "\"loss\" is missing"));
  EXPECT_TRUE(holds(message_of<DataError>([&] { count_member(object, "step"); }), "whole number"));
  EXPECT_TRUE(holds(message_of<DataError>([&] { string_member(object, "name"); }), "a string"));
}

}  // namespace
}  // namespace clipsweep
