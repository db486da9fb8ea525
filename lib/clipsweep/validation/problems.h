// What a check of a result folder finds wrong, and where.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/base/error.h"
#include "clipsweep/io/files.h"

namespace clipsweep {

struct Problem {
  std::string file;  // relative to the result folder
  std::optional<std::uint64_t> line;
  std::string message;
};

// `runs/ID/steps.jsonl:17: step 16 is missing`
std::string to_text(const Problem& problem);

// The problems of one file. After the first 20 they are only counted: a damaged log of a million
// lines must not bury the rest.
class FileProblems {
 public:
  // `file` is relative to `folder`.
  FileProblems(const fs::path& folder, const fs::path& file);

  void add(const std::string& message) { add(std::nullopt, message); }
  void add(std::optional<std::uint64_t> line, const std::string& message);
  // Takes an error that begins with the path of this file, "PATH: ..." or "PATH:LINE: ...".
  void add(const DataError& error);

  fs::path path() const { return folder_ / file_; }
  bool empty() const { return problems_.empty(); }

  // Moves the problems to the end of `all`.
  void move_to(std::vector<Problem>& all);

 private:
  fs::path folder_;
  std::string file_;
  std::vector<Problem> problems_;
  std::uint64_t suppressed_ = 0;
};

// What is wrong with a step of a log after the step `previous`, where the next that must be there
// is `required` and the run has no step beyond `last`; nothing if it may stand there.
std::optional<std::string> order_problem(std::uint64_t step, std::uint64_t previous,
                                         std::uint64_t required, std::uint64_t last);

// Likewise with the epoch that it names.
std::optional<std::string> epoch_problem(std::uint64_t step, std::uint64_t epoch,
                                         std::uint64_t steps_per_epoch);

}  // namespace clipsweep
