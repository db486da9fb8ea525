#include "clipsweep/base/table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr std::string_view kGap = "  ";
constexpr const char* kMissing = "-";

struct WidthRange {
  char32_t first;
  char32_t last;
};

// The C library's wcwidth returns -1 beyond ASCII unless the program sets a UTF-8 locale, which
// would change how numbers are read and written. These few ranges are enough.
constexpr std::array<WidthRange, 8> kZeroWidth = {{{0x0300, 0x036f},  // combining marks
                                                   {0x0483, 0x0489},
                                                   {0x1ab0, 0x1aff},
                                                   {0x1dc0, 0x1dff},
                                                   {0x200b, 0x200f},  // joiners, directions
                                                   {0x20d0, 0x20ff},
                                                   {0xfe00, 0xfe0f},  // variation selectors
                                                   {0xfe20, 0xfe2f}}};
constexpr std::array<WidthRange, 9> kDoubleWidth = {{{0x1100, 0x115f},  // Hangul Jamo
                                                     {0x2e80, 0x303e},
                                                     {0x3041, 0xa4cf},  // kana, CJK, Yi
                                                     {0xac00, 0xd7a3},  // Hangul syllables
                                                     {0xf900, 0xfaff},
                                                     {0xfe30, 0xfe6f},
                                                     {0xff00, 0xff60},  // fullwidth forms
                                                     {0x1f300, 0x1faff},
                                                     {0x20000, 0x3fffd}}};

template <typename Ranges>
bool contains(const Ranges& ranges, char32_t code_point) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const WidthRange& range) {
    return range.first <= code_point && code_point <= range.last;
  });
}

std::size_t width_of(char32_t code_point) {
  if (contains(kZeroWidth, code_point)) return 0;
  return contains(kDoubleWidth, code_point) ? 2 : 1;
}

// How many bytes the sequence takes that sets a colour at the beginning of the text: ESC [ 3 1 m.
std::size_t colour_length(std::string_view text) {
  if (text.substr(0, 2) != "\x1b[") return 0;
  const std::size_t end = text.find_first_not_of("0123456789;", 2);
  return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t start = 0;
  for (std::size_t end = 0; end != std::string::npos; start = end + 1) {
    end = text.find('\n', start);
    lines.push_back(text.substr(start, end - start));
  }
  return lines;
}

// Headers of several lines end just above the rows; short ones get empty lines above.
std::vector<std::vector<std::string>> header_lines(const std::vector<Column>& columns) {
  std::vector<std::vector<std::string>> stacks;
  std::size_t height = 0;
  for (const auto& column : columns) {
    stacks.push_back(lines_of(column.header));
    height = std::max(height, stacks.back().size());
  }
  std::vector<std::vector<std::string>> lines(height, std::vector<std::string>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i)
    for (std::size_t k = 0; k < stacks[i].size(); ++k)
      lines[height - stacks[i].size() + k][i] = stacks[i][k];
  return lines;
}

}  // namespace

Table::Table(std::vector<Column> columns)
    : columns_(std::move(columns)), headers_(header_lines(columns_)) {}

void Table::add_row(std::vector<std::string> cells) {
  if (cells.size() != columns_.size())
    throw std::logic_error("Table::add_row: needs one cell per column");
  for (auto& cell : cells)
    if (cell.empty()) cell = kMissing;
  rows_.push_back({std::move(cells)});
}

void Table::add_heading(std::string text) { rows_.push_back({{std::move(text)}, true}); }

std::string Table::text() const {
  const auto column_widths = widths();
  std::string text;
  for (const auto& cells : headers_) text += line_of(cells, column_widths);
  for (const auto& row : rows_)
    text += row.is_heading ? row.cells.front() + "\n" : line_of(row.cells, column_widths);
  return text;
}

std::size_t Table::width() const {
  const auto column_widths = widths();
  const std::size_t gaps = columns_.empty() ? 0 : kGap.size() * (columns_.size() - 1);
  return std::accumulate(column_widths.begin(), column_widths.end(), gaps);
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths(columns_.size());
  const auto widen = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      widths[i] = std::max(widths[i], display_width(cells[i]));
  };
  for (const auto& cells : headers_) widen(cells);
  for (const auto& row : rows_)
    if (!row.is_heading) widen(row.cells);
  return widths;
}

std::string Table::line_of(const std::vector<std::string>& cells,
                           const std::vector<std::size_t>& column_widths) const {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(column_widths[i] - display_width(cells[i]), ' ');
    if (i > 0) line += kGap;
    line += columns_[i].align == Align::kLeft ? cells[i] + padding : padding + cells[i];
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    if (const std::size_t length = colour_length(text); length > 0)
      text.remove_prefix(length);
    else
      width += width_of(take_code_point(text).value_or(U'?'));
  }
  return width;
}

}  // namespace clipsweep
