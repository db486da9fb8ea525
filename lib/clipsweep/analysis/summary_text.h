// The comparison as text for the terminal: all of it, as `summarize` prints it, and the essentials,
// as the end of `sweep` does.
#pragma once

#include <cstddef>
#include <string>

#include "clipsweep/analysis/summary.h"
#include "clipsweep/base/text_style.h"

namespace clipsweep {

// Counts, the results of the arms, their gradients, the paired differences with verdicts, the best
// arm of each mode, and the answer. Lines have at most 80 columns; those of tables may be as wide
// as the terminal.
std::string comparison_text(const Summary& summary, const TextStyle& style = {});

// Counts, the best arm of each mode, and the answer. If these are more than `max_lines`, leaves out
// the arms, then where clipping helps, then the end.
std::string brief_text(const Summary& summary, const TextStyle& style, std::size_t max_lines);

}  // namespace clipsweep
