// One run of a result folder: its run.json and its logs against their schemas, the plan and each
// other.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "clipsweep/records/result_folder.h"
#include "clipsweep/validation/problems.h"

namespace clipsweep {

struct CheckedRun {
  std::optional<RunRecord> record;  // nothing if the run is unfinished or its run.json is corrupt
  bool damaged = false;             // run.json is corrupt
  std::uint64_t steps = 0;          // in its log
};

// Adds what is wrong with the run's files to `problems`.
CheckedRun check_run(const SweepFolder& sweep, const RunSpec& run, std::vector<Problem>& problems);

// Reads a JSON file and checks it against the schema of this kind. Nothing, and a problem, if it
// cannot be read, is malformed or violates the schema.
std::optional<Json> read_checked_json(const char* kind, FileProblems& problems);

}  // namespace clipsweep
