#include "messages.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <new>
#include <string>

#include "clipsweep/base/text.h"
#include "terminal.h"

namespace clipsweep {
namespace {

// The same line as `complain` writes, in ASCII, without a request for memory.
void complain_in_place(std::string_view message) noexcept {
  std::array<char, 2048> line{};
  std::size_t size = 0;
  const auto append = [&](char character) {
    if (size < line.size() - 1) line[size++] = character;
  };
  for (const char character : std::string_view("clipsweep: ")) append(character);
  for (const char character : message) append(character < ' ' || character > '~' ? '?' : character);
  line[size++] = '\n';
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), size);
}

void write_to_stderr(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

}  // namespace

void say(std::string_view text) { write_to_stderr(shown_text(text, stderr_style())); }

void say_over_progress(std::string_view text) {
  const char* const erase = stderr_is_terminal() ? "\r\x1b[K" : "";
  write_to_stderr(erase + shown_text(text, stderr_style()));
}

void complain(std::string_view message) noexcept try {
  constexpr std::size_t kMaxLength = 2000;
  say(fmt::format("clipsweep: {}\n", printable(message, kMaxLength)));
} catch (const std::bad_alloc&) {
  complain_in_place(message);
}

void complain_of_lack_of_memory() noexcept {
  constexpr std::string_view kText =
      "clipsweep: out of memory; raise its limit (ulimit -v) or end other programs; training takes "
      "less with fewer --workers or a smaller --hidden\n";
  // Where nothing can be written, there is nothing else to do.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText.data(), kText.size());
}

void say_progress(std::string_view text) {
  const std::string line = shown_text(text, stderr_style());
  write_to_stderr(stderr_is_terminal() ? fmt::format("\r{}\x1b[K", line) : line + "\n");
}

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace clipsweep
