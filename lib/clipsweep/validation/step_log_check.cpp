#include "clipsweep/validation/step_log_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "clipsweep/base/text.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/validation/schemas.h"
#include "clipsweep/validation/step_check.h"

namespace clipsweep {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

// Which steps must be in a log, in their order.
class StepSequence {
 public:
  explicit StepSequence(const ExpectedLog& expected) : log_every_(expected.log_every) {
    if (!expected.record) return;
    const RunRecord& record = *expected.record;
    last_ = record.totals.steps;
    for (const auto& event : record.events) always_logged_.insert(event.step);
    // A run that was broken off did not know that its last step was the last.
    if (reached_outcome(record)) always_logged_.insert(last_);
  }

  // The first required step after this one; kNever if there is none.
  std::uint64_t after(std::uint64_t step) const {
    std::uint64_t next = step == 0 ? 1 : (step / log_every_ + 1) * log_every_;
    const auto logged = always_logged_.upper_bound(step);
    if (logged != always_logged_.end()) next = std::min(next, *logged);
    return next <= last_ ? next : kNever;
  }

  // Whether a step that is not required may be there: one with an event that is not known yet.
  bool is_known_whole() const { return last_ != kNever; }

  std::uint64_t last() const { return last_; }

 private:
  std::uint64_t log_every_;
  std::uint64_t last_ = kNever;
  std::set<std::uint64_t> always_logged_;
};

bool is_bad(const StepRecord& step) { return step.nonfinite > 0 || !std::isfinite(step.loss); }

// Up to rounding; all that is not finite counts as equal, since Inf - Inf is not told apart from
// NaN.
bool agree(double a, double b) {
  if (!std::isfinite(a) || !std::isfinite(b)) return !std::isfinite(a) && !std::isfinite(b);
  return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

double norm_of(const std::vector<double>& tensor_norms) {
  double squares = 0;
  for (const double norm : tensor_norms) squares += norm * norm;
  return std::sqrt(squares);
}

double norm_of(const GateNumbers& of_gates) {
  std::vector<double> norms;
  for (const auto& [gate, norm] : of_gates) norms.push_back(norm);
  return norm_of(norms);
}

std::string line_of(const StepRecord& step, const std::vector<std::string>& tensor_names) {
  std::string line;
  append_line(line, step, tensor_names);
  return line;
}

void add_step(StepSums& sums, const StepRecord& step) {
  ++sums.steps;
  sums.clipped_steps += step.clipped ? 1 : 0;
  sums.skipped_steps += step.skipped ? 1 : 0;
  sums.nonfinite_steps += is_bad(step) ? 1 : 0;
  if (std::isfinite(step.grad_norm_raw)) {
    sums.finite_norms.push_back(step.grad_norm_raw);
    sums.what_if.add_step(static_cast<double>(step.grad_max_abs), step.grad_norm_raw,
                          *std::max_element(step.tensor_norms.begin(), step.tensor_norms.end()));
  }
  if (sums.epochs.size() < step.epoch) sums.epochs.resize(step.epoch);
  EpochSums& epoch = sums.epochs[step.epoch - 1];
  ++epoch.steps;
  epoch.clipped_steps += step.clipped ? 1 : 0;
  epoch.loss += static_cast<double>(step.loss);
  epoch.accuracy += step.accuracy;
}

class StepLogChecker {
 public:
  StepLogChecker(const ExpectedLog& expected, FileProblems& problems)
      : expected_(expected), problems_(problems), sequence_(expected) {
    if (!expected.record) return;
    for (const auto& event : expected.record->events) {
      events_.emplace(event.step, &event);
      for (const auto& step : event.before.steps) carried_[step.step] = &step;
      if (event.gate_norms) gate_norms_[event.step] = norm_of(*event.gate_norms);
    }
  }

  CheckedLog check() {
    try {
      read_header();
      finish(read_step_log(problems_.path(),
                           [&](const Json& step, std::uint64_t line) { check_step(step, line); }));
    } catch (const DataError& error) {
      // Without a header, or after a line that is no JSON, the steps cannot be followed.
      problems_.add(error);
    }
    log_.whole = problems_.empty();
    return std::move(log_);
  }

 private:
  void read_header() {
    const auto line = first_line_of_log(problems_.path());
    if (!line) return;  // nothing was written yet, which `finish` judges
    const std::string where = problems_.path().string() + ":1";
    const Json json = parse_json(*line, where);
    for (const auto& violation : schema_violations("steps", json)) problems_.add(1, violation);
    if (!problems_.empty())
      throw DataError(where + ": the steps were not read without their header");
    try {
      log_.header = step_log_header_from_json(json);
    } catch (const DataError& error) {
      throw DataError(fmt::format("{}: {}", where, error.what()));
    }
    check_header(*log_.header);
  }

  void check_step(const Json& json, std::uint64_t line) {
    ++log_.steps;
    try {
      // Somebody may be writing it.
      if (!log_.header) throw DataError("the log has grown while it was read; validate again");
      const StepRecord step = read_strict_step(json, log_.header->tensor_names);
      check_place(step, line);
      // The sums are only compared if every step is there and good.
      if (problems_.empty() && expected_.log_every == 1) add_step(log_.sums, step);
    } catch (const DataError& error) {
      problems_.add(line, error.what());
      // It is taken for the step that should be there, so that the next one is not called missing.
      if (const auto required = sequence_.after(previous_); required != kNever)
        previous_ = required;
    }
  }

  void check_place(const StepRecord& step, std::uint64_t line) {
    const std::uint64_t required = sequence_.after(previous_);
    if (const auto problem = order_problem(step.step, previous_, required, last_step()))
      problems_.add(line, *problem);
    else if (step.step < required && sequence_.is_known_whole())
      problems_.add(line,
                    fmt::format("step {} has no place here: neither one in {} nor one with an "
                                "event",
                                step.step, expected_.log_every));
    previous_ = std::max(previous_, step.step);
    if (const auto problem = epoch_problem(step.step, step.epoch, expected_.steps_per_epoch))
      problems_.add(line, *problem);
    check_norms(step, line);
    check_evidence(step, line);
    check_carried(step, line);
    check_gates(step, line);
    if (expected_.record) check_outcome(step, line);
    if (step.clipped && expected_.run.clip.mode == ClipMode::kNone)
      problems_.add(line, "\"clipped\" is true in a run of mode none");
  }

  void check_norms(const StepRecord& step, std::uint64_t line) {
    if (!agree(step.grad_norm_raw, norm_of(step.tensor_norms)))
      problems_.add(line, fmt::format("\"grad_norm_raw\" is {}, but its tensors' norms make {}",
                                      step.grad_norm_raw, norm_of(step.tensor_norms)));
    if (!step.clipped && !agree(step.grad_norm_clipped, step.grad_norm_raw))
      problems_.add(line, fmt::format("the norm goes from {} to {}, but \"clipped\" is false",
                                      step.grad_norm_raw, step.grad_norm_clipped));
    if (step.grad_norm_raw > 0 &&
        !agree(step.clip_scale, step.grad_norm_clipped / step.grad_norm_raw))
      problems_.add(line, fmt::format("\"clip_scale\" is {}, but the norm goes from {} to {}",
                                      step.clip_scale, step.grad_norm_raw, step.grad_norm_clipped));
  }

  void check_evidence(const StepRecord& step, std::uint64_t line) {
    const double rate =
        learning_rate_in(step.epoch, expected_.run.learning_rate, expected_.optimizer) *
        step.clip_scale;
    if (!agree(step.effective_learning_rate, rate))
      problems_.add(
          line,
          fmt::format("\"effective_learning_rate\" is {}, but the epoch's learning rate times "
                      "\"clip_scale\" makes {}",
                      step.effective_learning_rate, rate));
    const bool directed = step.grad_norm_raw > 0 && std::isfinite(step.grad_norm_raw) &&
                          step.grad_norm_clipped > 0 && std::isfinite(step.grad_norm_clipped);
    if (step.cosine && !directed)
      problems_.add(line,
                    fmt::format("\"cosine\" is {}, but a gradient without a direction has none",
                                *step.cosine));
    if (step.cosine && !step.clipped && *step.cosine != 1)
      problems_.add(line, fmt::format("\"cosine\" is {}, but \"clipped\" is false", *step.cosine));
    if (step.limit && std::isinf(expected_.run.clip.threshold))
      problems_.add(line, fmt::format("\"limit\" is {} in a run that only measures", *step.limit));
  }

  // An event that has this step too must have the same.
  void check_carried(const StepRecord& step, std::uint64_t line) {
    const auto found = carried_.find(step.step);
    if (found == carried_.end()) return;
    const auto& names = expected_.record->tensor_names;
    const bool same_tensors = names == log_.header->tensor_names;
    if (!same_tensors || line_of(step, names) != line_of(*found->second, names))
      problems_.add(line,
                    fmt::format("step {} is not what the event in run.json has of it", step.step));
  }

  // The rows of all gates are those of the recurrent layers' tensors.
  void check_gates(const StepRecord& step, std::uint64_t line) {
    const auto found = gate_norms_.find(step.step);
    if (found == gate_norms_.end()) return;
    const auto& names = log_.header->tensor_names;
    std::vector<double> recurrent;
    for (std::size_t i = 0; i < names.size(); ++i)
      if (!is_output({names[i], {}, 0})) recurrent.push_back(step.tensor_norms[i]);
    if (!agree(found->second, norm_of(recurrent)))
      problems_.add(line, fmt::format("the recurrent tensors' norms make {}, but the gates' in the "
                                      "spike of run.json {}",
                                      norm_of(recurrent), found->second));
  }

  // What run.json tells of NaN and Inf, and the outcome, must be what the steps show.
  void check_outcome(const StepRecord& step, std::uint64_t line) {
    check_told(step, line, Phase::kLoss, std::isfinite(step.loss) ? 0 : 1, loss_was_bad_);
    check_told(step, line, Phase::kGradient, step.nonfinite, gradient_was_bad_);
    if (step.skipped && expected_.on_nonfinite != NonfinitePolicy::kSkip)
      problems_.add(line, fmt::format("\"skipped\" is true, but \"on_nonfinite\" is \"{}\"",
                                      to_text(expected_.on_nonfinite)));
    // Under `skip` a bad last batch has done nothing to the run.
    const bool is_last = step.step == expected_.record->totals.steps;
    if (is_last && !std::isfinite(step.loss) && expected_.record->outcome == Outcome::kCompleted &&
        expected_.on_nonfinite != NonfinitePolicy::kSkip)
      problems_.add(line, "the last loss is not finite, but the outcome is \"completed\"");
  }

  // A phase that turns bad has an event, and where there is an event, the phase is bad.
  void check_told(const StepRecord& step, std::uint64_t line, Phase phase, std::uint64_t bad,
                  bool& was_bad) {
    const auto [first, last] = events_.equal_range(step.step);
    const auto event = std::find_if(first, last, [&](const auto& entry) {
      return entry.second->phase == phase && is_nonfinite(entry.second->kind);
    });
    const std::uint64_t told = event == last ? 0
                                             : event->second->nan + event->second->positive_inf +
                                                   event->second->negative_inf;
    const bool must_be_told = (bad > 0 && !was_bad) || event != last;
    if (must_be_told && told != bad)
      problems_.add(line, fmt::format("the {} has {} here, but {} by the events of run.json, whose "
                                      "outcome is \"{}\"",
                                      to_text(phase), counted(bad, "NaN or Inf value"), told,
                                      to_text(expected_.record->outcome)));
    was_bad = bad > 0;
  }

  std::uint64_t last_step() const {
    return std::min(sequence_.last(), expected_.epochs * expected_.steps_per_epoch);
  }

  void finish(const StepLogReading& reading) {
    if (!expected_.record) return;
    if (reading.torn)
      problems_.add(reading.lines + 1, "the last line is cut off, though the run is finished");
    else if (reading.lines == 0)
      problems_.add("the log is empty, though the run is finished");
    else if (const auto missing = sequence_.after(previous_); missing != kNever)
      problems_.add(reading.lines,
                    fmt::format("the log ends after step {}; step {} is missing of {}", previous_,
                                missing, sequence_.last()));
  }

  void check_header(const StepLogHeader& header) {
    if (to_json(header.run) != to_json(expected_.run))
      problems_.add(1, fmt::format("the header says {}, but the plan {}",
                                   to_line(to_json(header.run)), to_line(to_json(expected_.run))));
    if (static_cast<std::uint64_t>(header.log_every) != expected_.log_every)
      problems_.add(1, fmt::format("\"log_every\" is {}, but {} in sweep.json", header.log_every,
                                   expected_.log_every));
  }

  const ExpectedLog& expected_;
  FileProblems& problems_;
  StepSequence sequence_;
  std::multimap<std::uint64_t, const Event*> events_;   // by their step
  std::map<std::uint64_t, const StepRecord*> carried_;  // by events
  std::map<std::uint64_t, double> gate_norms_;          // of spikes, all gates together
  bool loss_was_bad_ = false;
  bool gradient_was_bad_ = false;
  CheckedLog log_;
  std::uint64_t previous_ = 0;
};

}  // namespace

CheckedLog check_step_log(const ExpectedLog& expected, FileProblems& problems) {
  return StepLogChecker(expected, problems).check();
}

}  // namespace clipsweep
