// The part of a sweep that a process trains: `--shard 2/4` is the second of four. sweep_parts.h
// says which runs that are.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace clipsweep {

struct Shard {
  std::uint64_t index = 1;  // from 1
  std::uint64_t count = 1;
};

// `2/4`
std::string to_text(const Shard& shard);

// The value of an environment variable; nullptr if it is not set.
using Environment = std::function<const char*(const char* name)>;

// Reads `2/4`. `slurm` is the part of a task in a job array of Slurm: task 5 of `--array=3-9:2` is
// the second of four. Throws ConfigError that says what is allowed.
Shard parse_shard(std::string_view text, const Environment& environment);
Shard parse_shard(std::string_view text);  // with the environment of the process

}  // namespace clipsweep
