// IDX files, of images and of labels.
#include "clipsweep/tasks/idx_file.h"
#include "fuzz.h"

namespace clipsweep {

void fuzz_one(std::string_view input) {
  for (const std::size_t dimensions : {1, 3})
    refusable([&] {
      const IdxFile idx = parse_idx(input, Packing::kNone, dimensions, "input");
      must_hold(idx.bytes.size() < input.size(), "an IDX file holds less than its size");
    });
}

}  // namespace clipsweep
