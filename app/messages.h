// What goes to stderr: progress, notes and errors. A reader that is gone or a full disk behind it
// must never end a sweep, so nothing here fails.
#pragma once

#include <string_view>

namespace clipsweep {

// Writes the text to stderr as it is.
void say(std::string_view text);

// Whether stderr is a terminal.
bool stderr_is_terminal();

}  // namespace clipsweep
