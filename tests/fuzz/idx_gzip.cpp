// Gzipped IDX files.
#include "clipsweep/data/idx_file.h"
#include "fuzz.h"
#include "targets.h"

namespace clipsweep {

void fuzz_idx_gzip(std::string_view input) {
  refusable([&] { parse_idx(input, "input"); });
}

}  // namespace clipsweep
