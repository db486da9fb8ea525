// `clipsweep validate`: what is wrong with a result folder, and where.
#include <fmt/format.h>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/validation/validation.h"
#include "commands/inspection_commands.h"

namespace clipsweep {

int run_validate(const ValidateCommand& command) {
  const Validation found = validate_folder(command.folder);
  for (const auto& problem : found.problems) fmt::print("{}\n", to_text(problem));
  const std::string unfinished =
      found.unfinished > 0 ? fmt::format(" ({} unfinished)", with_thousands(found.unfinished)) : "";
  const std::string verdict =
      found.problems.empty() ? "no problems" : counted(found.problems.size(), "problem");
  const char* older = found.results_are_older ? ", runs.csv and summary.json outdated" : "";
  fmt::print("{}{}, {}{}: {}\n", counted(found.runs, "run"), unfinished,
             counted(found.steps, "step"), older, verdict);
  return found.problems.empty() ? kSuccess : kInvalidData;
}

}  // namespace clipsweep
