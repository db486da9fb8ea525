#include "clipsweep/advice/json_rows.h"

#include <fmt/format.h>

#include "clipsweep/advice/flat_json_row.h"
#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/json.h"

namespace clipsweep {
namespace {

constexpr std::string_view kRowsOfObject = "log_history";

// Puts NaN, Infinity and -Infinity in quotes, as this project writes them.
std::string with_quoted_nonfinite(std::string_view text) {
  constexpr std::string_view kWords[] = {"NaN", "-Infinity", "Infinity"};
  std::string quoted;
  bool is_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_string && text[i] == '\\') {
      quoted += text.substr(i++, 2);
      continue;
    }
    if (text[i] == '"') is_string = !is_string;
    std::string_view word;
    if (!is_string && (text[i] == 'N' || text[i] == '-' || text[i] == 'I'))
      for (const auto candidate : kWords)
        if (text.substr(i, candidate.size()) == candidate) word = candidate;
    if (word.empty()) {
      quoted += text[i];
    } else {
      quoted.append("\"").append(word).append("\"");
      i += word.size() - 1;
    }
  }
  return quoted;
}

// Calls `read` with the text, or with a copy whose non-finite numbers are in quotes.
template <typename Read>
auto with_json(std::string_view text, const Read& read) {
  const bool has_word = text.find("NaN") != text.npos || text.find("Infinity") != text.npos;
  return has_word ? read(std::string_view(with_quoted_nonfinite(text))) : read(text);
}

// Takes nlohmann/json's events. A row is an object at depth `row_depth`; the values directly in it
// go to the columns.
class RowHandler : public nlohmann::json_sax<Json> {
 public:
  enum class Kind { kOneRow, kDocument };

  RowHandler(NormColumns& columns, Kind kind, std::string column_of_numbers = "")
      : columns_(columns), kind_(kind), column_of_numbers_(std::move(column_of_numbers)) {}

  bool has_rows() const { return kind_ == Kind::kOneRow ? is_object_ : has_array_; }

  bool null() override {
    begin_row_of_number();
    return true;
  }
  bool boolean(bool value) override { return text_value(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    return number_value(static_cast<double>(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return number_value(static_cast<double>(value));
  }
  bool number_float(number_float_t value, const string_t&) override { return number_value(value); }
  bool string(string_t& value) override { return text_value(value); }
  bool binary(binary_t&) override { return true; }

  bool start_object(std::size_t) override {
    text_value("{...}");
    ++depth_;
    if (depth_ == 1) is_object_ = true;
    if (depth_ == row_depth() && is_in_rows()) {
      column_ = NormColumns::kIgnored;
      if (kind_ == Kind::kDocument) columns_.begin_row(++rows_);
    }
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == 1 && kind_ == Kind::kDocument) is_key_of_rows_ = name == kRowsOfObject;
    if (is_row()) column_ = columns_.find_or_add(name);
    return true;
  }
  bool end_object() override { return close(); }

  bool start_array(std::size_t) override {
    text_value("[...]");
    ++depth_;
    if (kind_ == Kind::kDocument && depth_ + 1 == row_depth() && (!is_object_ || is_key_of_rows_))
      has_array_ = is_open_ = true;
    return true;
  }
  bool end_array() override {
    if (depth_ + 1 == row_depth()) is_open_ = false;
    return close();
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  std::size_t row_depth() const {
    if (kind_ == Kind::kOneRow) return 1;
    return is_object_ ? 3 : 2;
  }
  bool is_in_rows() const { return kind_ == Kind::kOneRow || is_open_; }
  bool is_row() const { return depth_ == row_depth() && is_in_rows(); }

  bool close() {
    --depth_;
    return true;
  }

  bool number_value(double value) {
    if (begin_row_of_number()) columns_.set(column_, value);
    if (is_row() && column_ != NormColumns::kIgnored) columns_.set(column_, value);
    return true;
  }
  bool text_value(std::string_view value) {
    if (is_row() && column_ != NormColumns::kIgnored) columns_.set_text(column_, value);
    if (value != "{...}" && begin_row_of_number()) columns_.set_text(column_, value);
    return true;
  }
  // Whether a value is an element of the array of rows itself.
  bool begin_row_of_number() {
    if (kind_ != Kind::kDocument || !is_open_ || depth_ + 1 != row_depth()) return false;
    columns_.begin_row(++rows_);
    column_ = columns_.find_or_add(column_of_numbers_);
    return true;
  }

  NormColumns& columns_;
  Kind kind_;
  std::string column_of_numbers_;
  std::size_t depth_ = 0;
  std::size_t rows_ = 0;
  std::size_t column_ = NormColumns::kIgnored;  // of the latest key
  bool is_object_ = false;                      // the outermost value
  bool is_key_of_rows_ = false;
  bool is_open_ = false;  // the array of rows
  bool has_array_ = false;
};

bool parse(std::string_view text, RowHandler& handler) {
  // nlohmann/json takes a NUL as the end of the text and ignores what follows.
  return text.find('\0') == text.npos && Json::sax_parse(text.begin(), text.end(), &handler);
}

}  // namespace

bool is_json_object(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || text.front() != '{') return false;
  return with_json(text,
                   [](std::string_view json) { return Json::accept(json.begin(), json.end()); });
}

bool read_json_row(std::string_view text, NormColumns& columns) {
  // What it sets before it stops is set to the same again.
  if (read_flat_json_row(text, columns)) return true;
  RowHandler handler(columns, RowHandler::Kind::kOneRow);
  const auto read = [&](std::string_view json) { return parse(json, handler); };
  return with_json(text, read) && handler.has_rows();
}

void read_json_rows(std::string_view text, const std::string& where, const std::string& column,
                    NormColumns& columns) {
  RowHandler handler(columns, RowHandler::Kind::kDocument, column);
  with_json(text, [&](std::string_view json) {
    if (!parse(json, handler)) {
      parse_json(json, where);  // throws, and says what is wrong
      throw DataError(fmt::format("{}: not valid JSON", where));
    }
    return true;
  });
  if (!handler.has_rows())
    throw DataError(
        fmt::format("{}: a JSON object without \"{}\"; allowed are an array of objects "
                    "or numbers, one object per line, and trainer_state.json of "
                    "Hugging Face",
                    where, kRowsOfObject));
}

}  // namespace clipsweep
