#include "clipsweep/training/event_log.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "clipsweep/records/record_fit.h"

namespace clipsweep {
namespace {

// Whether the sum of squares overflows float32, as for [1e20, 1e20]: a norm computed in float32
// would be Inf.
bool norm_overflows_float32(double norm) {
  return std::isfinite(norm) &&
         norm * norm > static_cast<double>(std::numeric_limits<float>::max());
}

}  // namespace

bool repairs_gradient(const ClipRule& clip) {
  return clip.mode == ClipMode::kRandomStep && std::isfinite(clip.threshold);
}

EventLog::EventLog(const ParameterLayout& layout, const ClipRule& clip,
                   NonfinitePolicy on_nonfinite)
    : layout_(layout), repairs_gradient_(repairs_gradient(clip)), on_nonfinite_(on_nonfinite) {}

void EventLog::begin_step(std::uint64_t step, std::uint64_t epoch) {
  step_ = step;
  epoch_ = epoch;
  findings_ = {};
}

void EventLog::inspect_loss(float loss, double gradient_norm) {
  note_nonfinite(Phase::kLoss, find_nonfinite(Span<const float>(&loss, 1)), gradient_norm);
}

std::uint64_t EventLog::inspect(Phase phase, Span<const float> values, double norm) {
  const auto found = std::isfinite(norm) ? std::nullopt : find_nonfinite(values);
  note_nonfinite(phase, found, norm);
  const bool overflows = norm_overflows_float32(norm);
  if (overflows && !state_of(phase).norm_overflows)
    add_event(event_at(EventKind::kNormOverflow, phase, index_of_largest(values), norm));
  state_of(phase).norm_overflows = overflows;
  return found ? found->total() : 0;
}

void EventLog::inspect_spike(Span<const float> gradient, double norm,
                             const std::vector<double>& gate_norms) {
  const auto median = spikes_.median_if_spike(norm);
  if (!median) return;
  Event spike = event_at(EventKind::kSpike, Phase::kGradient, index_of_largest(gradient), norm);
  spike.running_median = median;
  if (!gate_norms.empty()) spike.gate_norms = by_gate(layout_.model.cell, gate_norms);
  add_event(std::move(spike));
  findings_.has_spike = true;
}

void EventLog::note_missing_update() { state_of(Phase::kUpdate) = {}; }

void EventLog::end_step(const StepRecord& record) {
  event_steps_ += findings_.has_event ? 1 : 0;
  if (std::isfinite(record.grad_norm_raw)) last_finite_norm_ = record.grad_norm_raw;
  recorder_.add_step(record);
}

bool EventLog::is_among_first_event_steps(std::uint64_t count) const {
  return findings_.has_event && event_steps_ <= count;
}

bool EventLog::is_valid(std::uint64_t step) const {
  const auto fit = [&](const Event& event) { return fits(event, layout_); };
  return spikes_.is_valid() && recorder_.is_valid(layout_, step) &&
         std::all_of(events_.begin(), events_.end(), fit);
}

void EventLog::note_nonfinite(Phase phase, const std::optional<NonfiniteCounts>& found,
                              double norm) {
  const bool was_nonfinite = std::exchange(state_of(phase).is_nonfinite, found.has_value());
  if (!found) return;
  findings_.has_nonfinite = true;
  findings_.update_blocked |= !is_repaired(phase);
  if (was_nonfinite) return;
  const auto element = phase == Phase::kLoss ? std::nullopt : std::optional(found->first);
  Event event = event_at(found->nan > 0 ? EventKind::kNan : EventKind::kInf, phase, element, norm);
  event.nan = found->nan;
  event.positive_inf = found->positive_inf;
  event.negative_inf = found->negative_inf;
  event.action = action(phase);
  add_event(std::move(event));
}

bool EventLog::is_repaired(Phase phase) const {
  return phase == Phase::kGradient && repairs_gradient_;
}

Action EventLog::action(Phase phase) const {
  if (is_repaired(phase)) return Action::kContinued;
  switch (on_nonfinite_) {
    case NonfinitePolicy::kStop:
      return Action::kStopped;
    case NonfinitePolicy::kSkip:
      return Action::kSkipped;
    case NonfinitePolicy::kContinue:
      break;
  }
  return Action::kContinued;
}

Event EventLog::event_at(EventKind kind, Phase phase, std::optional<std::size_t> element,
                         double norm) const {
  Event event;
  event.kind = kind;
  event.step = step_;
  event.epoch = epoch_;
  event.phase = phase;
  if (element) {
    const auto& tensor = layout_.tensor_at(*element);
    event.tensor = tensor.name;
    event.index = *element - tensor.offset;
  }
  event.norm = norm;
  event.last_finite_norm = last_finite_norm_;
  return event;
}

void EventLog::add_event(Event event) {
  event.before = recorder_.history_before(step_, event.kind);
  events_.push_back(std::move(event));
  findings_.has_event = true;
}

}  // namespace clipsweep
