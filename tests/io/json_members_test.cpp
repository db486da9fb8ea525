#include "clipsweep/io/json_members.h"

#include "support/test_support.h"

namespace clipsweep {
namespace {

const Json& sample_members() {
  static const Json kMembers = Json::parse(
      R"({"list": [1, "NaN"], "number": 0.5, "nan": "NaN", "nothing": null, "text": "x"})");
  return kMembers;
}

template <typename Read>
std::string refusal_of(const Read& read) {
  return message_of<DataError>([&] { read(sample_members()); });
}

TEST(JsonMembers, AreRead) {
  const Json& json = sample_members();
  EXPECT_EQ(list_member(json, "list").size(), 2U);
  EXPECT_EQ(finite_member(json, "number"), 0.5);
  EXPECT_EQ(optional_number(json, "number"), 0.5);
  EXPECT_EQ(optional_number(json, "nothing"), std::nullopt);
  EXPECT_EQ(optional_finite_member(json, "number"), 0.5);
  EXPECT_EQ(optional_finite_member(json, "nothing"), std::nullopt);
  EXPECT_EQ(finite_element(json["list"][0], "list"), 1);
}

TEST(JsonMembers, NameTheKeyOfWhatTheyRefuse) {
  EXPECT_EQ(refusal_of([](const Json& json) { list_member(json, "number"); }),
            "\"number\" must be a list");
  EXPECT_EQ(refusal_of([](const Json& json) { list_member(json, "none"); }), "\"none\" is missing");
  EXPECT_EQ(refusal_of([](const Json& json) { finite_member(json, "nan"); }),
            "\"nan\" must be finite");
  EXPECT_EQ(refusal_of([](const Json& json) { optional_finite_member(json, "nan"); }),
            "\"nan\" must be finite");
  EXPECT_EQ(refusal_of([](const Json& json) { finite_element(json["list"][1], "list"); }),
            "\"list\" must have finite numbers");
  EXPECT_TRUE(holds(refusal_of([](const Json& json) { optional_number(json, "text"); }), "text"));
}

}  // namespace
}  // namespace clipsweep
