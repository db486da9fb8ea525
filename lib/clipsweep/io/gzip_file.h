// Gzip files of one member (RFC 1952), read and written piece by piece, by zlib. What is in memory
// does not grow with the file, nor with what it unpacks to.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "clipsweep/io/files.h"

namespace clipsweep {

// Packs bytes in pieces. The same bytes give the same file: it has no name and no time.
class GzipPacker {
 public:
  GzipPacker();
  ~GzipPacker();
  GzipPacker(const GzipPacker&) = delete;
  GzipPacker& operator=(const GzipPacker&) = delete;

  // Both return the next bytes of the file, which may be none. After `finish` nothing may follow.
  std::string_view add(std::string_view bytes);
  std::string_view finish();

 private:
  struct Stream;
  std::string_view packed(std::string_view bytes, int flush);

  std::unique_ptr<Stream> stream_;
  std::string packed_;
};

// A gzip file, open for reading. All functions throw DataError "FILE: ..." if it is not one, is
// truncated or corrupt, or if bytes follow its member.
class GzipFile {
 public:
  explicit GzipFile(const fs::path& path);
  ~GzipFile();
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  // Unpacks up to `max_bytes` bytes and returns how many; 0 at the end.
  std::size_t read(char* to, std::size_t max_bytes);
  // After the end: whether what is around the packed bytes is what GzipPacker writes, which has no
  // effect on what they unpack to: the header, and the bits that are left in the last byte.
  bool has_usual_form() const;

 private:
  struct Stream;
  bool fill();
  void expect_end();
  [[noreturn]] void fail(const char* what) const;

  fs::path path_;
  InputFile file_;
  std::unique_ptr<Stream> stream_;
  std::size_t left_;    // of the file, in bytes
  std::string packed_;  // one byte before it, then a piece of the file
  bool is_at_end_ = false;
  bool has_usual_header_ = false;
  bool has_usual_last_byte_ = false;
};

}  // namespace clipsweep
