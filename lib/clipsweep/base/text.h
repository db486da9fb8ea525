// Numbers as text and back, and the small pieces that messages are made of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clipsweep {

// The shortest text that reads back to the same value; `inf`, `-inf` and `nan` otherwise.
std::string shortest(double value);
std::string shortest(float value);

// Reads a whole text as a number, as C++ reads it, with `inf` and `nan`; nothing if any of it is
// left over or the number is too large for a double (`1e400`).
std::optional<double> parse_number(std::string_view text);

// Reads a whole text as a decimal number without sign; nothing if it is not one or exceeds 64 bits.
std::optional<std::uint64_t> parse_count(std::string_view text);

std::string_view trimmed(std::string_view text);

// Cuts at commas outside parentheses and trims each part; an empty text has one empty part.
std::vector<std::string> split_list(std::string_view text);

// `a, b, c`
std::string join(const std::vector<std::string>& parts, std::string_view separator = ", ");

// ` (did you mean "x"?)` for the closest of the names, or nothing if none is close.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& names);

// `1 run`, `3 runs`, `12,000 runs`
std::string counted(std::uint64_t count, std::string_view noun);
std::string with_thousands(std::uint64_t count);
// So many a second: `12,345`, `43.2`, `0.86`.
std::string rate_text(double rate);

// Broken into lines of at most so many characters, each indented and ended with a line break; only
// between words, so that a longer word has a line of its own.
std::string wrapped(std::string_view text, std::size_t columns, std::size_t indent = 0);

// Control characters replaced, so that hostile input cannot spoil the terminal.
std::string without_controls(std::string_view text);

// Likewise, and cut to a length fit for a message.
std::string printable(std::string_view text, std::size_t longest = 60);

}  // namespace clipsweep
