#include "clipsweep/validation/step_agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "clipsweep/base/text.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {
namespace {

// Up to rounding. All values that are not finite are equal: Inf - Inf is NaN in one order of a sum
// and Inf in another.
bool agree(double a, double b) {
  if (!std::isfinite(a) || !std::isfinite(b)) return !std::isfinite(a) && !std::isfinite(b);
  return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

double norm_of(const std::vector<double>& norms) {
  double squares = 0;
  for (const double norm : norms) squares += norm * norm;
  return std::sqrt(squares);
}

double norm_of(const GateNumbers& gate_norms) {
  std::vector<double> norms;
  for (const auto& [gate, norm] : gate_norms) norms.push_back(norm);
  return norm_of(norms);
}

std::string line_of(const StepRecord& step, const std::vector<std::string>& tensor_names) {
  std::string line;
  append_line(line, step, tensor_names);
  return line;
}

void check_tensor_norms(const StepRecord& step, std::uint64_t line, FileProblems& problems) {
  if (!agree(step.grad_norm_raw, norm_of(step.tensor_norms)))
    problems.add(line, fmt::format("\"grad_norm_raw\" is {}, but the tensors' norms give {}",
                                   step.grad_norm_raw, norm_of(step.tensor_norms)));
}

// ---- What follows from others: to the last bit, and up to rounding in runs of earlier versions

using Equality = bool (*)(double a, double b);

void check_unclipped(const StepRecord& step, Equality equal, std::uint64_t line,
                     FileProblems& problems) {
  if (step.clipped) return;
  if (!equal(step.grad_norm_clipped, step.grad_norm_raw))
    problems.add(line, fmt::format("the norm goes from {} to {}, but \"clipped\" is false",
                                   step.grad_norm_raw, step.grad_norm_clipped));
  if (step.clipped_fraction != 0)
    problems.add(line, fmt::format("\"clipped_fraction\" is {}, but \"clipped\" is false",
                                   step.clipped_fraction));
}

// Mode `update-norm` leaves the gradient as it is and scales the update.
void check_scale_of_update(const StepRecord& step, std::uint64_t line, FileProblems& problems) {
  if (!is_same_number(step.grad_norm_clipped, step.grad_norm_raw))
    problems.add(line, fmt::format("the norm of the gradient goes from {} to {}, but the mode only "
                                   "changes the update",
                                   step.grad_norm_raw, step.grad_norm_clipped));
  constexpr double kRounding = 1e-6;
  const bool is_possible = step.clipped
                               ? step.clip_scale < 1 + kRounding
                               : step.clip_scale == 1 || !std::isfinite(step.grad_norm_raw);
  if (!is_possible)
    problems.add(line, fmt::format("\"clip_scale\" is {}, but \"clipped\" is {}", step.clip_scale,
                                   step.clipped));
}

void check_scale(const StepRecord& step, const ClipRule& rule, Equality equal, std::uint64_t line,
                 FileProblems& problems) {
  if (rule.mode == ClipMode::kUpdateNorm) return check_scale_of_update(step, line, problems);
  const bool is_zero = step.grad_norm_raw == 0 && step.grad_norm_clipped == 0;
  const double scale = is_zero ? 1 : step.grad_norm_clipped / step.grad_norm_raw;
  if (!equal(step.clip_scale, scale))
    problems.add(line, fmt::format("\"clip_scale\" is {}, but the norm goes from {} to {}",
                                   step.clip_scale, step.grad_norm_raw, step.grad_norm_clipped));
}

double learning_rate_of(const StepRecord& step, const ExpectedRun& expected) {
  return learning_rate_at(step.step, expected.run.learning_rate, expected.optimizer,
                          {expected.steps_per_epoch, expected.steps()});
}

void check_learning_rate(const StepRecord& step, const ExpectedRun& expected, Equality equal,
                         std::uint64_t line, FileProblems& problems) {
  const double scheduled = learning_rate_of(step, expected);
  if (step.scheduled_learning_rate && !equal(*step.scheduled_learning_rate, scheduled))
    problems.add(line, fmt::format("\"scheduled_learning_rate\" is {}, but the schedule gives {}",
                                   *step.scheduled_learning_rate, scheduled));
  const bool needs_rate = step.weight_norm && is_scheduled(expected.optimizer);
  if (needs_rate && !step.scheduled_learning_rate)
    problems.add(line, "\"scheduled_learning_rate\" is missing, but the rate is scheduled");
  const double rate = scheduled * step.clip_scale;
  if (!equal(step.effective_learning_rate, rate))
    problems.add(line, fmt::format("\"effective_learning_rate\" is {}, but the step's learning "
                                   "rate times \"clip_scale\" is {}",
                                   step.effective_learning_rate, rate));
}

bool has_nonfinite_value(const StepRecord& step) {
  return step.nonfinite > 0 || !std::isfinite(step.loss);
}

// Whether a norm is so large or small that numbers of float32 cannot be scaled to it precisely.
bool is_extreme(double norm) { return !(norm > 1e-30 && norm < 1e30); }

// Plain SGD subtracts the learning rate times the clipped gradient.
void check_update_norm(const StepRecord& step, const ExpectedRun& expected, std::uint64_t line,
                       FileProblems& problems) {
  if (!step.weight_norm) return;  // a log of an earlier version
  const bool is_skipped = step.clipped && expected.run.clip.mode == ClipMode::kSkip;
  if (is_skipped && step.update_norm)
    problems.add(line, "\"update_norm\" is there, but mode skip did not take the step");
  if (!step.update_norm) {
    if (!is_skipped && !has_nonfinite_value(step))
      problems.add(line, "\"update_norm\" is missing, but loss and gradient are finite");
    return;
  }
  const bool scales_update = expected.run.clip.mode == ClipMode::kUpdateNorm;
  const double norm = step.grad_norm_clipped * learning_rate_of(step, expected) *
                      (scales_update ? step.clip_scale : 1);
  if (!expected.has_plain_sgd || is_extreme(norm)) return;
  if (!agree(*step.update_norm, norm))
    problems.add(line, fmt::format("\"update_norm\" is {}, but the learning rate times "
                                   "\"grad_norm_clipped\" is {}",
                                   *step.update_norm, norm));
}

// ---- The rules of the modes

// Modes whose limit is a percentile or follows from earlier steps, or which have none.
bool has_fixed_limit(const ClipRule& rule) {
  switch (rule.mode) {
    case ClipMode::kNone:
    case ClipMode::kAgc:
    case ClipMode::kAutoclip:
    case ClipMode::kMedian:
    case ClipMode::kZclip:
    case ClipMode::kAdagc:
      return false;
    case ClipMode::kValue:
    case ClipMode::kGlobalNorm:
    case ClipMode::kTensorNorm:
    case ClipMode::kScale:
    case ClipMode::kSmooth:
    case ClipMode::kSkip:
    case ClipMode::kCarry:
    case ClipMode::kTensorRms:
    case ClipMode::kBackprop:
    case ClipMode::kUpdateNorm:
    case ClipMode::kRandomStep:
      return std::isfinite(rule.threshold);
  }
  return false;
}

void check_limit(const StepRecord& step, const ClipRule& rule, std::uint64_t line,
                 FileProblems& problems) {
  if (has_fixed_limit(rule) && step.limit != rule.threshold)
    problems.add(line, fmt::format("\"limit\" is {}, but the threshold is {}",
                                   to_line(json_optional(step.limit)), rule.threshold));
  if ((rule.mode == ClipMode::kNone || rule.mode == ClipMode::kAgc) && step.limit)
    problems.add(line, fmt::format("\"limit\" is {}, but the mode has none", *step.limit));
}

// Without options and without a separate threshold for the output layer.
bool is_plain(const ClipRule& rule) { return rule == ClipRule{rule.mode, rule.threshold}; }

// Whether clipping must have acted. Nothing where the log alone does not say it.
std::optional<bool> must_act(const StepRecord& step, const ClipRule& rule) {
  if (rule.mode == ClipMode::kNone || std::isinf(rule.threshold)) return false;
  if (step.nonfinite > 0 || !is_plain(rule)) return std::nullopt;
  if (rule.mode == ClipMode::kValue) return step.grad_max_abs > static_cast<float>(rule.threshold);
  if (rule.mode == ClipMode::kGlobalNorm || rule.mode == ClipMode::kSkip)
    return step.grad_norm_raw > rule.threshold;
  return std::nullopt;
}

// The norm of a clipped gradient. Nothing where the log alone does not say it.
std::optional<double> norm_left_by(const StepRecord& step, const ClipRule& rule) {
  if (rule.mode == ClipMode::kScale || rule.mode == ClipMode::kGlobalNorm) return rule.threshold;
  if (rule.mode == ClipMode::kSkip) return 0;
  if (rule.mode == ClipMode::kSmooth)
    return step.grad_norm_raw * rule.threshold / (rule.threshold + step.grad_norm_raw);
  return std::nullopt;
}

void check_effect(const StepRecord& step, const ClipRule& rule, std::uint64_t line,
                  FileProblems& problems) {
  if (const auto acts = must_act(step, rule); acts && step.clipped != *acts)
    problems.add(line, fmt::format("\"clipped\" is {}, but the gradient {} the limit", step.clipped,
                                   *acts ? "exceeds" : "is within"));
  if (!step.clipped || !is_plain(rule) || is_extreme(step.grad_norm_raw) ||
      is_extreme(rule.threshold))
    return;
  const auto norm = norm_left_by(step, rule);
  if (norm && !agree(step.grad_norm_clipped, *norm))
    problems.add(line, fmt::format("\"grad_norm_clipped\" is {}, but the mode leaves {}",
                                   step.grad_norm_clipped, *norm));
  if (rule.mode == ClipMode::kUpdateNorm && step.update_norm &&
      !agree(*step.update_norm, rule.threshold))
    problems.add(line, fmt::format("\"update_norm\" is {}, but the threshold is {}",
                                   *step.update_norm, rule.threshold));
}

void check_cosine(const StepRecord& step, std::uint64_t line, FileProblems& problems) {
  if (!step.cosine) return;
  const auto has_direction = [](double norm) { return norm > 0 && std::isfinite(norm); };
  if (!has_direction(step.grad_norm_raw) || !has_direction(step.grad_norm_clipped))
    problems.add(line, fmt::format("\"cosine\" is {}, but a gradient without a direction has none",
                                   *step.cosine));
  if (!step.clipped && *step.cosine != 1)
    problems.add(line, fmt::format("\"cosine\" is {}, but \"clipped\" is false", *step.cosine));
}

void check_presence_of_omega(const StepRecord& step, const ExpectedRun& expected,
                             std::uint64_t line, FileProblems& problems) {
  if (step.omega.has_value() == expected.has_omega) return;
  problems.add(line, expected.has_omega ? "\"omega\" is missing, but the setting omega is not 0"
                                        : "\"omega\" is there, but the setting omega is 0");
}

void check_measurements(const StepRecord& step, const ExpectedRun& expected, std::uint64_t line,
                        FileProblems& problems) {
  const std::uint64_t every = expected.smoothness_every;
  const bool is_due = every > 0 && step.step % every == 0;
  const auto check = [&](const char* key, const Measurement& measured) {
    if (measured.is_taken != is_due)
      problems.add(line, fmt::format("\"{}\" is {}, but smoothness_every is {}", key,
                                     measured.is_taken ? "there" : "missing", every));
  };
  check("smoothness", step.smoothness);
  check("sharpness", step.sharpness);
}

}  // namespace

void check_step_against_plan(const StepRecord& step, const ExpectedRun& expected,
                             std::uint64_t line, FileProblems& problems) {
  if (const auto problem = epoch_problem(step.step, step.epoch, expected.steps_per_epoch))
    problems.add(line, *problem);
  const Equality equal = expected.has_hashes() ? is_same_number : agree;
  check_tensor_norms(step, line, problems);
  check_unclipped(step, equal, line, problems);
  check_scale(step, expected.run.clip, equal, line, problems);
  check_learning_rate(step, expected, equal, line, problems);
  check_update_norm(step, expected, line, problems);
  check_cosine(step, line, problems);
  check_presence_of_omega(step, expected, line, problems);
  check_measurements(step, expected, line, problems);
  if (expected.has_hashes()) {
    const ClipRule rule = rule_in_epoch(step.epoch, expected.run.clip);
    check_limit(step, rule, line, problems);
    check_effect(step, rule, line, problems);
  }
  if (step.limit && std::isinf(expected.run.clip.threshold))
    problems.add(line, fmt::format("\"limit\" is {} in a run that only measures", *step.limit));
  if (step.clipped && expected.run.clip.mode == ClipMode::kNone)
    problems.add(line, "\"clipped\" is true in a run of mode none");
}

StepsAgainstRecord::StepsAgainstRecord(const ExpectedRun& expected, FileProblems& problems)
    : expected_(expected), problems_(problems) {
  if (!expected.record) return;
  for (const auto& event : expected.record->events) {
    events_.emplace(event.step, &event);
    for (const auto& step : event.before.steps) copies_[step.step] = &step;
    if (event.gate_norms) gate_norms_[event.step] = norm_of(*event.gate_norms);
  }
}

void StepsAgainstRecord::check(const StepRecord& step, std::uint64_t line,
                               const std::vector<std::string>& tensor_names) {
  if (!expected_.record) return;
  check_copy(step, line, tensor_names);
  check_gates(step, line, tensor_names);
  check_outcome(step, line);
}

// An event whose history has this step must have the same step.
void StepsAgainstRecord::check_copy(const StepRecord& step, std::uint64_t line,
                                    const std::vector<std::string>& tensor_names) {
  const auto found = copies_.find(step.step);
  if (found == copies_.end()) return;
  const auto& names = expected_.record->tensor_names;
  if (names != tensor_names || line_of(step, names) != line_of(*found->second, names))
    problems_.add(
        line, fmt::format("step {} differs from its copy in the events of run.json", step.step));
}

// The gates' rows together are the recurrent layers' tensors.
void StepsAgainstRecord::check_gates(const StepRecord& step, std::uint64_t line,
                                     const std::vector<std::string>& tensor_names) {
  const auto found = gate_norms_.find(step.step);
  if (found == gate_norms_.end()) return;
  std::vector<double> norms;
  for (std::size_t i = 0; i < tensor_names.size(); ++i)
    if (!is_output_name(tensor_names[i])) norms.push_back(step.tensor_norms[i]);
  if (!agree(found->second, norm_of(norms)))
    problems_.add(line, fmt::format("the recurrent layers' tensors have the norm {}, but the gates "
                                    "of the spike in run.json {}",
                                    norm_of(norms), found->second));
}

// The events of NaN and Inf and the outcome in run.json must be what the step shows.
void StepsAgainstRecord::check_outcome(const StepRecord& step, std::uint64_t line) {
  check_phase(step, line, Phase::kLoss, std::isfinite(step.loss) ? 0 : 1, loss_was_nonfinite_);
  check_phase(step, line, Phase::kGradient, step.nonfinite, gradient_was_nonfinite_);
  const bool skips = expected_.on_nonfinite == NonfinitePolicy::kSkip;
  if (step.skipped && !skips)
    problems_.add(line, fmt::format("\"skipped\" is true, but \"on_nonfinite\" is \"{}\"",
                                    to_text(expected_.on_nonfinite)));
  // Under `skip` a last batch that is not finite does not change the run.
  const bool is_last = step.step == expected_.record->totals.steps;
  if (is_last && !std::isfinite(step.loss) && expected_.record->outcome == Outcome::kCompleted &&
      !skips)
    problems_.add(line, "the last loss is not finite, but the outcome is \"completed\"");
}

// A phase that becomes non-finite has an event, and a phase with an event is non-finite.
void StepsAgainstRecord::check_phase(const StepRecord& step, std::uint64_t line, Phase phase,
                                     std::uint64_t nonfinite, bool& was_nonfinite) {
  const auto [first, last] = events_.equal_range(step.step);
  const auto event = std::find_if(first, last, [&](const auto& entry) {
    return entry.second->phase == phase && is_nonfinite(entry.second->kind);
  });
  const std::uint64_t recorded = event == last ? 0
                                               : event->second->nan + event->second->positive_inf +
                                                     event->second->negative_inf;
  const bool needs_event = (nonfinite > 0 && !was_nonfinite) || event != last;
  if (needs_event && recorded != nonfinite)
    problems_.add(line, fmt::format("the {} has {} here, but the events in run.json, whose outcome "
                                    "is \"{}\", have {}",
                                    to_text(phase), counted(nonfinite, "NaN or Inf value"),
                                    to_text(expected_.record->outcome), recorded));
  was_nonfinite = nonfinite > 0;
}

}  // namespace clipsweep
