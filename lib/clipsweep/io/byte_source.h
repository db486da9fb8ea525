// The bytes of a file in memory, unpacked if it is a gzip file: they are taken piece by piece, and
// no more is unpacked than was asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clipsweep {

// Whether the bytes begin as a gzip file does (RFC 1952). Its name does not matter.
bool is_gzip(std::string_view file);

class ByteSource {
 public:
  ByteSource() = default;
  virtual ~ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  // The number of bytes that remain, and whether it is only an upper bound.
  virtual double max_left() const = 0;
  virtual bool is_bound() const = 0;
  // Returns the next `count` bytes, or fewer if there are no more.
  virtual std::vector<std::uint8_t> take(std::size_t count) = 0;
  // Throws if more bytes follow, or if the rest of the file is corrupt. A gzip file may end in
  // zeros, as on tapes.
  virtual void expect_end() = 0;
};

// Opens a file of less than 4 GiB that stays in memory as long as the source. A gzip file may have
// several members, which are unpacked one after the other. All functions throw DataError that
// begins with `where`.
std::unique_ptr<ByteSource> open_bytes(std::string_view file, const std::string& where);

}  // namespace clipsweep
