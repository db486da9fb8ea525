// How text for people looks on the terminal that shows it: how wide its tables may be, and whether
// it has colours. A colour marks what a reader looks for first, such as a diverged run or a
// verdict; the text says the same without it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace clipsweep {

struct TextStyle {
  std::size_t table_columns = 80;  // paragraphs have 80 on every terminal
  bool has_colours = false;
};

enum class Tone { kPlain, kGood, kBad };

// The text in green or red, or unchanged if the style has no colours.
std::string toned(std::string text, Tone tone, const TextStyle& style);

// A text of lines as it may be shown: without control characters, whatever file they came from, but
// with line breaks and with the colours of the style.
std::string shown_text(std::string_view text, const TextStyle& style);

// Bad if there are any.
Tone tone_of_bad(std::size_t count);

}  // namespace clipsweep
