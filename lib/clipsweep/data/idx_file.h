// Reads one IDX file: an array of numbers, plain or gzip. Format: http://yann.lecun.com/exdb/mnist/
// (described there as "the IDX file format"). What the numbers mean is not known here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clipsweep {

// Far above any data set of the MNIST family (its largest, EMNIST, has 640 MB).
inline constexpr std::size_t kMaxIdxBytes = std::size_t{2} << 30;

// The values are the third byte of the file.
enum class IdxType : std::uint8_t {
  kUint8 = 0x08,
  kInt8 = 0x09,
  kInt16 = 0x0b,
  kInt32 = 0x0c,
  kFloat32 = 0x0d,
  kFloat64 = 0x0e
};

// `uint8`, `int8`, `int16`, `int32`, `float32`, `float64`
const char* to_text(IdxType type);
bool is_whole_number(IdxType type);

struct IdxFile {
  IdxType type = IdxType::kUint8;
  std::vector<std::uint32_t> sizes;  // one per dimension, none is 0
  std::vector<std::uint8_t> bytes;   // the numbers, row-major, the highest byte of each first

  // The number of numbers.
  std::size_t count() const;
};

// `uint8 [60000, 28, 28]`
std::string description(const IdxFile& idx);

// Parses a file of any type and up to 8 dimensions, plain or gzip as its content says. The header
// is checked against the size of the file before anything is allocated, and no more is unpacked
// than the header says. Throws DataError that begins with `where` and says what the file is if it
// is something else: a web page, little-endian, another format.
IdxFile parse_idx(std::string_view file, const std::string& where);

// SHA-256 of the file, unpacked.
std::string sha256_of_unpacked(const IdxFile& idx);

// The numbers of a file of whole numbers, from `first` on every `stride`-th one.
std::vector<std::int32_t> whole_numbers(const IdxFile& idx, std::size_t first = 0,
                                        std::size_t stride = 1);
// All numbers, rounded to float32.
std::vector<float> as_floats(const IdxFile& idx);

}  // namespace clipsweep
