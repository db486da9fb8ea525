// stdout: the one place through which text and JSON reach it. What comes from files may be hostile,
// and is shown without characters that control a terminal.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "clipsweep/io/json.h"

namespace clipsweep {

// Prints lines for people.
void print_text(std::string_view text);

template <typename... Arguments>
void print(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  print_text(fmt::format(format, std::forward<Arguments>(arguments)...));
}

// Prints JSON as an indented page, or as one line. It reads back to the same value.
void print_json(const Json& value);
void print_json_page(std::string_view page);
void print_json_line(const Json& value);

}  // namespace clipsweep
