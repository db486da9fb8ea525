#include "clipsweep/validation/through_time_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "clipsweep/records/result_folder.h"
#include "clipsweep/records/through_time.h"
#include "clipsweep/validation/schemas.h"

namespace clipsweep {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

// Which steps of a finished run must be there, in their order.
class MeasuredSteps {
 public:
  MeasuredSteps(const RunRecord& record, std::uint64_t every)
      : every_(every), last_(record.totals.steps), last_required_(last_) {
    for (const auto& event : record.events) {
      event_steps_.insert(event.step);
      if (event_steps_.size() <= kMaxEventSteps || event.action == Action::kStopped)
        told_steps_.insert(event.step);
    }
    // What failed may have been this measurement.
    if (record.outcome == Outcome::kFailed && last_ > 0) --last_required_;
  }

  // The first one after this step; kNever if there is none.
  std::uint64_t after(std::uint64_t step) const {
    std::uint64_t next = step == 0 ? 1 : (step / every_ + 1) * every_;
    const auto told = told_steps_.upper_bound(step);
    if (told != told_steps_.end()) next = std::min(next, *told);
    return next <= last_required_ ? next : kNever;
  }

  bool has_event(std::uint64_t step) const { return event_steps_.count(step) > 0; }
  std::uint64_t last() const { return last_; }
  std::uint64_t last_required() const { return last_required_; }

 private:
  std::uint64_t every_;
  std::uint64_t last_;
  std::uint64_t last_required_;
  std::set<std::uint64_t> event_steps_;
  std::set<std::uint64_t> told_steps_;
};

class ThroughTimeChecker {
 public:
  ThroughTimeChecker(const ExpectedLog& expected, FileProblems& problems)
      : expected_(expected), problems_(problems) {}

  void check() {
    try {
      finish(read_log(problems_.path(), [&](const Json& json, std::uint64_t line) {
        if (line == 1)
          read_header(json);
        else
          check_line(json, line);
      }));
    } catch (const DataError& error) {
      problems_.add(error);
    }
  }

 private:
  void read_header(const Json& json) {
    for (const auto& violation : schema_violations("through_time", json))
      problems_.add(1, violation);
    if (!problems_.empty()) throw DataError("the steps were not read without their header");
    const ThroughTimeHeader header = through_time_header_from_json(json);
    const auto& planned = expected_.through_time_every;
    if (planned && header.every != *planned)
      problems_.add(1, fmt::format("\"through_time_every\" is {}, but {} in sweep.json",
                                   header.every, *planned));
    if (to_json(header.run) != to_json(expected_.run))
      problems_.add(1, fmt::format("the header says {}, but the plan {}",
                                   to_line(to_json(header.run)), to_line(to_json(expected_.run))));
    if (expected_.record) steps_.emplace(*expected_.record, header.every);
  }

  void check_line(const Json& json, std::uint64_t line) {
    try {
      const ThroughTimeRecord record = through_time_record_from_json(json);
      check_place(record, line);
      if (const auto problem = epoch_problem(record.step, record.epoch, expected_.steps_per_epoch))
        problems_.add(line, *problem);
      check_event(record, line);
      check_length(record, line);
      previous_ = std::max(previous_, record.step);
    } catch (const DataError& error) {
      problems_.add(line, error.what());
      // It is taken for the step that should be there, so that the next one is not called missing.
      if (steps_ && steps_->after(previous_) != kNever) previous_ = steps_->after(previous_);
    }
  }

  void check_place(const ThroughTimeRecord& record, std::uint64_t line) {
    const std::uint64_t required = steps_ ? steps_->after(previous_) : kNever;
    if (const auto problem = order_problem(record.step, previous_, required, last_step()))
      problems_.add(line, *problem);
    else if (steps_ && record.step < required && record.step <= steps_->last_required())
      problems_.add(line,
                    fmt::format("step {} has no place here: step {} is the next to be measured",
                                record.step, required));
  }

  void check_event(const ThroughTimeRecord& record, std::uint64_t line) {
    if (steps_ && record.event != steps_->has_event(record.step))
      problems_.add(line,
                    fmt::format("\"event\" is {}, but run.json has {} at step {}", record.event,
                                record.event ? "no event" : "one", record.step));
  }

  void check_length(const ThroughTimeRecord& record, std::uint64_t line) {
    if (length_ == 0) length_ = record.norms.size();
    if (expected_.same_length && record.norms.size() != length_)
      problems_.add(line,
                    fmt::format("\"norms\" has {}, but {} in the first step: one for each time "
                                "step",
                                record.norms.size(), length_));
  }

  std::uint64_t last_step() const {
    const std::uint64_t planned = expected_.epochs * expected_.steps_per_epoch;
    return steps_ ? std::min(steps_->last(), planned) : planned;
  }

  void finish(const LogReading& reading) {
    if (!expected_.record) return;
    if (reading.torn)
      problems_.add(reading.lines + 1, "the last line is cut off, though the run is finished");
    else if (reading.lines == 0)
      problems_.add("the log is empty, though the run is finished");
    else if (const auto missing = steps_->after(previous_); missing != kNever)
      problems_.add(reading.lines,
                    fmt::format("the log ends after step {}; step {} is missing of {}", previous_,
                                missing, steps_->last()));
  }

  const ExpectedLog& expected_;
  FileProblems& problems_;
  std::optional<MeasuredSteps> steps_;  // nothing where the run is unfinished
  std::uint64_t previous_ = 0;
  std::size_t length_ = 0;  // T of the first step
};

// By a version that did not measure the gradient through time yet; the sweep went on with this one.
bool is_of_earlier_version(const RunRecord& record) {
  return !record.epochs.empty() && !record.epochs.front().spectral_radius;
}

}  // namespace

void check_through_time(const ExpectedLog& expected, FileProblems& problems) {
  if (fs::exists(problems.path())) return ThroughTimeChecker(expected, problems).check();
  const bool wanted = expected.record && expected.through_time_every.value_or(0) > 0;
  if (wanted && !is_of_earlier_version(*expected.record))
    problems.add(
        fmt::format("missing, though the run is finished and through_time_every is {} in "
                    "sweep.json",
                    *expected.through_time_every));
}

}  // namespace clipsweep
