// Reads a text file line by line, in bounded memory.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "clipsweep/io/files.h"

namespace clipsweep {

// Reads up to `max_bytes` bytes and returns how many; 0 at the end.
using ReadBytes = std::function<std::size_t(char* to, std::size_t max_bytes)>;

enum class LineEnd {
  kBreak,    // a whole line
  kCutOff,   // the last line, without its line break: the run was killed
  kNoLine,   // no line is left
  kTooLong,  // longer than any valid line: a corrupt or hostile file
};

class LineReader {
 public:
  static constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;

  // A regular file. Throws DataError as InputFile does.
  explicit LineReader(const fs::path& path);
  // Anything else, such as a pipe.
  explicit LineReader(ReadBytes source) : source_(std::move(source)) {}

  // Reads the next line, without its line break. Of a line that is too long it gives the beginning;
  // the next call continues in the same line.
  LineEnd next(std::string& line);

 private:
  bool fill();

  ReadBytes source_;
  std::array<char, 65536> buffer_;
  std::size_t next_ = 0;
  std::size_t end_ = 0;
};

}  // namespace clipsweep
