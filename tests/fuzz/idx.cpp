// IDX files, of images and of labels.
#include "clipsweep/data/image_labels.h"
#include "clipsweep/io/byte_source.h"
#include "clipsweep/tasks/image_data.h"
#include "fuzz.h"
#include "targets.h"

namespace clipsweep {

void fuzz_idx(std::string_view input) {
  refusable([&] {
    const IdxFile idx = parse_idx(input, "input");
    if (!is_gzip(input))
      must_hold(idx.bytes.size() < input.size(), "an IDX file holds less than its size");
    refusable([&] {
      const auto labels = labels_in(idx, "input");
      const auto numbers = class_numbers(labels, classes_of(labels, "input"), "input");
      must_hold(numbers.size() == idx.sizes[0], "each label is a class");
    });
    ImageSet images = images_in(idx, "input");
    const std::size_t count = images.pixels.size() + images.values.size();
    must_hold(count == idx.count(), "each number is a pixel");
    transpose_images(images);
    must_hold(images.offset(idx.sizes[0]) == count, "transposed images are as large");
  });
}

}  // namespace clipsweep
