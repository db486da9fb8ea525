// Labelled images from IDX files (plain or gzip), kept as bytes. The files of the MNIST family:
//
//   train-images-idx3-ubyte   train-labels-idx1-ubyte   t10k-images-idx3-ubyte
//   t10k-labels-idx1-ubyte
//
// each with or without `.gz`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clipsweep/io/data_checksum.h"

namespace clipsweep {

struct ImageSet {
  int count = 0;
  int rows = 0;
  int columns = 0;
  std::vector<std::uint8_t> pixels;  // [count, rows, columns]
  std::vector<std::uint8_t> labels;  // [count], below kClasses

  const std::uint8_t* image(std::size_t index) const {
    return pixels.data() + index * static_cast<std::size_t>(rows * columns);
  }
};

struct ImageData {
  static constexpr int kClasses = 10;
  ImageSet train;
  ImageSet test;
};

// Both throw DataError that names the file and says what was expected, for a file that is missing,
// empty, truncated or too long, is not a gzip or IDX file, has the wrong kind or size, or has a
// label above 9, and for training and test images of different shapes.
DataChecksum checksum_of_data(const std::string& folder);
ImageData load_image_data(const std::string& folder);

}  // namespace clipsweep
