// A result folder against its schemas and against itself: whether every number that is recorded
// twice agrees, and whether the results follow from the logs.
#pragma once

#include <cstdint>
#include <vector>

#include "clipsweep/io/files.h"
#include "clipsweep/validation/problems.h"

namespace clipsweep {

struct Validation {
  std::vector<Problem> problems;
  std::uint64_t runs = 0;        // of the plan
  std::uint64_t unfinished = 0;  // no run.json yet; not a problem
  std::uint64_t steps = 0;       // lines of all step logs
  // runs.csv and summary.json are older than the latest run.json of an unfinished sweep; not a
  // problem.
  bool results_are_older = false;
};

// Throws ConfigError if the folder is missing or holds no sweep.
Validation validate_folder(const fs::path& folder);

}  // namespace clipsweep
