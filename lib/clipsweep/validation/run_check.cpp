#include "clipsweep/validation/run_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "clipsweep/io/log_file.h"
#include "clipsweep/validation/expected_run.h"
#include "clipsweep/validation/history_check.h"
#include "clipsweep/validation/record_check.h"
#include "clipsweep/validation/record_log_check.h"
#include "clipsweep/validation/schemas.h"
#include "clipsweep/validation/step_log_check.h"
#include "clipsweep/validation/through_time_check.h"
#include "clipsweep/validation/weights_check.h"

namespace clipsweep {
namespace {

// The line of the first syntax error.
std::optional<std::uint64_t> line_of_syntax_error(const std::string& text) {
  const auto position = syntax_error_position(text);
  if (!position) return std::nullopt;
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(*position);
  return 1 + static_cast<std::uint64_t>(std::count(text.begin(), end, '\n'));
}

std::optional<Json> parsed(const std::string& text, FileProblems& problems) {
  const std::string where = problems.path().string();
  try {
    return parse_json(text, where);
  } catch (const DataError& error) {
    const std::string message = error.what();
    problems.add(line_of_syntax_error(text), message.substr(where.size() + 2));
    return std::nullopt;
  }
}

std::optional<RunRecord> read_checked_record(FileProblems& problems) {
  const auto json = read_checked_json("run", problems);
  if (!json) return std::nullopt;
  try {
    RunRecord record = run_record_from_json(*json);
    check_histories(*json, record, problems);
    check_record_hash(*json, problems);
    return record;
  } catch (const DataError& error) {
    problems.add(error.what());
    return std::nullopt;
  }
}

// An unreadable path counts as present; reading it reports the error.
bool is_present(const fs::path& path) {
  try {
    return is_there(path);
  } catch (const DataError&) {
    return true;
  }
}

FileProblems problems_of(const SweepFolder& sweep, const fs::path& path) {
  return {sweep.folder, path.lexically_relative(sweep.folder)};
}

// Those of a log, compressed or not.
FileProblems problems_of_log(const SweepFolder& sweep, const fs::path& log) {
  return problems_of(sweep, is_present(compressed_path(log)) ? compressed_path(log) : log);
}

// What `clipsweep cliff` wrote about the run.
void check_cliffs(const SweepFolder& sweep, const RunSpec& run, std::vector<Problem>& problems) {
  for (const auto& path : cliff_paths(sweep.folder, run.id)) {
    FileProblems found = problems_of(sweep, path);
    if (const auto json = read_checked_json("cliff", found)) {
      if ((*json)["run"] != run.id) found.add("\"run\" is not the run in whose folder it is");
      const std::uint64_t step = count_member(*json, "step");
      if (path != cliff_path(sweep.folder, run.id, step))
        found.add(fmt::format("\"step\" is {}, which the name of the file does not say", step));
    }
    found.move_to(problems);
  }
}

}  // namespace

CheckedRun check_run(const SweepFolder& sweep, const RunSpec& run, std::vector<Problem>& problems) {
  FileProblems run_problems = problems_of(sweep, run_path(sweep.folder, run.id));
  FileProblems log_problems = problems_of_log(sweep, steps_path(sweep.folder, run.id));
  FileProblems through_time_problems =
      problems_of_log(sweep, through_time_path(sweep.folder, run.id));
  FileProblems weights_problems = problems_of(sweep, weights_path(sweep.folder, run.id));
  CheckedRun checked;
  const bool has_run_json = is_present(run_problems.path());
  if (has_run_json) checked.record = read_checked_record(run_problems);
  checked.damaged = has_run_json && !checked.record;

  const RunRecord* record = checked.record ? &*checked.record : nullptr;
  const ExpectedRun expected = expected_run(sweep, run, record);
  CheckedLog log;
  if (has_run_json || is_present(log_problems.path())) log = check_step_log(expected, log_problems);
  checked.steps = log.steps;
  if (record) {
    check_record_against_plan(*record, expected, sweep.sweep, run_problems);
    check_record_against_itself(*record, expected, run_problems);
    if (log.header) check_record_against_header(*record, *log.header, run_problems);
    if (log.is_whole && expected.log_every == 1)
      check_record_against_sums(*record, log.sums, expected, run_problems);
  }
  if (record && log.header && reached_outcome(*record))
    check_weights(*record, *log.header, weights_problems);
  check_through_time(expected, through_time_problems);
  if (record) {
    check_hash("steps", record->steps_sha256, log_problems);
    check_hash("through_time", record->through_time_sha256, through_time_problems);
    check_hash("weights", record->weights_file_sha256, weights_problems);
  }
  check_compression(log_problems);
  check_compression(through_time_problems);
  run_problems.move_to(problems);
  log_problems.move_to(problems);
  through_time_problems.move_to(problems);
  weights_problems.move_to(problems);
  check_cliffs(sweep, run, problems);
  return checked;
}

std::optional<Json> read_checked_json(const char* kind, FileProblems& problems) {
  std::string text;
  try {
    text = read_file(problems.path());
  } catch (const DataError& error) {
    problems.add(error);
    return std::nullopt;
  }
  auto json = parsed(text, problems);
  if (!json) return std::nullopt;
  check_form(text, to_page(*json) + "\n", std::nullopt, problems);
  const auto violations = schema_violations(kind, *json);
  for (const auto& violation : violations) problems.add(violation);
  if (!violations.empty()) return std::nullopt;
  return json;
}

}  // namespace clipsweep
