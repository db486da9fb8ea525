// Gzipped IDX files.
#include "clipsweep/tasks/idx_file.h"
#include "fuzz.h"

namespace clipsweep {

void fuzz_one(std::string_view input) {
  for (const std::size_t dimensions : {1, 3})
    refusable([&] { parse_idx(input, Packing::kGzip, dimensions, "input"); });
}

}  // namespace clipsweep
