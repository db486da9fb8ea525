// The comparison as text for the terminal; `summarize` and the end of `sweep` print the same.
#pragma once

#include <optional>
#include <string>

#include "clipsweep/summary.h"

namespace clipsweep {

// Counts, results of the arms, their gradients, and the paired differences from the baseline.
std::string comparison_text(const Summary& summary);

// How numbers look in tables. A missing number is an empty text, which a table prints as `-`.
std::string percent_text(const std::optional<double>& share);                // `68.3`
std::string loss_text(const std::optional<double>& loss, int decimals = 3);  // `0.873`
std::string norm_text(const std::optional<double>& norm, int digits = 4);    // `131.5`

}  // namespace clipsweep
