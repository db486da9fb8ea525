// One IDX file of unsigned bytes, gzipped or not. Format: http://yann.lecun.com/exdb/mnist/
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
  std::vector<std::uint32_t> sizes;  // one a dimension
  std::vector<std::uint8_t> bytes;   // their product, row-major
};

// Takes a file apart that is to have so many dimensions. The header is believed only as far as the
// file can hold what it promises: nothing is allocated before, and nothing unpacked beyond that.
// Throws DataError that begins with `where`.
IdxFile parse_idx(std::string_view file, Packing packing, std::size_t dimensions,
                  const std::string& where);

}  // namespace clipsweep
