#include "clipsweep/experiment/sweep_file.h"

#include <gtest/gtest.h>

#include <string>

#include "clipsweep/base/error.h"
#include "clipsweep/experiment/config_resolution.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

std::string refusal_of_sweep(const std::string& text) {
  return message_of<ConfigError>([&] { parse_sweep_text(text, "s.toml"); });
}

std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

// Each dot makes a table, destroyed by recursion: 100,000 overflowed the stack.
TEST(HostileSweepFile, RefusesKeysWithManyDots) {
  const std::string dots = repeated("a.", 100'000) + "a";
  EXPECT_TRUE(holds(refusal_of_sweep("epochs = 1\n" + dots + " = 1\n"),
                    "s.toml:2: not valid: more than 32"));
  EXPECT_TRUE(holds(refusal_of_sweep("[" + dots + "]\n"), "s.toml:1: not valid"));
  EXPECT_TRUE(
      holds(refusal_of_sweep("[" + repeated("\"a\" . ", 100'000) + "a]\n"), "s.toml:1: not valid"));
}

TEST(HostileSweepFile, RefusesDeepNesting) {
  EXPECT_TRUE(holds(refusal_of_sweep("a = " + repeated("[", 100'000)), "s.toml:1:"));
  EXPECT_TRUE(holds(refusal_of_sweep("a = " + repeated("{a=", 100'000)), "s.toml:1:"));
  const std::string key = repeated("a.", 32) + "a = {b = 1, ";
  EXPECT_TRUE(holds(refusal_of_sweep(repeated(key, 10'000)), "s.toml:1:"));
}

TEST(HostileSweepFile, AcceptsNumbersAndPathsWithDots) {
  const auto given = parse_sweep_text(
      "# ........................................ and so on ....................................\n"
      "learning_rate = [" +
          repeated("0.5, ", 100) + "0.1]\ndata = '" + repeated("../", 20) + "'\n",
      "s.toml");
  EXPECT_EQ(given.size(), 2U);
}

TEST(HostileSweepFile, RefusesANulInAPath) {
  const auto given = parse_sweep_text(R"(data = "/tmp\u0000/x")", "s.toml");
  EXPECT_TRUE(holds(message_of<ConfigError>([&] { resolve_config(given, {}); }), "NUL"));
}

// Crossing them would fill the memory before they are counted.
TEST(HostileSweepFile, CountsThresholdsBeforeTheyAreCrossed) {
  const auto given = parse_sweep_text(
      "mode = 'value'\nthreshold = 'logspace(1,2,2000)'\noutput_threshold = 'logspace(1,2,2000)'\n",
      "s.toml");
  EXPECT_TRUE(holds(message_of<ConfigError>([&] { resolve_config(given, {}); }),
                    "more than 1,000,000 pairs"));
}

}  // namespace
}  // namespace clipsweep
