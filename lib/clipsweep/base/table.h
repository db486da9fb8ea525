// Plain tables for the terminal: aligned columns, no colours, no lines. Cells are UTF-8 text; the
// caller formats numbers.
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

  // Takes one cell per column; an empty cell is printed as `-`. Throws std::logic_error if the
  // number of cells is wrong.
  void add_row(std::vector<std::string> cells);

  // Header and rows; each line ends with a line break, without trailing blanks.
  std::string text() const;

 private:
  std::vector<std::size_t> widths() const;
  std::string line_of(const std::vector<std::string>& cells,
                      const std::vector<std::size_t>& column_widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> headers_;  // line by line, from the top
  std::vector<std::vector<std::string>> rows_;
};

// The number of terminal cells of a UTF-8 text: two per East Asian wide character and emoji, none
// per combining mark, one per byte that is not UTF-8.
std::size_t display_width(std::string_view text);

}  // namespace clipsweep
