// Gzipped IDX files.
#include "clipsweep/data/idx_file.h"
#include "fuzz.h"

namespace clipsweep {

void fuzz_one(std::string_view input) {
  refusable([&] { parse_idx(input, "input"); });
}

}  // namespace clipsweep
