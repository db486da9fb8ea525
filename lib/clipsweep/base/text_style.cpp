#include "clipsweep/base/text_style.h"

#include <fmt/color.h>

namespace clipsweep {

std::string toned(std::string text, Tone tone, const TextStyle& style) {
  if (!style.has_colours || tone == Tone::kPlain || text.empty()) return text;
  const auto colour = tone == Tone::kGood ? fmt::terminal_color::green : fmt::terminal_color::red;
  return fmt::format(fmt::fg(colour), "{}", text);
}

Tone tone_of_bad(std::size_t count) { return count > 0 ? Tone::kBad : Tone::kPlain; }

}  // namespace clipsweep
