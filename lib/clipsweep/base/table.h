// Plain tables for the terminal: columns aligned, no lines. Cells are UTF-8 text, which may have
// colours; the caller turns numbers into text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clipsweep {

enum class Align { kLeft, kRight };

struct Column {
  std::string header;  // a line break in it stacks the words
  Align align = Align::kRight;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns);

  // One cell per column; an empty one prints as `-`. Throws std::logic_error for any other number
  // of cells.
  void add_row(std::vector<std::string> cells);

  // A line above the rows that follow, or several. It may be wider than the columns.
  void add_heading(std::string text);

  // Header, headings and rows, each line with its line break and without trailing blanks.
  std::string text() const;

  // How many terminal cells the widest line takes, headings excepted.
  std::size_t width() const;

 private:
  struct Row {
    std::vector<std::string> cells;
    bool is_heading = false;
  };

  std::vector<std::size_t> widths() const;
  std::string line_of(const std::vector<std::string>& cells,
                      const std::vector<std::size_t>& column_widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> headers_;  // line by line, the last just above the rows
  std::vector<Row> rows_;
};

// How many terminal cells a UTF-8 text takes: East Asian wide characters and emoji two, combining
// marks and colours (text_style.h) none, a byte that is not UTF-8 one.
std::size_t display_width(std::string_view text);

}  // namespace clipsweep
