// The events of one run: where values turn non-finite, where a norm's square starts to overflow
// float32, and spikes. The log finds them, dates them and keeps the steps before them. It does not
// decide whether the run continues.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "clipsweep/base/span.h"
#include "clipsweep/clipping/clip_rule.h"
#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/model/gradient_norms.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/records/flight_recorder.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/training/spike_detector.h"

namespace clipsweep {

// Whether clipping replaces a gradient that is not finite, so that its step can be taken:
// `random-step` does.
bool repairs_gradient(const ClipRule& clip);

// What was found in a step.
struct StepFindings {
  bool has_nonfinite = false;   // counts as a non-finite step
  bool update_blocked = false;  // a non-finite value was not repaired, so the update is invalid
  bool has_event = false;
  bool has_spike = false;
};

class EventLog {
 public:
  // on_nonfinite: what the run does after a value that is not finite, for the events' `action`. The
  // layout must outlive the log.
  EventLog(const ParameterLayout& layout, const ClipRule& clip, NonfinitePolicy on_nonfinite);

  // The epoch of a step counts from 1, as steps do.
  void begin_step(std::uint64_t step, std::uint64_t epoch);

  void inspect_loss(float loss, double gradient_norm);
  // Inspects the gradient, the update or the weights [P] and their norm. Returns how many values
  // are not finite.
  std::uint64_t inspect(Phase phase, Span<const float> values, double norm);
  // gate_norms: of the gradient, by gate; empty for cells without gates.
  void inspect_spike(Span<const float> gradient, double norm,
                     const std::vector<double>& gate_norms);
  // Instead of inspecting an update, where there is none: the next bad one is an event again.
  void note_missing_update();

  // Keeps the step for the events that follow it.
  void end_step(const StepRecord& record);

  const StepFindings& findings() const { return findings_; }  // of the latest step
  const std::vector<Event>& events() const { return events_; }
  // Whether the latest step has an event and is one of the first `count` steps that have one.
  bool is_among_first_event_steps(std::uint64_t count) const;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(phases_, last_finite_norm_, spikes_, recorder_, events_, event_steps_);
  }
  // Whether `archive` read a possible state of a run of this layout after this step.
  bool is_valid(std::uint64_t step) const;

 private:
  // Whether the latest values of a phase were bad: only the first bad ones in a row are an event.
  struct PhaseState {
    bool is_nonfinite = false;
    bool norm_overflows = false;

    template <typename Archive>
    void archive(Archive& archive) {
      archive(is_nonfinite, norm_overflows);
    }
  };

  PhaseState& state_of(Phase phase) { return phases_[static_cast<std::size_t>(phase)]; }
  void note_nonfinite(Phase phase, const std::optional<NonfiniteCounts>& found, double norm);
  bool is_repaired(Phase phase) const;
  Action action(Phase phase) const;
  Event event_at(EventKind kind, Phase phase, std::optional<std::size_t> element,
                 double norm) const;
  void add_event(Event event);

  const ParameterLayout& layout_;
  const bool repairs_gradient_;
  const NonfinitePolicy on_nonfinite_;

  // The latest step.
  std::uint64_t step_ = 0;
  std::uint64_t epoch_ = 0;
  StepFindings findings_;

  // The run so far.
  std::array<PhaseState, kPhases.size()> phases_;  // by Phase
  std::optional<double> last_finite_norm_;         // of the gradient, before the latest step
  SpikeDetector spikes_;
  FlightRecorder recorder_;
  std::vector<Event> events_;
  std::uint64_t event_steps_ = 0;  // steps with an event
};

}  // namespace clipsweep
