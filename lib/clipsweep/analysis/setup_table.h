// A sweep with many setups in one table: for each setup its best arm with clipping, its best arm
// without, and the verdict.
#pragma once

#include <cstddef>
#include <string>

#include "clipsweep/analysis/summary.h"
#include "clipsweep/base/text_style.h"

namespace clipsweep {

// With at most this many setups, the answer has sentences for each; with more, it is a table.
inline constexpr std::size_t kMaxSetupsInSentences = 6;

// With its title. Shows at most `max_setups` setups and says how many more there are.
std::string setup_table(const Summary& summary, const TextStyle& style, std::size_t max_setups);

}  // namespace clipsweep
