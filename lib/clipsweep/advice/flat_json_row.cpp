#include "clipsweep/advice/flat_json_row.h"

#include <optional>

#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

bool is_digit(char character) { return character >= '0' && character <= '9'; }
bool is_json_blank(char character) {
  return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

// Skips digits; returns whether there was one.
bool skip_digits(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return at > begin;
}

// Whether a text that parse_number reads is a number in JSON too: not `01`, `1.`, `.5`, `inf`.
bool is_json_number(std::string_view text) {
  std::size_t at = text[0] == '-' ? 1 : 0;
  const std::size_t first = at;
  if (!skip_digits(text, at) || (text[first] == '0' && at > first + 1)) return false;
  if (at < text.size() && text[at] == '.' && !skip_digits(text, ++at)) return false;
  return at == text.size() || text[at] == 'e' || text[at] == 'E';
}

class FlatReader {
 public:
  FlatReader(std::string_view text, NormColumns& columns) : text_(text), columns_(columns) {}

  bool read() {
    if (!take('{')) return false;
    do {
      const auto key = plain_string();
      if (!key || !take(':') || !read_value(columns_.find_or_add(*key))) return false;
    } while (take(','));
    return take('}') && (skip_blanks(), at_ == text_.size());
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && is_json_blank(text_[at_])) ++at_;
  }

  bool take(char character) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != character) return false;
    ++at_;
    return true;
  }

  // Nothing if the string is not printable ASCII or has an escape.
  std::optional<std::string_view> plain_string() {
    if (!take('"')) return std::nullopt;
    const std::size_t begin = at_;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_)
      if (text_[at_] < ' ' || text_[at_] > '~' || text_[at_] == '\\') return std::nullopt;
    if (at_ == text_.size()) return std::nullopt;
    return text_.substr(begin, at_++ - begin);
  }

  bool read_value(std::size_t column) {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '"') {
      const auto text = plain_string();
      if (text && column != NormColumns::kIgnored) columns_.set_text(column, *text);
      return text.has_value();
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}' &&
           !is_json_blank(text_[at_]))
      ++at_;
    return set_literal(column, text_.substr(begin, at_ - begin));
  }

  bool set_literal(std::size_t column, std::string_view literal) {
    if (literal == "null") return true;
    const bool is_word = literal == "true" || literal == "false" || literal == "NaN" ||
                         literal == "Infinity" || literal == "-Infinity";
    if (is_word) {
      if (column != NormColumns::kIgnored) columns_.set_text(column, literal);
      return true;
    }
    const auto number = parse_number(literal);
    if (!number || !is_json_number(literal)) return false;
    if (column != NormColumns::kIgnored) columns_.set(column, *number);
    return true;
  }

  std::string_view text_;
  NormColumns& columns_;
  std::size_t at_ = 0;
};

}  // namespace

bool read_flat_json_row(std::string_view text, NormColumns& columns) {
  return FlatReader(text, columns).read();
}

}  // namespace clipsweep
