// `clipsweep validate`: what is wrong with a result folder, and where.
#include <fmt/format.h>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/json.h"
#include "clipsweep/validation/validation.h"
#include "commands/inspection_commands.h"
#include "output.h"
#include "terminal.h"

namespace clipsweep {
namespace {

Json problem_json(const Problem& problem) {
  const auto& line = problem.line;
  return {{"file", without_controls(problem.file)},
          {"line", line ? Json(*line) : Json(nullptr)},
          {"message", without_controls(problem.message)}};
}

Json validation_json(const Validation& found) {
  Json problems = Json::array();
  for (const auto& problem : found.problems) problems.push_back(problem_json(problem));
  return {{"schema", "clipsweep/validation-1"},
          {"runs", found.runs},
          {"unfinished", found.unfinished},
          {"steps", found.steps},
          {"results_are_older", found.results_are_older},
          {"problems", std::move(problems)}};
}

void print_validation(const Validation& found) {
  for (const auto& problem : found.problems) print("{}\n", to_text(problem));
  const std::string unfinished =
      found.unfinished > 0 ? fmt::format(" ({} unfinished)", with_thousands(found.unfinished)) : "";
  const std::string verdict =
      found.problems.empty()
          ? "no problems"
          : toned(counted(found.problems.size(), "problem"), Tone::kBad, stdout_style());
  const char* older = found.results_are_older ? ", runs.csv and summary.json outdated" : "";
  print("{}{}, {}{}: {}\n", counted(found.runs, "run"), unfinished, counted(found.steps, "step"),
        older, verdict);
}

}  // namespace

int run_validate(const ValidateCommand& command) {
  const Validation found = validate_folder(command.folder);
  if (command.json)
    print_json(validation_json(found));
  else
    print_validation(found);
  return found.problems.empty() ? kSuccess : kInvalidData;
}

}  // namespace clipsweep
