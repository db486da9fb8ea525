// Tables in text: a header with the names of the columns, then a record per row, with values
// separated by commas, tabs or semicolons and quoted as RFC 4180 says. Nothing here knows what a
// norm is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/advice/log_lines.h"

namespace clipsweep {

// The separator that a header uses most, outside quotes; a comma if it has none.
char separator_of(std::string_view header);

class DelimitedText {
 public:
  DelimitedText(LogLines& lines, char separator) : lines_(lines), separator_(separator) {}

  // Reads the next record and leaves out blank lines. The values stay valid until the next call.
  // Throws DataError on a quote that is not closed or stands within a value without quotes.
  bool next(std::vector<std::string_view>& values);

  std::size_t number() const { return number_; }  // of the record's first line
  std::string place() const;                      // of the record's first line

 private:
  void split_plain(std::vector<std::string_view>& values) const;
  void split_quoted(std::vector<std::string_view>& values);
  std::size_t read_value(std::size_t at);
  std::size_t read_quoted_value(std::size_t at);

  LogLines& lines_;
  char separator_;
  std::string line_;
  std::size_t number_ = 0;
  std::vector<std::string> unquoted_;
};

}  // namespace clipsweep
