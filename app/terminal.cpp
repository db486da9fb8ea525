#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace clipsweep {
namespace {

constexpr std::size_t kUnknownColumns = 80;

std::size_t columns_of(int descriptor) {
  winsize size{};
  const bool is_known = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return is_known ? size.ws_col : kUnknownColumns;
}

// The value of an environment variable; empty if it is not set.
std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool shows_colours(int descriptor) {
  return ::isatty(descriptor) == 1 && environment("NO_COLOR").empty() &&
         environment("TERM") != "dumb";
}

TextStyle style_of(int descriptor) {
  TextStyle style;
  style.table_columns = std::max(style.table_columns, columns_of(descriptor));
  style.has_colours = shows_colours(descriptor);
  return style;
}

}  // namespace

std::size_t stderr_columns() { return columns_of(STDERR_FILENO); }

TextStyle stdout_style() { return style_of(STDOUT_FILENO); }

TextStyle stderr_style() { return style_of(STDERR_FILENO); }

}  // namespace clipsweep
