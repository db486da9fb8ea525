// Messages on stderr: progress, notes and errors. Writing them never fails: a closed pipe or a full
// disk must not end a sweep.
#pragma once

#include <string_view>

namespace clipsweep {

// Writes the text to stderr unchanged.
void say(std::string_view text);

// Writes `clipsweep: MESSAGE` as one line, without control characters, so that untrusted input
// cannot break the line or the terminal.
void complain(std::string_view message);

// Writes how far something is: on a terminal over the line before it, elsewhere as a line.
void say_progress(std::string_view text);

// Whether stderr is a terminal.
bool stderr_is_terminal();

}  // namespace clipsweep
