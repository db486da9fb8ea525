#include "clipsweep/base/text_style.h"

#include <fmt/color.h>

#include <algorithm>

#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

// How many bytes a sequence of `toned` takes at the beginning of the text.
std::size_t length_of_tone(std::string_view text) {
  for (const std::string_view sequence : {"\x1b[31m", "\x1b[32m", "\x1b[0m"})
    if (text.substr(0, sequence.size()) == sequence) return sequence.size();
  return 0;
}

}  // namespace

std::string toned(std::string text, Tone tone, const TextStyle& style) {
  if (!style.has_colours || tone == Tone::kPlain || text.empty()) return text;
  const auto colour = tone == Tone::kGood ? fmt::terminal_color::green : fmt::terminal_color::red;
  return fmt::format(fmt::fg(colour), "{}", text);
}

std::string shown_text(std::string_view text, const TextStyle& style) {
  if (!style.has_colours) return lines_without_controls(text);
  std::string shown;
  while (!text.empty()) {
    const std::size_t length = length_of_tone(text);
    shown += text.substr(0, length);
    text.remove_prefix(length);
    const std::size_t end = std::min(text.find('\x1b', length == 0 ? 1 : 0), text.size());
    shown += lines_without_controls(text.substr(0, end));
    text.remove_prefix(end);
  }
  return shown;
}

Tone tone_of_bad(std::size_t count) { return count > 0 ? Tone::kBad : Tone::kPlain; }

}  // namespace clipsweep
