#include "clipsweep/validation/through_time_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "clipsweep/records/result_folder.h"
#include "clipsweep/records/through_time.h"
#include "clipsweep/validation/schemas.h"

namespace clipsweep {
namespace {

// The steps that the log of a finished run must have, in order.
class MeasuredSteps {
 public:
  MeasuredSteps(const RunRecord& record, std::uint64_t every)
      : every_(every), last_(record.totals.steps), last_required_(last_) {
    for (const auto& event : record.events) {
      event_steps_.insert(event.step);
      if (event_steps_.size() <= kMaxEventSteps || event.action == Action::kStopped)
        measured_events_.insert(event.step);
    }
    // This measurement may be what failed.
    if (record.outcome == Outcome::kFailed && last_ > 0) --last_required_;
  }

  // The first required step after this one; kNoStep if there is none.
  std::uint64_t after(std::uint64_t step) const {
    std::uint64_t next = step == 0 ? 1 : (step / every_ + 1) * every_;
    const auto event = measured_events_.upper_bound(step);
    if (event != measured_events_.end()) next = std::min(next, *event);
    return next <= last_required_ ? next : kNoStep;
  }

  bool has_event(std::uint64_t step) const { return event_steps_.count(step) > 0; }
  std::uint64_t last() const { return last_; }
  std::uint64_t last_required() const { return last_required_; }

 private:
  std::uint64_t every_;
  std::uint64_t last_;
  std::uint64_t last_required_;
  std::set<std::uint64_t> event_steps_;
  std::set<std::uint64_t> measured_events_;
};

class ThroughTimeChecker {
 public:
  ThroughTimeChecker(const ExpectedRun& expected, FileProblems& problems)
      : expected_(expected), problems_(problems) {}

  void check() {
    try {
      const LogReading reading = read_log(
          problems_.path(), [&](const Json& json, std::uint64_t line, std::string_view text) {
            if (line == 1)
              read_header(json, text);
            else
              check_line(json, line, text);
          });
      if (expected_.record)
        check_ending(reading, previous_, steps_ ? steps_->after(previous_) : kNoStep,
                     expected_.record->totals.steps, problems_);
    } catch (const DataError& error) {
      problems_.add(error);
    }
  }

 private:
  void read_header(const Json& json, std::string_view text) {
    for (const auto& violation : schema_violations("through_time", json))
      problems_.add(1, violation);
    if (!problems_.empty())
      throw DataError("the steps were not read because the header is not valid");
    const ThroughTimeHeader header = through_time_header_from_json(json);
    const auto& planned = expected_.through_time_every;
    if (planned && header.every != *planned)
      problems_.add(1, fmt::format("\"through_time_every\" is {}, but {} in sweep.json",
                                   header.every, *planned));
    check_form(text, to_line(json), 1, problems_);
    check_run_of_header(header.run, expected_.run, problems_);
    if (expected_.record) steps_.emplace(*expected_.record, header.every);
  }

  void check_line(const Json& json, std::uint64_t line, std::string_view text) {
    try {
      const ThroughTimeRecord record = through_time_record_from_json(json);
      check_order(record.step, line);
      if (const auto problem = epoch_problem(record.step, record.epoch, expected_.steps_per_epoch))
        problems_.add(line, *problem);
      check_event(record, line);
      check_length(record, line);
      written_.clear();
      append_line(written_, record);
      check_form(text, std::string_view(written_).substr(0, written_.size() - 1), line, problems_);
      previous_ = std::max(previous_, record.step);
    } catch (const DataError& error) {
      problems_.add(line, error.what());
      // The bad line counts as the required step, so that this step is not reported as missing too.
      if (steps_ && steps_->after(previous_) != kNoStep) previous_ = steps_->after(previous_);
    }
  }

  void check_order(std::uint64_t step, std::uint64_t line) {
    const std::uint64_t required = steps_ ? steps_->after(previous_) : kNoStep;
    const std::uint64_t last =
        steps_ ? std::min(steps_->last(), expected_.steps()) : expected_.steps();
    if (const auto problem = order_problem(step, previous_, required, last))
      problems_.add(line, *problem);
    else if (steps_ && step < required && step <= steps_->last_required())
      problems_.add(line, fmt::format("unexpected step {}: step {} is the next to be measured",
                                      step, required));
  }

  void check_event(const ThroughTimeRecord& record, std::uint64_t line) {
    if (steps_ && record.event != steps_->has_event(record.step))
      problems_.add(line, fmt::format("\"event\" is {}, but run.json has {} event at step {}",
                                      record.event, record.event ? "no" : "an", record.step));
  }

  void check_length(const ThroughTimeRecord& record, std::uint64_t line) {
    if (length_ == 0) length_ = record.norms.size();
    if (expected_.has_one_length && record.norms.size() != length_)
      problems_.add(
          line, fmt::format("\"norms\" has {} numbers, but {} in the first step: one per time step",
                            record.norms.size(), length_));
  }

  const ExpectedRun& expected_;
  FileProblems& problems_;
  std::optional<MeasuredSteps> steps_;  // nothing if the run is unfinished
  std::uint64_t previous_ = 0;
  std::size_t length_ = 0;  // T of the first step
  std::string written_;     // a line as the program writes it
};

// An earlier version, which did not measure the gradient through time, trained this run.
bool is_of_earlier_version(const RunRecord& record) {
  return !record.epochs.empty() && !record.epochs.front().spectral_radius;
}

}  // namespace

void check_through_time(const ExpectedRun& expected, FileProblems& problems) {
  if (fs::exists(problems.path())) {
    ThroughTimeChecker(expected, problems).check();
    if (expected.has_hashes() && expected.record->through_time_sha256.empty())
      problems.add("sha256.through_time in run.json is null: this file is not of this run");
    return;
  }
  const bool wanted = expected.record && expected.through_time_every.value_or(0) > 0;
  if (wanted && !is_of_earlier_version(*expected.record))
    problems.add(
        fmt::format("missing, although the run is finished and through_time_every is {} in "
                    "sweep.json",
                    *expected.through_time_every));
}

}  // namespace clipsweep
