// Refuses what a result folder must not contain: links, through which an untrusted folder could
// make the program read or overwrite files elsewhere, and pipes and devices, which never end. The
// result folder itself may be a link.
#pragma once

#include <string>

#include "clipsweep/io/files.h"

namespace clipsweep {

// Both throw DataError that names the first link, pipe or device and what to do. The first checks
// the files of the sweep, the second the folder of a run and all its files.
void refuse_links_of_sweep(const fs::path& folder);
void refuse_links_of_run(const fs::path& folder, const std::string& run_id);

}  // namespace clipsweep
