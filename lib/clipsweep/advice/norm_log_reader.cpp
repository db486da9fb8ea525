#include "clipsweep/advice/norm_log_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "clipsweep/advice/delimited_text.h"
#include "clipsweep/advice/json_rows.h"
#include "clipsweep/advice/log_lines.h"
#include "clipsweep/advice/norm_columns.h"
#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/json.h"

namespace clipsweep {
namespace {

constexpr std::size_t kMaxDocumentBytes = std::size_t{1} << 29;
const char* const kFormats =
    "one number per line, a table with a header (CSV, TSV), one JSON object per line, or "
    "trainer_state.json of Hugging Face";

bool is_value(std::string_view text) {
  const TextValue value = read_value_text(text);
  return value.number.has_value();
}

// ---- Numbers ------------------------------------------------------------------------------------

void read_numbers(LogLines& lines, NormLog& log) {
  std::string line;
  while (lines.next(line)) {
    const std::string_view text = trimmed(line);
    if (text.empty() || text.front() == '#') continue;
    const TextValue value = read_value_text(text);
    if (value.is_missing) {
      ++log.rows_without_norm;
      continue;
    }
    if (!value.number)
      throw DataError(fmt::format("{}: \"{}\" is not a number", lines.place(), printable(text)));
    if (*value.number < 0)
      throw DataError(fmt::format("{}: {} is below 0; a norm never is", lines.place(),
                                  shortest(*value.number)));
    log.norms.push_back(*value.number);
    log.steps.push_back(static_cast<double>(log.norms.size()));
  }
}

// ---- Tables -------------------------------------------------------------------------------------

// `1,0.5`, `1 0.5`: a row of numbers, where a header should be.
bool is_row_of_numbers(std::string_view line) {
  std::size_t values = 0;
  constexpr std::string_view kSeparators = ",;\t ";
  for (std::size_t begin = line.find_first_not_of(kSeparators); begin != line.npos;) {
    const std::size_t end = std::min(line.find_first_of(kSeparators, begin), line.size());
    if (!is_value(line.substr(begin, end - begin))) return false;
    ++values;
    begin = line.find_first_not_of(kSeparators, end);
  }
  return values > 0;
}

// Throws DataError if two columns of use have one name.
void check_different(const std::vector<std::size_t>& places,
                     const std::vector<std::string_view>& names, const std::string& where) {
  std::unordered_set<std::size_t> seen;
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i] != NormColumns::kIgnored && !seen.insert(places[i]).second)
      throw DataError(
          fmt::format("{}: two columns are named {}; rename one", where, printable(names[i])));
}

void read_record(const std::vector<std::string_view>& values,
                 const std::vector<std::size_t>& places, std::size_t number, NormColumns& columns) {
  columns.begin_row(number);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (places[i] != NormColumns::kIgnored) columns.set_text(places[i], values[i]);
}

void read_table(LogLines& lines, const std::string& column, NormLog& log) {
  if (is_row_of_numbers(lines.first()))
    throw DataError(
        fmt::format("{}: several numbers in the first line; a table needs a header "
                    "with the names of its columns",
                    lines.place()));
  DelimitedText text(lines, separator_of(lines.first()));
  std::vector<std::string_view> values;
  text.next(values);
  // A table's only column needs no usual name.
  const bool is_only = values.size() == 1 && column.empty();
  const std::string wanted(is_only ? trimmed(values.front()) : std::string_view(column));
  NormColumns columns(log.where, wanted, RowPlace::kLine);
  std::vector<std::size_t> places;
  for (const auto name : values) places.push_back(columns.find_or_add(trimmed(name)));
  check_different(places, values, text.place());
  while (text.next(values)) {
    if (values.size() == places.size()) {
      read_record(values, places, text.number(), columns);
      continue;
    }
    log.is_cut_off = lines.is_cut_off() && values.size() < places.size();
    if (!log.is_cut_off)
      throw DataError(fmt::format("{}: {}, but the header has {}; allowed are {}", text.place(),
                                  counted(values.size(), "value"), counted(places.size(), "column"),
                                  kFormats));
  }
  columns.choose(log);
}

// ---- JSON ---------------------------------------------------------------------------------------

void read_json_lines(LogLines& lines, const std::string& column, NormLog& log) {
  NormColumns columns(log.where, column, RowPlace::kLine);
  std::string line;
  while (lines.next(line)) {
    if (trimmed(line).empty()) continue;
    columns.begin_row(lines.number());
    if (read_json_row(line, columns)) continue;
    columns.remove_row();
    log.is_cut_off = lines.is_cut_off();
    if (log.is_cut_off) break;
    parse_json(line, lines.place());  // throws, and says what is wrong
    throw DataError(fmt::format("{}: not a JSON object", lines.place()));
  }
  columns.choose(log);
}

void read_json_document(LogLines& lines, const std::string& column, NormLog& log) {
  NormColumns columns(log.where, column, RowPlace::kEntry);
  read_json_rows(lines.rest(kMaxDocumentBytes), log.where, column.empty() ? "norm" : column,
                 columns);
  columns.choose(log);
}

bool is_json_lines(const std::string& first) {
  return is_json_object(first) && first.find("\"log_history\"") == first.npos;
}

}  // namespace

NormLog read_norm_log(ReadBytes source, const std::string& where, const std::string& column) {
  LogLines lines(std::move(source), where);
  NormLog log;
  log.where = where;
  const std::string_view first = trimmed(lines.first());
  if (first.empty()) throw DataError(fmt::format("{}: empty; allowed are {}", where, kFormats));
  if (is_value(first)) {
    if (!column.empty())
      throw ConfigError(fmt::format("{}: numbers without names; leave out --column", where));
    log.format = "numbers";
    read_numbers(lines, log);
  } else if (first.front() == '{' && is_json_lines(lines.first())) {
    log.format = "JSON lines";
    read_json_lines(lines, column, log);
  } else if (first.front() == '{' || first.front() == '[') {
    log.format = "JSON";
    read_json_document(lines, column, log);
  } else {
    log.format = "table";
    read_table(lines, column, log);
  }
  return log;
}

NormLog read_norm_text(std::string_view text, const std::string& column) {
  const auto source = [&text](char* to, std::size_t max_bytes) {
    const std::size_t size = text.copy(to, max_bytes);
    text.remove_prefix(size);
    return size;
  };
  return read_norm_log(source, "input", column);
}

}  // namespace clipsweep
