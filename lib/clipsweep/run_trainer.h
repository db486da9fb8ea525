// One run: its state, and its own part of a training step, which reads as four verbs: inspect,
// clip, update, record. It never sees another run.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/clip_memory.h"
#include "clipsweep/clipping.h"
#include "clipsweep/flight_recorder.h"
#include "clipsweep/gradient_norms.h"
#include "clipsweep/optimizer.h"
#include "clipsweep/parameters.h"
#include "clipsweep/run_record.h"
#include "clipsweep/spike_detector.h"
#include "clipsweep/sweep_plan.h"

namespace clipsweep {

using StepSink = std::function<void(const StepRecord&)>;

class RunTrainer {
 public:
  // The sink gets the steps to be logged. The references must outlive the trainer.
  RunTrainer(const SweepPlan& plan, const RunSpec& spec, const ParameterLayout& layout,
             StepSink sink);

  const RunSpec& spec() const { return spec_; }

  // Takes one step with what the engine returned for this run: loss and right answers of its batch,
  // its gradient [P], clipped in place, its weights [P], updated in place, and the share of the
  // error derivatives that it clipped on their way back. Returns whether the run goes on.
  bool step(float loss, std::int64_t corrects, Span<float> gradient, Span<float> weights,
            double clipped_derivatives = 0);

  void finish_epoch(double test_loss, double test_accuracy);

  // `diverged` if it stopped, or if its weights [P] or, where it went on regardless, its last loss
  // are not finite.
  Outcome outcome(Span<const float> weights) const;

  // What the run has come to. Hashes, engine and times are left to the caller.
  RunRecord record(Outcome outcome) const;

 private:
  void inspect(float loss, Span<const float> gradient);
  void inspect_spike(Span<const float> gradient);
  void clip(Span<float> gradient, Span<const float> weights, double clipped_derivatives);
  void update(Span<const float> gradient, Span<float> weights);
  void record_step(float loss, std::int64_t corrects);

  // Looks at the numbers of one phase, whose norm is given; writes an event if they turn bad.
  void inspect_phase(Phase phase, Span<const float> values, double norm);
  void note_nonfinite(Phase phase, const std::optional<NonfiniteCounts>& found, double norm);
  // Whether clipping makes a phase's bad numbers good: `random-step` replaces a bad gradient.
  bool is_mended(Phase phase) const;
  Event event_at(EventKind kind, Phase phase, std::optional<std::size_t> element,
                 double norm) const;
  void add_event(Event event);

  std::uint64_t epoch() const;
  std::optional<std::uint64_t> solved_at_step() const;
  double learning_rate() const;  // in this epoch
  Action action(Phase phase) const;
  bool keeps_bad_updates() const;
  bool is_logged() const;

  const SweepPlan& plan_;
  const RunSpec& spec_;
  const ParameterLayout& layout_;
  const StepSink sink_;

  // The step in progress.
  std::uint64_t step_ = 0;
  GradientNorms norms_;              // before clipping
  std::vector<float> raw_gradient_;  // likewise
  StepRecord record_;
  ProposedStep proposal_;
  bool bad_ = false;        // something in it is not finite, so that it counts as one
  bool blocked_ = false;    // and is not mended, so that it is not taken
  bool has_event_ = false;  // so it is logged whatever log_every says

  // The run so far.
  OptimizerState optimizer_;
  ClipMemory<float> memory_;
  SpikeDetector spikes_;
  FlightRecorder recorder_;
  std::array<bool, 4> is_nonfinite_{};    // by Phase, at the step before
  std::array<bool, 4> norm_overflows_{};  // likewise
  std::optional<double> last_finite_norm_;
  std::vector<double> finite_norms_;
  double cosine_sum_ = 0;
  std::uint64_t cosines_ = 0;  // summed there
  float last_loss_ = 0;
  bool stopped_ = false;
  std::vector<EpochRecord> epochs_;
  std::vector<Event> events_;
  RunTotals totals_;

  // The epoch so far.
  double epoch_loss_ = 0;
  double epoch_accuracy_ = 0;
  std::uint64_t epoch_clipped_steps_ = 0;
};

}  // namespace clipsweep
