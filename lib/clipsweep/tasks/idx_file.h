// Reads one IDX file of unsigned bytes, plain or gzip. Format: http://yann.lecun.com/exdb/mnist/
// (described there as "the IDX file format").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clipsweep {

// Far above any data set of the MNIST family (its largest, EMNIST, has 640 MB).
inline constexpr std::size_t kMaxIdxBytes = std::size_t{2} << 30;

enum class Packing { kNone, kGzip };

struct IdxFile {
  std::vector<std::uint32_t> sizes;  // one per dimension
  std::vector<std::uint8_t> bytes;   // their product, row-major
};

// Parses a file that must have this number of dimensions. The header is checked against the size of
// the file before anything is allocated, and no more is unpacked than the header says. Throws
// DataError that begins with `where`.
IdxFile parse_idx(std::string_view file, Packing packing, std::size_t dimensions,
                  const std::string& where);

}  // namespace clipsweep
