#include "messages.h"

#include <unistd.h>

#include <cstdio>

namespace clipsweep {

void say(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace clipsweep
