#include "clipsweep/advice/delimited_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {

char separator_of(std::string_view header) {
  constexpr std::array<char, 3> kSeparators = {',', '\t', ';'};
  std::array<std::size_t, kSeparators.size()> counts{};
  bool is_quoted = false;
  for (const char character : header) {
    if (character == '"') is_quoted = !is_quoted;
    for (std::size_t i = 0; i < kSeparators.size(); ++i)
      counts[i] += !is_quoted && character == kSeparators[i] ? 1 : 0;
  }
  return kSeparators[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) -
                                              counts.begin())];
}

bool DelimitedText::next(std::vector<std::string_view>& values) {
  values.clear();
  do {
    if (!lines_.next(line_)) return false;
  } while (trimmed(line_).empty());
  number_ = lines_.number();
  if (line_.find('"') == line_.npos)
    split_plain(values);
  else
    split_quoted(values);
  return true;
}

std::string DelimitedText::place() const { return fmt::format("{}:{}", lines_.where(), number_); }

void DelimitedText::split_plain(std::vector<std::string_view>& values) const {
  const std::string_view line = line_;
  std::size_t begin = 0;
  for (std::size_t end = line.find(separator_); end != line.npos;
       end = line.find(separator_, begin)) {
    values.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  values.push_back(line.substr(begin));
}

void DelimitedText::split_quoted(std::vector<std::string_view>& values) {
  unquoted_.clear();
  std::size_t at = 0;
  do at = line_.compare(at, 1, "\"") == 0 ? read_quoted_value(at + 1) : read_value(at);
  while (at++ < line_.size());
  values.assign(unquoted_.begin(), unquoted_.end());
}

// Returns where the value ends.
std::size_t DelimitedText::read_value(std::size_t at) {
  const std::size_t end = std::min(line_.find(separator_, at), line_.size());
  unquoted_.push_back(line_.substr(at, end - at));
  if (unquoted_.back().find('"') != std::string::npos)
    throw DataError(fmt::format("{}: a quote within the value {}; put the whole value in quotes",
                                place(), printable(unquoted_.back())));
  return end;
}

// The same, for a value whose opening quote is before `at`; it may contain line breaks.
std::size_t DelimitedText::read_quoted_value(std::size_t at) {
  std::string value;
  for (;;) {
    const std::size_t quote = line_.find('"', at);
    value.append(line_, at, std::min(quote, line_.size()) - at);
    if (quote == line_.npos) {
      value += '\n';
      at = 0;
      if (!lines_.next(line_) || value.size() > LineReader::kMaxLineBytes)
        throw DataError(fmt::format("{}: a quote that is not closed", place()));
      continue;
    }
    at = quote + 1;
    if (line_.compare(at, 1, "\"") != 0) break;
    value += '"';
    ++at;
  }
  if (at < line_.size() && line_[at] != separator_)
    throw DataError(
        fmt::format("{}: text after the closing quote of {}", place(), printable(value)));
  unquoted_.push_back(std::move(value));
  return at;
}

}  // namespace clipsweep
