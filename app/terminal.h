// The terminals at stdout and stderr: how wide they are, and whether they show colours.
#pragma once

#include <cstddef>

#include "clipsweep/base/text_style.h"

namespace clipsweep {

// 80 if it is not a terminal or its width is unknown.
std::size_t stderr_columns();

// How tables on stdout or messages on stderr look. Colours only on a terminal, and not if NO_COLOR
// is set (https://no-color.org) or TERM is `dumb`.
TextStyle stdout_style();
TextStyle stderr_style();

}  // namespace clipsweep
