#include "clipsweep/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <numeric>

#include "clipsweep/base/error.h"

namespace clipsweep {
namespace {

// The number of insertions, deletions, replacements and swaps of neighbours (Damerau, 1964; each
// place is edited at most once).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  std::iota(rows[0].begin(), rows[0].end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    rows[i][0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      rows[i][j] = std::min({replaced, rows[i - 1][j] + 1, rows[i][j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.size()][b.size()];
}

// Whether `part` begins the name or is one of its words, which are joined by hyphens.
bool begins_or_is_word(std::string_view part, std::string_view name) {
  if (name.compare(0, part.size(), part) == 0) return true;
  const auto at = name.find(fmt::format("-{}", part));
  if (at == name.npos) return false;
  const auto end = at + 1 + part.size();
  return end == name.size() || name[end] == '-';
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower)
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return lower;
}

std::string shortest(double value) { return fmt::format("{}", value); }
std::string shortest(float value) { return fmt::format("{}", value); }

std::optional<double> parse_number(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      parts.emplace_back(trimmed(text.substr(start, i - start)));
      start = i + 1;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')') {
      --depth;
    }
  }
  return parts;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::string join_first(const std::vector<std::string>& names, std::size_t max) {
  if (names.size() <= max) return join(names);
  const std::vector<std::string> first(names.begin(),
                                       names.begin() + static_cast<std::ptrdiff_t>(max));
  return fmt::format("{} and {} more", join(first), with_thousands(names.size() - max));
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& names) {
  if (name.size() > 100) return "";  // too long to be a misspelling
  const std::string wanted = lower_case(name);
  const std::string* closest = nullptr;
  std::size_t smallest = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  for (const auto& candidate : names) {
    const std::string known = lower_case(candidate);
    const std::size_t edits = edit_distance(wanted, known);
    const bool is_part = wanted.size() >= 3 && begins_or_is_word(wanted, known);
    const std::size_t distance = is_part ? std::min<std::size_t>(edits, 1) : edits;
    if (distance < smallest) {
      smallest = distance;
      closest = &candidate;
    }
  }
  return closest ? fmt::format(" (did you mean \"{}\"?)", *closest) : "";
}

std::string unknown_name(std::string_view kind, std::string_view name,
                         const std::vector<std::string>& names, std::string_view hint) {
  return fmt::format("unknown {} \"{}\"{}", kind, printable(name),
                     hint.empty() ? did_you_mean(name, names) : fmt::format(" ({})", hint));
}

void throw_unknown(std::string_view kind, std::string_view name,
                   const std::vector<std::string>& names, std::string_view hint) {
  throw ConfigError(
      fmt::format("{}; allowed: {}", unknown_name(kind, name, names, hint), join(names)));
}

std::string with_thousands(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  return digits;
}

std::string rate_text(double rate) {
  if (rate < 10) return fmt::format("{:.2g}", rate);
  if (rate < 100) return fmt::format("{:.1f}", rate);
  return with_thousands(static_cast<std::uint64_t>(rate));
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", with_thousands(count), noun, count == 1 ? "" : "s");
}

std::string bytes_text(double bytes) {
  if (bytes < 1e6) return fmt::format("{:.0f} kB", bytes / 1e3);
  if (bytes < 1e9) return fmt::format("{:.0f} MB", bytes / 1e6);
  if (bytes < 1e12) return fmt::format("{:.1f} GB", bytes / 1e9);
  return fmt::format("{} TB", with_thousands(static_cast<std::uint64_t>(bytes / 1e12)));
}

namespace {

// A number and the percent sign after it are one word.
std::size_t end_of_word(std::string_view text) {
  const std::size_t end = text.find(' ');
  const bool has_percent = end != std::string_view::npos && text.substr(end, 2) == " %";
  return has_percent ? text.find(' ', end + 1) : end;
}

}  // namespace

std::string wrapped(std::string_view text, std::size_t columns, std::size_t indent) {
  std::string lines;
  std::string line;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, end_of_word(text));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (!line.empty() && line.size() + 1 + word.size() > columns) {
      lines += line + "\n";
      line.clear();
    }
    line += (line.empty() ? std::string(indent, ' ') : " ") + std::string(word);
  }
  return line.empty() ? lines : lines + line + "\n";
}

std::string wrapped_heading(std::string_view text, std::size_t columns) {
  const std::string lines = wrapped(text, columns);
  return lines.substr(0, lines.size() - 1);
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos)
    return std::string(text);
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

namespace {

std::size_t length_by_lead(unsigned char lead) {
  if (lead < 0xc2 || lead > 0xf4) return 1;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U; }

struct CodePoints {
  char32_t first;
  char32_t last;
};

constexpr std::array<CodePoints, 8> kUnprintable = {{{0x00, 0x1f},      // C0
                                                     {0x7f, 0x9f},      // DEL, C1
                                                     {0x061c, 0x061c},  // direction marks
                                                     {0x200e, 0x200f},
                                                     {0x2028, 0x202e},  // separators, directions
                                                     {0x2066, 0x2069},
                                                     {0xd800, 0xdfff},  // surrogates
                                                     {0xfeff, 0xfeff}}};

bool is_unprintable(char32_t code_point) {
  return std::any_of(kUnprintable.begin(), kUnprintable.end(), [&](const CodePoints& range) {
    return range.first <= code_point && code_point <= range.last;
  });
}

bool is_plain_ascii(char byte) { return byte >= ' ' && byte <= '~'; }

// Calls `replacement` with each unprintable code point, and with nothing for a byte that is not
// UTF-8.
template <typename Replacement>
std::string with_replaced_controls(std::string_view text, const Replacement& replacement) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    if (is_plain_ascii(text.front())) {
      result += text.front();
      text.remove_prefix(1);
      continue;
    }
    const std::string_view rest = text;
    const auto code_point = take_code_point(text);
    if (code_point && !is_unprintable(*code_point))
      result += rest.substr(0, rest.size() - text.size());
    else
      result += replacement(code_point);
  }
  return result;
}

}  // namespace

std::optional<char32_t> take_code_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = length_by_lead(lead);
  const std::string_view rest = text.substr(1, length - 1);
  const bool whole =
      rest.size() == length - 1 && std::all_of(rest.begin(), rest.end(), is_continuation);
  text.remove_prefix(whole ? length : 1);
  if (!whole || (length == 1 && lead >= 0x80)) return std::nullopt;
  if (length == 1) return lead;
  char32_t code_point = lead & (0xffU >> (length + 1));
  for (const char byte : rest)
    code_point = (code_point << 6U) | (static_cast<unsigned char>(byte) & 0x3fU);
  return code_point;
}

std::string without_controls(std::string_view text) {
  return with_replaced_controls(text, [](const auto&) { return "?"; });
}

std::string lines_without_controls(std::string_view text) {
  return with_replaced_controls(
      text, [](const auto& code_point) { return code_point == U'\n' ? "\n" : "?"; });
}

std::string json_without_controls(std::string_view json) {
  return with_replaced_controls(json, [](const auto& code_point) -> std::string {
    if (!code_point) return "?";
    if (*code_point == U'\n') return "\n";
    return fmt::format("\\u{:04x}", static_cast<std::uint32_t>(*code_point));
  });
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::size_t size = std::min(text.size(), max_bytes);
  // Cut between characters, not within one.
  while (size > 0 && size < text.size() && is_continuation(text[size])) --size;
  return without_controls(text.substr(0, size)) + (text.size() > max_bytes ? "..." : "");
}

}  // namespace clipsweep
