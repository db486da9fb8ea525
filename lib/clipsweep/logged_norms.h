// What every threshold would be compared with, for each step of a log: read a hundred times faster
// than JSON is parsed, from lines in the spelling of `append_line`.
#pragma once

#include <vector>

#include "clipsweep/files.h"

namespace clipsweep {

// One number for each logged step whose gradient was finite.
struct LoggedNorms {
  std::vector<double> largest_elements;      // what `value` compares
  std::vector<double> norms;                 // `global-norm`
  std::vector<double> largest_tensor_norms;  // `tensor-norm`
};

// Appends those of one steps.jsonl; a torn last line is left out. Throws DataError that names file
// and line where a step lacks them.
void append_logged_norms(const fs::path& steps_log, LoggedNorms& norms);

}  // namespace clipsweep
