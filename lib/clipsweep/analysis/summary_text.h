// The comparison as text for the terminal, as `summarize` and the end of `sweep` print it.
#pragma once

#include <string>

#include "clipsweep/analysis/summary.h"

namespace clipsweep {

// Counts, the results of the arms, their gradients, the paired differences with verdicts, the best
// arm of each mode, and the answer. Lines have at most 80 columns.
std::string comparison_text(const Summary& summary);

}  // namespace clipsweep
