// The tasks by name: what each asks for and what its numbers mean. Where their samples come from
// stands in task.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/model/model.h"

namespace clipsweep {

// Time steps of a task's sequences, drawn anew for each batch where the two differ.
struct LengthRange {
  int shortest = 0;
  int longest = 0;
};

bool operator==(const LengthRange& a, const LengthRange& b);

// `200`, `50-200`
std::string to_text(const LengthRange& range);

// One line of the table.
struct TaskEntry {
  const char* name;
  const char* summary;
  Target target;
  // What a diverged run counts as: the accuracy of guessing one class among equally frequent ones;
  // 0 where a number is asked for, since a NaN is near none, and where all must be right at once.
  double chance_accuracy;
  // An evaluation with a higher accuracy solves the task; nothing for tasks that are never solved.
  std::optional<double> solved_accuracy;
  // To what accuracy the steps of a run are counted by default.
  double target_accuracy;
  // Of generated tasks; 0 where pictures give the length.
  int shortest_length = 0;
  int default_length = 0;

  bool is_generated() const { return default_length > 0; }
};

const std::vector<TaskEntry>& task_table();

// Throws std::logic_error if there is none.
const TaskEntry& task_entry(std::string_view name);

std::vector<std::string> task_names();

}  // namespace clipsweep
