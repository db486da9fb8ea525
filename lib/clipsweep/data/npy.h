// Reads and writes one array of NumPy's format .npy, versions 1.0 to 3.0, in C order, of whole
// numbers or floats in either byte order. The header is a Python literal; it is read by a small
// grammar and never evaluated. Format:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clipsweep/base/span.h"
#include "clipsweep/data/sized_source.h"

namespace clipsweep {

// The largest array that is read: 8 GiB as float32.
inline constexpr std::uint64_t kMaxArrayElements = std::uint64_t{1} << 31;

enum class NumberKind { kBool, kUnsigned, kSigned, kFloat };

struct NumberType {
  NumberKind kind = NumberKind::kUnsigned;
  int bytes = 1;
  bool big_endian = false;

  bool is_whole() const { return kind != NumberKind::kFloat; }
};

struct NpyHeader {
  NumberType type;
  std::vector<std::uint64_t> shape;
  std::uint64_t elements = 0;  // the product of the shape; at least 1
};

// `(60000, 28, 28)`, `(10,)`, as Python writes it.
std::string shape_text(const std::vector<std::uint64_t>& shape);

// Reads the header and leaves the source at the first element. The shape is checked against the
// size of the source, so that it is safe to allocate what the header says. Throws DataError that
// begins with `where`.
NpyHeader read_npy_header(SizedSource& source, const std::string& where);

// Both read the elements, row-major, after their header, and throw DataError that begins with
// `where` if the source ends early or is damaged.
//
// Numbers are rounded to the nearest float32; a float64 beyond its range becomes infinite.
std::vector<float> read_floats(SizedSource& source, const NpyHeader& header,
                               const std::string& where);
// Of a type that is_whole(). Also throws on an element above 2^63 - 1.
std::vector<std::int64_t> read_whole_numbers(SizedSource& source, const NpyHeader& header,
                                             const std::string& where);

// The bytes of an array of float32, row-major, in version 1.0 of the format.
std::string npy_bytes(const std::vector<int>& shape, Span<const float> values);

}  // namespace clipsweep
