// What goes to stderr: progress, notes and errors. A reader that is gone or a full disk behind it
// must never end a sweep, so nothing here fails.
#pragma once

#include <string_view>

namespace clipsweep {

// Writes the text to stderr as it is.
void say(std::string_view text);

// Writes `clipsweep: MESSAGE` as one line: control characters are replaced, so that hostile input
// breaks neither the line nor the terminal.
void complain(std::string_view message);

// Whether stderr is a terminal.
bool stderr_is_terminal();

}  // namespace clipsweep
