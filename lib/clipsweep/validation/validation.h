// A result folder against its schemas and against itself: does every number that is told twice
// agree, and does what was computed follow from what was logged.
#pragma once

#include <cstdint>
#include <vector>

#include "clipsweep/io/files.h"
#include "clipsweep/validation/problems.h"

namespace clipsweep {

struct Validation {
  std::vector<Problem> problems;
  std::uint64_t runs = 0;        // of the plan
  std::uint64_t unfinished = 0;  // no run.json yet, which is no problem
  std::uint64_t steps = 0;       // lines of all logs
  // Runs have ended since runs.csv and summary.json were written, and others have not: no problem.
  bool results_are_older = false;
};

// Throws ConfigError if the folder is missing or holds no sweep.
Validation validate_folder(const fs::path& folder);

}  // namespace clipsweep
