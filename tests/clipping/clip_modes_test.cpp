#include "clipsweep/clipping/clip_modes.h"

#include <gtest/gtest.h>

#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  return {std::istream_iterator<std::string>(stream), {}};
}

TEST(ClipModes, EveryNameAndAliasIsParsedAndUnique) {
  std::set<std::string> seen;
  for (const auto& entry : clip_modes()) {
    auto names = words_of(entry.aliases);
    names.emplace_back(entry.name);
    for (const auto& name : names) {
      EXPECT_EQ(parse_clip_mode(name), entry.mode) << name;
      EXPECT_TRUE(seen.insert(name).second) << name;
    }
  }
}

TEST(ClipModes, EveryLookalikeIsRefusedWithASuggestion) {
  std::set<std::string> seen;
  for (const auto& entry : clip_modes())
    for (const auto& name : words_of(entry.lookalikes)) {
      EXPECT_TRUE(seen.insert(name).second) << name;
      EXPECT_TRUE(holds(message_of<ConfigError>([&] { parse_clip_mode(name); }),
                        "(did you mean \"" + std::string(entry.name) + "\"?)"));
    }
}

TEST(ClipModes, EveryExampleIsAValidThreshold) {
  for (const auto& entry : clip_modes()) {
    if (!entry.takes_threshold()) continue;
    EXPECT_NO_THROW(check_threshold(entry.mode, entry.example)) << entry.name;
  }
}

TEST(ClipModes, NamesTheModesThatTakeAnOutputThreshold) {
  EXPECT_EQ(output_threshold_modes(), "value, global-norm, tensor-norm");
}

}  // namespace
}  // namespace clipsweep
