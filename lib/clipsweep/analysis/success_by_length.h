// Success by length: of a task that can be solved, in a sweep over its length, the share of each
// arm's runs that solved it at each length.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "clipsweep/analysis/summary.h"
#include "clipsweep/base/text_style.h"
#include "clipsweep/statistics/proportions.h"

namespace clipsweep {

// An arm at all lengths.
struct SuccessRow {
  ArmSettings arm;        // at the first of its lengths
  VariedSettings others;  // the settings that vary, without the length
  // By length: the runs that solved the task in some evaluation, among those that completed or
  // diverged; nothing where there is none.
  std::vector<std::optional<RunShare>> solved;
};

struct SuccessByLength {
  std::vector<std::string> lengths;  // in the order of the plan
  std::vector<SuccessRow> rows;
};

// Nothing if the length does not vary, or the task cannot be solved.
std::optional<SuccessByLength> success_by_length(const Summary& summary);

// As a table with its title; empty if there is nothing.
std::string success_by_length_table(const Summary& summary, const TextStyle& style);

}  // namespace clipsweep
