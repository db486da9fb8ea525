// Labelled images from a folder with four IDX files, as those of the MNIST family, and what
// identifies them. idx_folder.h has the names and layouts.
#pragma once

#include <string>

#include "clipsweep/io/data_checksum.h"
#include "clipsweep/tasks/image_data.h"

namespace clipsweep {

struct ImageFolder {
  ImageData images;
  DataChecksum checksum;
};

// All throw DataError that names the file and says what was expected, for a file that is missing,
// empty, truncated or too long, is not an IDX file, has numbers or sizes of another kind, or is
// there twice with different content; for test labels that the training set lacks; and for training
// and test images of different shapes or types.
ImageFolder read_image_folder(const std::string& folder);
ImageData load_image_data(const std::string& folder);
// Unpacks the images only if the checksum depends on it.
DataChecksum checksum_of_data(const std::string& folder);

}  // namespace clipsweep
