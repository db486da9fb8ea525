// Labelled pictures from IDX files, gzipped or not, kept as bytes. The files of the MNIST family:
//
//   train-images-idx3-ubyte   train-labels-idx1-ubyte   t10k-images-idx3-ubyte
//   t10k-labels-idx1-ubyte
//
// each possibly with `.gz`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clipsweep {

struct ImageSet {
  int count = 0;
  int rows = 0;
  int columns = 0;
  std::vector<std::uint8_t> pixels;  // [count, rows, columns]
  std::vector<std::uint8_t> labels;  // [count], below kClasses

  const std::uint8_t* picture(std::size_t index) const {
    return pixels.data() + index * static_cast<std::size_t>(rows * columns);
  }
};

struct ImageData {
  static constexpr int kClasses = 10;
  ImageSet train;
  ImageSet test;
};

// What identifies the data: SHA-256 of each file as it lies on the disk, and of these four digests.
struct DataChecksum {
  std::string sha256;
  std::vector<std::pair<std::string, std::string>> files;  // name, SHA-256
};

// Both throw DataError that names the file and says what was expected: a missing, empty, truncated
// or overlong file, one that is no gzip or no IDX file, of the wrong kind or size, a label above 9,
// training and test pictures of different shapes.
DataChecksum checksum_of_data(const std::string& folder);
ImageData load_image_data(const std::string& folder);

}  // namespace clipsweep
