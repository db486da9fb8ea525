#include "clipsweep/validation/problems.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "clipsweep/base/text.h"
#include "clipsweep/io/log_file.h"

namespace clipsweep {
namespace {

constexpr std::size_t kMaxReported = 20;

// Removes a prefix from a text. Whether it was there.
bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::uint64_t> take_line_number(std::string_view& text) {
  const auto end = text.find(": ");
  if (end == std::string_view::npos) return std::nullopt;
  const auto line = parse_count(text.substr(0, end));
  if (line) text.remove_prefix(end + 2);
  return line;
}

}  // namespace

std::string to_text(const Problem& problem) {
  const std::string line = problem.line ? fmt::format(":{}", *problem.line) : "";
  return without_controls(fmt::format("{}{}: {}", problem.file, line, problem.message));
}

FileProblems::FileProblems(const fs::path& folder, const fs::path& file)
    : folder_(folder), file_(file.string()) {}

void FileProblems::add(std::optional<std::uint64_t> line, const std::string& message) {
  if (problems_.size() < kMaxReported)
    problems_.push_back({file_, line, message});
  else
    ++suppressed_;
}

void FileProblems::add(const DataError& error) {
  std::string_view message = error.what();
  std::optional<std::uint64_t> line;
  if (take_prefix(message, path().string() + ":") && !take_prefix(message, " "))
    line = take_line_number(message);
  add(line, std::string(message));
}

void FileProblems::move_to(std::vector<Problem>& all) {
  if (suppressed_ > 0)
    problems_.push_back(
        {file_, std::nullopt, fmt::format("and {} more", counted(suppressed_, "problem"))});
  std::move(problems_.begin(), problems_.end(), std::back_inserter(all));
  problems_.clear();
  suppressed_ = 0;
}

std::optional<std::string> order_problem(std::uint64_t step, std::uint64_t previous,
                                         std::uint64_t required, std::uint64_t last) {
  if (step <= previous)
    return fmt::format("step {} comes after step {}: repeated or out of order", step, previous);
  if (step > required)
    return fmt::format("step {} is missing: step {} follows step {}", required, step, previous);
  if (step > last)
    return fmt::format("step {}, but the run has only {}", step, counted(last, "step"));
  return std::nullopt;
}

std::optional<std::string> epoch_problem(std::uint64_t step, std::uint64_t epoch,
                                         std::uint64_t steps_per_epoch) {
  const std::uint64_t expected = (step - 1) / steps_per_epoch + 1;
  if (epoch == expected) return std::nullopt;
  return fmt::format("step {} is in epoch {}, not {}, with {} steps per epoch", step, expected,
                     epoch, steps_per_epoch);
}

void check_ending(const LogReading& reading, std::uint64_t previous, std::uint64_t missing,
                  std::uint64_t last, FileProblems& problems) {
  if (reading.torn)
    problems.add(reading.lines + 1, "the last line is cut off, although the run is finished");
  else if (reading.lines == 0)
    problems.add("the log is empty, although the run is finished");
  else if (missing != kNoStep)
    problems.add(reading.lines, fmt::format("the log ends after step {}; step {} of {} is missing",
                                            previous, missing, last));
}

void check_form(std::string_view text, std::string_view written, std::optional<std::uint64_t> line,
                FileProblems& problems) {
  if (text == written) return;
  const auto [found, wanted] =
      std::mismatch(text.begin(), text.end(), written.begin(), written.end());
  if (!line) line = 1 + static_cast<std::uint64_t>(std::count(text.begin(), found, '\n'));
  const auto here = text.substr(0, static_cast<std::size_t>(found - text.begin()));
  problems.add(line, fmt::format("not in the form that clipsweep writes, from byte {} of the line: "
                                 "a key twice, another order, other digits or other spacing",
                                 here.size() - (here.rfind('\n') + 1) + 1));
}

void check_hash(const char* key, const std::string& recorded, FileProblems& problems) {
  if (recorded.empty() || !problems.empty()) return;
  try {
    const std::string found = sha256_of_log(problems.path());
    if (found != recorded)
      problems.add(
          fmt::format("it has the SHA-256 {}, but sha256.{} in run.json is {}: one of the two "
                      "files was changed",
                      found, key, recorded));
  } catch (const DataError& error) {
    problems.add(error);
  }
}

void check_compression(FileProblems& problems) {
  if (!is_compressed_path(problems.path()) || !problems.empty()) return;
  try {
    if (!has_usual_compression(problems.path()))
      problems.add("not compressed as clipsweep does it: another header, or bits after the end");
    const fs::path plain = fs::path(problems.path()).replace_extension();
    if (is_there(plain) && !is_duplicate_log(plain))
      problems.add(fmt::format("{} is there as well and says something else; remove one of them",
                               plain.filename().string()));
  } catch (const DataError& error) {
    problems.add(error);
  }
}

RunSpec with_axes_of_plan(RunSpec found, const RunSpec& planned) {
  std::vector<VariedSetting> settings = planned.setup.varied.values();
  for (auto& setting : settings)
    for (const auto& own : found.setup.varied.values())
      if (own.key == setting.key) setting.value = own.value;
  found.setup.varied = VariedSettings(std::move(settings));
  return found;
}

void check_run_of_header(const RunSpec& found, const RunSpec& planned, FileProblems& problems) {
  const Json header = to_json(with_axes_of_plan(found, planned));
  const Json plan = to_json(planned);
  if (header != plan)
    problems.add(1,
                 fmt::format("the header has {}, but the plan {}", to_line(header), to_line(plan)));
}

}  // namespace clipsweep
