// The tasks by name: their targets and what their scores mean. task.h produces the samples.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/model/model.h"

namespace clipsweep {

// The number of time steps of a task's sequences; if the two differ, each batch draws one between
// them.
struct LengthRange {
  int shortest = 0;
  int longest = 0;
};

bool operator==(const LengthRange& a, const LengthRange& b);

// `200`, `50-200`
std::string to_text(const LengthRange& range);

// Where a task's samples come from.
enum class Samples {
  kImages,         // IDX files
  kSequences,      // the user's sequences, which determine target and length
  kText,           // a text: one long sequence, cut into pieces (text_task.h)
  kGenerated,      // drawn, sequence by sequence
  kGeneratedText,  // drawn, as one long sequence
};

// One row of the table.
struct TaskEntry {
  const char* name;
  const char* summary;
  Samples samples;
  Target target;
  // The expected accuracy of the best constant output, for sweeps of earlier versions: those of now
  // count it on their test set (chance_level.h). Of images, that of ten equally frequent classes.
  double chance_accuracy;
  // An evaluation above this accuracy solves the task; nullopt if the task cannot be solved.
  std::optional<double> solved_accuracy;
  // The default target accuracy: runs are compared by the steps they need to reach it.
  double target_accuracy;
  // Of generated tasks and of text; 0 if the data determine the length.
  int shortest_length = 0;
  int default_length = 0;

  bool is_generated() const {
    return samples == Samples::kGenerated || samples == Samples::kGeneratedText;
  }
  bool is_text() const { return samples == Samples::kText || samples == Samples::kGeneratedText; }
  bool has_length() const { return default_length > 0; }
};

const std::vector<TaskEntry>& task_table();

// Throws std::logic_error if there is no such task.
const TaskEntry& task_entry(std::string_view name);

std::vector<std::string> task_names();

}  // namespace clipsweep
