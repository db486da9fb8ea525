// Messages on stderr: progress, notes and errors. Writing them never fails: a closed pipe, a full
// disk or a lack of memory must not end a sweep.
#pragma once

#include <string_view>

namespace clipsweep {

// Writes lines to stderr, without control characters.
void say(std::string_view text);

// The same in place of the progress line, which is printed again below.
void say_over_progress(std::string_view text);

// Writes `clipsweep: MESSAGE` as one line, without control characters, so that untrusted input
// cannot break the line or the terminal.
void complain(std::string_view message) noexcept;

// Writes that memory is short, without needing any: for handlers of std::bad_alloc.
void complain_of_lack_of_memory() noexcept;

// Writes how far something is: on a terminal over the line before it, elsewhere as a line.
void say_progress(std::string_view text);

// Whether stderr is a terminal.
bool stderr_is_terminal();

}  // namespace clipsweep
