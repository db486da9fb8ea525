// The lines of a log from anybody's program: counted, checked to be text, and told apart by the
// first of them. The log may be a pipe, so it is read once and never rewound.
#pragma once

#include <cstddef>
#include <string>

#include "clipsweep/io/line_reader.h"

namespace clipsweep {

class LogLines {
 public:
  // `where` names the log in messages.
  LogLines(ReadBytes source, std::string where);

  // The first line that is neither blank nor a comment (`# ...`), or the beginning of it if it is
  // longer than LineReader allows; empty if there is none. `next` and `rest` begin with it. Throws
  // DataError if it is no text.
  const std::string& first();

  // Reads the next line, without its line break. Throws DataError if it is too long or no text.
  bool next(std::string& line);

  // Everything that is left. Throws DataError beyond `max_bytes`.
  std::string rest(std::size_t max_bytes);

  // Whether the latest line had no line break: the last one, perhaps of a killed run.
  bool is_cut_off() const { return end_ == LineEnd::kCutOff; }

  std::size_t number() const { return number_; }  // of the latest line, from 1
  std::string place() const;                      // `train.csv:12`
  const std::string& where() const { return where_; }

 private:
  void read(std::string& line);

  LineReader reader_;
  std::string where_;
  std::string pending_;  // the first line, until it is taken
  bool is_pending_ = false;
  LineEnd end_ = LineEnd::kBreak;
  std::size_t number_ = 0;
};

}  // namespace clipsweep
