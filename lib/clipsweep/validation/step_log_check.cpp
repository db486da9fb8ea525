#include "clipsweep/validation/step_log_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "clipsweep/model/parameters.h"
#include "clipsweep/validation/schemas.h"
#include "clipsweep/validation/step_agreement.h"
#include "clipsweep/validation/step_check.h"

namespace clipsweep {
namespace {

// The steps that a log must have, in order.
class StepSequence {
 public:
  explicit StepSequence(const ExpectedRun& expected) : log_every_(expected.log_every) {
    if (!expected.record) return;
    const RunRecord& record = *expected.record;
    last_ = record.totals.steps;
    for (const auto& event : record.events) always_logged_.insert(event.step);
    // A run that was interrupted before the last planned step does not log the step before.
    if (reached_outcome(record) || last_ == expected.steps()) always_logged_.insert(last_);
  }

  // The first required step after this one; kNoStep if there is none.
  std::uint64_t after(std::uint64_t step) const {
    std::uint64_t next = step == 0 ? 1 : (step / log_every_ + 1) * log_every_;
    const auto logged = always_logged_.upper_bound(step);
    if (logged != always_logged_.end()) next = std::min(next, *logged);
    return next <= last_ ? next : kNoStep;
  }

  // Otherwise the log may have further steps, with events that are not known yet.
  bool has_all_events() const { return last_ != kNoStep; }

  std::uint64_t last() const { return last_; }

 private:
  std::uint64_t log_every_;
  std::uint64_t last_ = kNoStep;
  std::set<std::uint64_t> always_logged_;
};

void add_step(StepSums& sums, const StepRecord& step) {
  ++sums.steps;
  sums.clipped_steps += step.clipped ? 1 : 0;
  sums.skipped_steps += step.skipped ? 1 : 0;
  sums.trailing_skipped_steps = step.skipped ? sums.trailing_skipped_steps + 1 : 0;
  sums.nonfinite_steps += step.nonfinite > 0 || !std::isfinite(step.loss) ? 1 : 0;
  if (step.clipped && step.cosine) {
    sums.cosine_sum += static_cast<double>(*step.cosine);
    ++sums.cosines;
  }
  if (const auto ratio = update_ratio(step)) sums.update_ratios.push_back(*ratio);
  add_smoothness(step, sums.smoothness);
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
  StepLogChecker(const ExpectedRun& expected, FileProblems& problems)
      : expected_(expected),
        problems_(problems),
        sequence_(expected),
        against_record_(expected, problems) {}

  CheckedLog check() {
    try {
      read_header();
      const StepLogReading reading = read_step_log(
          problems_.path(), [&](const Json& step, std::uint64_t line, std::string_view text) {
            check_step(step, line, text);
          });
      if (expected_.record)
        check_ending({reading.lines, reading.torn}, previous_, sequence_.after(previous_),
                     sequence_.last(), problems_);
    } catch (const DataError& error) {
      // Without a header, or after a line that is not JSON, the steps cannot be followed.
      problems_.add(error);
    }
    log_.is_whole = problems_.empty();
    return std::move(log_);
  }

 private:
  void read_header() {
    const auto line = first_line_of_log(problems_.path());
    if (!line) return;  // `check_ending` reports an empty log
    const std::string where = problems_.path().string() + ":1";
    const Json json = parse_json(*line, where);
    for (const auto& violation : schema_violations("steps", json)) problems_.add(1, violation);
    if (!problems_.empty())
      throw DataError(where + ": the steps were not read because the header is not valid");
    try {
      log_.header = step_log_header_from_json(json);
    } catch (const DataError& error) {
      throw DataError(fmt::format("{}: {}", where, error.what()));
    }
    check_form(*line, to_line(json), 1, problems_);
    check_run_of_header(log_.header->run, expected_.run, problems_);
    check_tensors();
    const auto log_every = static_cast<std::uint64_t>(log_.header->log_every);
    if (log_every != expected_.log_every)
      problems_.add(1, fmt::format("\"log_every\" is {}, but {} in sweep.json", log_every,
                                   expected_.log_every));
  }

  // The tensors of the cell with the sizes that the settings name. The log alone has the numbers of
  // inputs and of outputs: the columns of the first tensor and the length of the last one.
  void check_tensors() {
    if (!expected_.hidden || has_tensors_of_model()) return;
    problems_.add(1, "\"tensors\" are not those of the model that sweep.json names");
  }

  bool has_tensors_of_model() const {
    const auto& names = log_.header->tensor_names;
    const auto& shapes = log_.header->tensor_shapes;
    if (names.size() < static_cast<std::size_t>(expected_.layers)) return false;
    if (shapes.front().size() != 2 || shapes.back().size() != 1) return false;
    const ParameterLayout layout =
        layout_of({log_.header->run.setup.cell, expected_.layers, shapes.front().back(),
                   *expected_.hidden, shapes.back().front()});
    std::vector<std::vector<int>> wanted;
    for (const auto& tensor : layout.tensors) wanted.push_back(tensor.shape);
    return names == layout.names() && shapes == wanted;
  }

  void check_step(const Json& json, std::uint64_t line, std::string_view text) {
    ++log_.steps;
    try {
      // Another process may be writing the log.
      if (!log_.header) throw DataError("the log has grown while it was read; validate again");
      const auto& tensor_names = log_.header->tensor_names;
      const StepRecord step = read_strict_step(json, tensor_names);
      check_order(step.step, line);
      check_step_against_plan(step, expected_, line, problems_);
      check_weight_norm(step, line);
      against_record_.check(step, line, tensor_names);
      written_.clear();
      append_line(written_, step, tensor_names);
      check_form(text, std::string_view(written_).substr(0, written_.size() - 1), line, problems_);
      // The sums are only compared if every step is logged and good.
      if (problems_.empty() && expected_.log_every == 1) add_step(log_.sums, step);
    } catch (const DataError& error) {
      problems_.add(line, error.what());
      // The bad line counts as the required step, so that this step is not reported as missing too.
      if (const auto required = sequence_.after(previous_); required != kNoStep)
        previous_ = required;
    }
  }

  void check_order(std::uint64_t step, std::uint64_t line) {
    const std::uint64_t required = sequence_.after(previous_);
    const std::uint64_t last = std::min(sequence_.last(), expected_.steps());
    if (const auto problem = order_problem(step, previous_, required, last))
      problems_.add(line, *problem);
    else if (step < required && sequence_.has_all_events())
      problems_.add(line,
                    fmt::format("unexpected step {}: not a multiple of log_every ({}), and no "
                                "event occurred there",
                                step, expected_.log_every));
    previous_ = std::max(previous_, step);
  }

  // An earlier version wrote the log without the norms of updates and weights: all lines lack them.
  void check_weight_norm(const StepRecord& step, std::uint64_t line) {
    const bool has_norm = step.weight_norm.has_value();
    if (has_norm != has_weight_norm_.value_or(has_norm))
      problems_.add(line, fmt::format("\"weight_norm\" is {}, unlike in the lines before",
                                      has_norm ? "there" : "missing"));
    has_weight_norm_ = has_norm;
  }

  const ExpectedRun& expected_;
  FileProblems& problems_;
  std::optional<bool> has_weight_norm_;
  StepSequence sequence_;
  StepsAgainstRecord against_record_;
  CheckedLog log_;
  std::uint64_t previous_ = 0;
  std::string written_;  // a line as the program writes it
};

}  // namespace

CheckedLog check_step_log(const ExpectedRun& expected, FileProblems& problems) {
  return StepLogChecker(expected, problems).check();
}

}  // namespace clipsweep
