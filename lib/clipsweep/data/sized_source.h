// Bytes that are read in order, from a file or from a member of an archive, whose number is known
// before they are read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "clipsweep/io/files.h"

namespace clipsweep {

class SizedSource {
 public:
  virtual ~SizedSource() = default;

  // The number of all bytes, as the file system or the archive says.
  virtual std::uint64_t size() const = 0;
  // Reads up to `max_bytes` bytes and returns how many: fewer only at the end. Throws DataError.
  virtual std::size_t read(char* to, std::size_t max_bytes) = 0;
};

// A regular file.
class FileSource : public SizedSource {
 public:
  explicit FileSource(const fs::path& path) : file_(path) {}

  std::uint64_t size() const override { return file_.size(); }
  std::size_t read(char* to, std::size_t max_bytes) override {
    std::size_t done = 0;
    while (done < max_bytes) {
      const std::size_t count = file_.read(to + done, max_bytes - done);
      if (count == 0) break;
      done += count;
    }
    return done;
  }

 private:
  InputFile file_;
};

// Bytes in memory, which must outlive the source.
class MemorySource : public SizedSource {
 public:
  explicit MemorySource(std::string_view bytes) : size_(bytes.size()), left_(bytes) {}

  std::uint64_t size() const override { return size_; }
  std::size_t read(char* to, std::size_t max_bytes) override {
    const std::string_view taken = left_.substr(0, max_bytes);
    if (!taken.empty()) std::memcpy(to, taken.data(), taken.size());
    left_.remove_prefix(taken.size());
    return taken.size();
  }

 private:
  std::size_t size_;
  std::string_view left_;
};

}  // namespace clipsweep
