// The comparison as text for the terminal; `summarize` and the end of `sweep` print the same.
#pragma once

#include <string>

#include "clipsweep/analysis/summary.h"

namespace clipsweep {

// Counts, the results of the arms, their gradients, the paired differences with verdicts, what each
// mode can do, and last the answer.
std::string comparison_text(const Summary& summary);

}  // namespace clipsweep
