// The answer of a sweep in three sentences: does clipping help, where, and what to use. Every claim
// carries its numbers, and none goes beyond its interval.
#pragma once

#include <string>

#include "clipsweep/analysis/summary.h"

namespace clipsweep {

// Of a sweep with several cells each is a line for each of them: `lstm: Yes: ...`.
struct Answer {
  std::string does_it_help;
  std::string where;
  std::string what_to_use;
};

Answer answer_of(const Summary& summary);

}  // namespace clipsweep
