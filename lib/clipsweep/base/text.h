// Numbers as text and back, and the parts that messages are made of.
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

// Reads a text as a number in C++'s notation, with `inf` and `nan`; nothing if the text is not
// entirely a number or the number is too large for a double (`1e400`).
std::optional<double> parse_number(std::string_view text);

// Reads a text as a decimal whole number without sign; nothing if it is not one or exceeds 64 bits.
std::optional<std::uint64_t> parse_count(std::string_view text);

std::string_view trimmed(std::string_view text);
std::string lower_case(std::string_view text);  // of ASCII letters

// Splits at commas outside parentheses and trims each part; an empty text has one empty part.
std::vector<std::string> split_list(std::string_view text);

// `a, b, c`
std::string join(const std::vector<std::string>& parts, std::string_view separator = ", ");

// `a, b, c and 4 more`: the first `max` names, and how many are left out.
std::string join_first(const std::vector<std::string>& names, std::size_t max = 3);

// ` (did you mean "x"?)` for the closest of the names, or nothing if none is close. Upper and lower
// case are equal; the beginning of a name and one of its words are close: `mnist` is
// `fashion-mnist`.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& names);

// `unknown KIND "NAME" (did you mean "x"?)`. A hint that is not empty takes the place of the
// question.
std::string unknown_name(std::string_view kind, std::string_view name,
                         const std::vector<std::string>& names, std::string_view hint = {});

// Throws ConfigError: `unknown_name`, then all names as those that are allowed.
[[noreturn]] void throw_unknown(std::string_view kind, std::string_view name,
                                const std::vector<std::string>& names, std::string_view hint = {});

// `1 run`, `3 runs`, `12,000 runs`
std::string counted(std::uint64_t count, std::string_view noun);
std::string with_thousands(std::uint64_t count);
// A rate per second: `12,345`, `43.2`, `0.86`.
std::string rate_text(double rate);

// `12 kB`, `340 MB`, `1.2 GB`
std::string bytes_text(double bytes);

// Breaks a text between words into lines of at most `columns` characters, each indented and ended
// with a line break, but never between a number and its %. A longer word has a line of its own.
std::string wrapped(std::string_view text, std::size_t columns, std::size_t indent = 0);
// The same without the line break at its end: a heading of a table.
std::string wrapped_heading(std::string_view text, std::size_t columns);

// A text as one word of a command line, in quotes if it needs them.
std::string shell_word(std::string_view text);

// Removes the first code point of a text in UTF-8 that is not empty and returns it; nothing for a
// byte that is not UTF-8.
std::optional<char32_t> take_code_point(std::string_view& text);

// Replaces what must not reach a terminal by `?`: control characters, marks that reverse the
// direction of reading, bytes that are not UTF-8. The second keeps line breaks.
std::string without_controls(std::string_view text);
std::string lines_without_controls(std::string_view text);

// The same for JSON, which stays equal: writes such characters as JSON's escapes.
std::string json_without_controls(std::string_view json);

// The same, and cuts the text after `max_bytes`, for messages.
std::string printable(std::string_view text, std::size_t max_bytes = 60);

}  // namespace clipsweep
