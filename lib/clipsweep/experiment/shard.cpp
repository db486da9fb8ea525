#include "clipsweep/experiment/shard.h"

#include <fmt/format.h>

#include <cstdlib>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr std::uint64_t kMaxShards = 1'000'000;  // as many as a sweep has runs

std::uint64_t slurm_count(const char* name, const Environment& environment) {
  const char* text = environment(name);
  if (!text)
    throw ConfigError(
        fmt::format("{} is not set: slurm stands for the task of a job array (sbatch "
                    "--array=1-4); elsewhere write i/n, such as 1/4",
                    name));
  const auto value = parse_count(text);
  if (!value || *value > kMaxShards * kMaxShards)
    throw ConfigError(
        fmt::format("{} is \"{}\", not a whole number; write i/n, such as 1/4, instead of slurm",
                    name, printable(text)));
  return *value;
}

Shard shard_of_slurm(const Environment& environment) {
  constexpr const char* kStep = "SLURM_ARRAY_TASK_STEP";
  const auto id = slurm_count("SLURM_ARRAY_TASK_ID", environment);
  const auto first = slurm_count("SLURM_ARRAY_TASK_MIN", environment);
  const auto count = slurm_count("SLURM_ARRAY_TASK_COUNT", environment);
  const auto step = environment(kStep) ? slurm_count(kStep, environment) : 1;
  const bool is_in_range = step > 0 && id >= first && (id - first) % step == 0 &&
                           (id - first) / step < count && count <= kMaxShards;
  if (!is_in_range)
    throw ConfigError(
        fmt::format("task {} is not one of the {} tasks {}, {}, ... of its job array; submit a "
                    "range such as sbatch --array=1-4, or write i/n instead of slurm",
                    id, count, first, first + step));
  return {(id - first) / step + 1, count};
}

}  // namespace

std::string to_text(const Shard& shard) { return fmt::format("{}/{}", shard.index, shard.count); }

Shard parse_shard(std::string_view text, const Environment& environment) {
  if (text == "slurm") return shard_of_slurm(environment);
  const auto slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto index = parse_count(text.substr(0, slash));
    const auto count = parse_count(text.substr(slash + 1));
    if (index && count && *index >= 1 && *index <= *count && *count <= kMaxShards)
      return {*index, *count};
  }
  throw ConfigError(
      fmt::format("must be i/n, part i of n, such as 1/4, with i from 1 to n and n up to {}; or "
                  "slurm in a job array",
                  with_thousands(kMaxShards)));
}

Shard parse_shard(std::string_view text) {
  return parse_shard(text, [](const char* name) { return std::getenv(name); });
}

}  // namespace clipsweep
