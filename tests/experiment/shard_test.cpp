#include "clipsweep/experiment/shard.h"

#include <gtest/gtest.h>

#include <map>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

using Variables = std::map<std::string, std::string>;

std::string parsed_shard(std::string_view text, const Variables& variables = {}) {
  return to_text(parse_shard(text, [&](const char* name) {
    const auto variable = variables.find(name);
    return variable == variables.end() ? nullptr : variable->second.c_str();
  }));
}

std::string refusal_of_shard(std::string_view text, const Variables& variables = {}) {
  return message_of<ConfigError>([&] { parsed_shard(text, variables); });
}

Variables array_task(const char* id, const char* first, const char* count) {
  return {{"SLURM_ARRAY_TASK_ID", id},
          {"SLURM_ARRAY_TASK_MIN", first},
          {"SLURM_ARRAY_TASK_COUNT", count}};
}

TEST(ParseShard, ReadsAPartOfACount) {
  EXPECT_EQ(parsed_shard("1/1"), "1/1");
  EXPECT_EQ(parsed_shard("4/4"), "4/4");
  EXPECT_EQ(parsed_shard("1000000/1000000"), "1000000/1000000");
}

TEST(ParseShard, RefusesEverythingElse) {
  for (const char* text : {"", "0/4", "5/4", "a/b", "1", "1/", "/4", "1/0", "0/0", "-1/4", "1/4/4",
                           "1 / 4", "1.0/4", "1/1000001", "99999999999999999999/4", "Slurm"})
    EXPECT_TRUE(holds(refusal_of_shard(text), "must be i/n, part i of n")) << text;
}

TEST(ParseShard, ReadsTheTaskOfAJobArray) {
  EXPECT_EQ(parsed_shard("slurm", array_task("0", "0", "4")), "1/4");
  EXPECT_EQ(parsed_shard("slurm", array_task("4", "1", "4")), "4/4");
  Variables with_step = array_task("7", "3", "4");  // --array=3-9:2
  with_step["SLURM_ARRAY_TASK_STEP"] = "2";
  EXPECT_EQ(parsed_shard("slurm", with_step), "3/4");
}

TEST(ParseShard, RefusesSlurmOutsideAJobArray) {
  EXPECT_TRUE(holds(refusal_of_shard("slurm"), "SLURM_ARRAY_TASK_ID is not set"));
  Variables incomplete = array_task("1", "1", "4");
  incomplete.erase("SLURM_ARRAY_TASK_COUNT");
  EXPECT_TRUE(holds(refusal_of_shard("slurm", incomplete), "SLURM_ARRAY_TASK_COUNT is not set"));
  EXPECT_TRUE(holds(refusal_of_shard("slurm", array_task("one", "1", "4")), "is \"one\""));
}

TEST(ParseShard, RefusesJobArraysThatAreNotARange) {
  for (const auto& variables : {array_task("7", "1", "3"),  // --array=1,3,7
                                array_task("1", "2", "4"), array_task("1", "1", "0")})
    EXPECT_TRUE(holds(refusal_of_shard("slurm", variables), "submit a range"));
  Variables off_step = array_task("4", "3", "4");
  off_step["SLURM_ARRAY_TASK_STEP"] = "2";
  EXPECT_TRUE(holds(refusal_of_shard("slurm", off_step), "submit a range"));
  off_step["SLURM_ARRAY_TASK_STEP"] = "0";
  EXPECT_TRUE(holds(refusal_of_shard("slurm", off_step), "submit a range"));
}

}  // namespace
}  // namespace clipsweep
