// What a result folder must not hold: links, by which a folder from somebody else would have files
// elsewhere read or overwritten, and pipes and devices, which never end. That the folder as a whole
// is reached through a link is the user's own business.
#pragma once

#include <string>

#include "clipsweep/io/files.h"

namespace clipsweep {

// Both throw DataError that names the first link, pipe or device and says what to do about it. The
// first looks at what a sweep has beside its runs, the second at a run's folder and all that is in
// it.
void refuse_links_of_sweep(const fs::path& folder);
void refuse_links_of_run(const fs::path& folder, const std::string& run_id);

}  // namespace clipsweep
