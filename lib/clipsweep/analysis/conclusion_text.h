// A conclusion in words: one whole sentence, or a few, for each case. Every claim carries its
// numbers.
#pragma once

#include <string>

#include "clipsweep/analysis/conclusions.h"
#include "clipsweep/analysis/summary.h"

namespace clipsweep {

struct Answer {
  std::string does_it_help;
  std::string where;
  std::string what_to_use;
};

Answer in_words(const Conclusion& conclusion);

// The answer of a whole sweep. With several cells, each part has one line per cell:
// `lstm: Yes: ...`.
Answer answer_of(const Summary& summary);

}  // namespace clipsweep
