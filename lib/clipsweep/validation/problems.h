// What a check of a result folder finds wrong, and where; and the checks that all logs share.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/base/error.h"
#include "clipsweep/io/files.h"
#include "clipsweep/records/result_folder.h"

namespace clipsweep {

struct Problem {
  std::string file;  // relative to the result folder
  std::optional<std::uint64_t> line;
  std::string message;
};

// `runs/ID/steps.jsonl:17: step 16 is missing`
std::string to_text(const Problem& problem);

// The problems of one file. After the first 20 they are only counted: a corrupt log of a million
// lines must not hide the problems of other files.
class FileProblems {
 public:
  // `file` is relative to `folder`.
  FileProblems(const fs::path& folder, const fs::path& file);

  void add(const std::string& message) { add(std::nullopt, message); }
  void add(std::optional<std::uint64_t> line, const std::string& message);
  // The message may begin with the path of this file, as "PATH: ..." or "PATH:LINE: ...".
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

// In place of a step number where there is no such step.
inline constexpr std::uint64_t kNoStep = std::numeric_limits<std::uint64_t>::max();

// What is wrong with the place of a step in a log. `previous`: the step before it in the log;
// `required`: the next step that the log must have; `last`: the last step of the run.
std::optional<std::string> order_problem(std::uint64_t step, std::uint64_t previous,
                                         std::uint64_t required, std::uint64_t last);

// What is wrong with the epoch of a step.
std::optional<std::string> epoch_problem(std::uint64_t step, std::uint64_t epoch,
                                         std::uint64_t steps_per_epoch);

// Adds what is wrong with the end of a finished run's log. `previous`: its last step; `missing`:
// the first required step after that; `last`: the last step of the run.
void check_ending(const LogReading& reading, std::uint64_t previous, std::uint64_t missing,
                  std::uint64_t last, FileProblems& problems);

// Whether two numbers are the same, or both none.
inline bool is_same_number(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

// Adds it if a text is not exactly `written`, which is how the program writes what it says: a key
// twice, another order, other digits or spacing, a byte-order mark. `line`: nothing for a whole
// file of several lines.
void check_form(std::string_view text, std::string_view written, std::optional<std::uint64_t> line,
                FileProblems& problems);

// Adds it if a file has another hash than run.json says. `key`: in `sha256` of run.json;
// `recorded`: empty in runs of earlier versions. Looks only where nothing else is wrong with the
// file, since what says more than "changed" is said already.
void check_hash(const char* key, const std::string& recorded, FileProblems& problems);

// Adds it if a compressed log has other bytes around its packed content than those that the program
// writes, or if the plain log is there as well and says something else. Looks only where nothing
// else is wrong with the log.
void check_compression(FileProblems& problems);

// Adds it if the header of a log is of another run than the plan.
// The run that a file names, with the training settings that vary in the plan and that the file
// lacks: it may be from before they varied.
RunSpec with_axes_of_plan(RunSpec found, const RunSpec& planned);

void check_run_of_header(const RunSpec& found, const RunSpec& planned, FileProblems& problems);

}  // namespace clipsweep
