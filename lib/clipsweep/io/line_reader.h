// Reads a text file line by line, in bounded memory.
#pragma once

#include <array>
#include <string>

#include "clipsweep/io/files.h"

namespace clipsweep {

enum class LineEnd {
  kBreak,    // a whole line
  kCutOff,   // the last line, without its line break: the run was killed
  kNoLine,   // no line is left
  kTooLong,  // longer than any valid line: a corrupt or hostile file
};

class LineReader {
 public:
  static constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;

  // Throws DataError as InputFile does.
  explicit LineReader(const fs::path& path) : file_(path) {}

  // Reads the next line, without its line break.
  LineEnd next(std::string& line);

 private:
  bool fill();

  InputFile file_;
  std::array<char, 65536> buffer_;
  std::size_t next_ = 0;
  std::size_t end_ = 0;
};

}  // namespace clipsweep
