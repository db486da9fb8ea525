#include "messages.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "clipsweep/base/text.h"

namespace clipsweep {

void say(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

void complain(std::string_view message) {
  constexpr std::size_t kMaxLength = 2000;
  say(fmt::format("clipsweep: {}\n", printable(message, kMaxLength)));
}

void say_progress(std::string_view text) {
  say(stderr_is_terminal() ? fmt::format("\r{}\x1b[K", text) : fmt::format("{}\n", text));
}

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace clipsweep
