// One run of a result folder: run.json against its schema, the plan and its own step log.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "clipsweep/records/result_folder.h"
#include "clipsweep/validation/problems.h"

namespace clipsweep {

struct CheckedRun {
  std::optional<RunRecord> record;  // nothing if the run is unfinished or its run.json damaged
  bool damaged = false;             // there is a run.json, but no record can be read from it
  std::uint64_t steps = 0;          // in its log
};

// Adds what is wrong with the run's files to `problems`.
CheckedRun check_run(const SweepFolder& sweep, const RunSpec& run, std::vector<Problem>& problems);

// Reads one JSON file and checks it against the schema of this kind. Nothing if it is malformed,
// not as its schema asks, or cannot be read, which `problems` then says.
std::optional<Json> read_checked_json(const char* kind, FileProblems& problems);

}  // namespace clipsweep
