// Copies the finished runs of several result folders into one. Sources are only read, and what they
// hold is untrusted: nothing is copied that does not match the hashes in its run.json.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "clipsweep/records/result_folder.h"

namespace clipsweep {

// The same run with other bytes in two folders, by their run.json.
struct ConflictingRun {
  std::string kept;
  std::string other;
  std::string difference;  // the first member of run.json that differs
};

struct MergeReport {
  SweepFolder sweep;                    // the merged folder
  std::size_t already_there = 0;        // runs that had finished in it
  std::vector<std::size_t> taken;       // from each source
  std::vector<std::string> unfinished;  // IDs; neither completed nor diverged in any folder
  std::vector<ConflictingRun> conflicts;
  std::vector<std::string> damaged;  // what is wrong with runs that were not taken, and where
};

// Makes `out` a folder with the runs of all sources and, if it holds the same sweep already, its
// own. Takes completed and diverged runs; failed ones where no folder has a better outcome. The
// others are left out, with their checkpoints: in `out` they start from the beginning. The first
// folder that has a run decides, `out` before the sources. A kill at any moment leaves a folder
// that the same call completes.
//
// Throws ConfigError if `out` holds something else or the sources are not of one sweep
// (merged_sweep_json), StorageError if it cannot write or another process is training in `out` a
// run that is to be copied.
MergeReport merge_folders(const std::vector<SweepFolder>& sources, const fs::path& out);

}  // namespace clipsweep
