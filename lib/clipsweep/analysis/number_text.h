// Results as text, in tables and in sentences. A missing number is an empty text, which a table
// prints as `-`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "clipsweep/statistics/interval.h"

namespace clipsweep {

// No line of text for the terminal is longer; a table may be wider if the terminal is.
inline constexpr std::size_t kTerminalColumns = 80;

std::string percent_text(const std::optional<double>& share);                // `68.3`
std::string loss_text(const std::optional<double>& loss, int decimals = 3);  // `0.873`
std::string norm_text(const std::optional<double>& norm, int digits = 4);    // `131.5`
std::string cosine_text(const std::optional<double>& cosine);                // `0.980`

// With a sign unless the value rounds to zero; in scientific notation if it is very large.
std::string signed_text(double value, int decimals);                             // `+0.041`
std::string signed_text(const Interval& interval, double factor, int decimals);  // `[+0.3, +3.4]`

// `0.012`, `<0.001`
std::string p_value_text(const std::optional<double>& p_value);

// `0.03 to 0.3` if the values (sorted) are consecutive ones of `all`, else `0.03, 0.3`; empty if
// there are none.
std::string range_text(const std::vector<double>& values, const std::vector<double>& all);

}  // namespace clipsweep
