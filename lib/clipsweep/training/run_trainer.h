// One run: its state, and its own part of a training step, which reads as four verbs: inspect,
// clip, update, record. It never sees another run.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/clipping/clip_memory.h"
#include "clipsweep/clipping/clipping.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/model/gradient_norms.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/records/checkpoint.h"
#include "clipsweep/records/flight_recorder.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/records/through_time.h"
#include "clipsweep/training/optimizer.h"
#include "clipsweep/training/spike_detector.h"

namespace clipsweep {

using StepSink = std::function<void(const StepRecord&)>;
using ThroughTimeSink = std::function<void(const ThroughTimeRecord&)>;

// How much the recurrent weights of each layer in a row [P] stretch, by gate; empty for layers too
// large for that.
std::vector<LayerRadii> radii_of_layers(Span<const float> weights, const ParameterLayout& layout);

class RunTrainer {
 public:
  // The sink gets the steps to be logged. The references must outlive the trainer.
  RunTrainer(const SweepPlan& plan, const RunSpec& spec, const ParameterLayout& layout,
             StepSink sink);

  const RunSpec& spec() const { return spec_; }

  // Takes one step with what the engine returned for this run: loss and right answers of its batch,
  // its gradient [P], clipped in place, its weights [P], updated in place, and the share of the
  // error derivatives that it clipped on their way back. Returns whether the run goes on.
  bool step(float loss, std::int64_t correct_counts, Span<float> gradient, Span<float> weights,
            double clipped_derivatives = 0);

  // Whether the gradient through time of the latest step is to be measured (through_time.h).
  bool is_due_through_time() const;
  // The weights [P] that the latest step was taken from, given those [P] after it.
  Span<const float> weights_before(Span<const float> weights) const;
  // What is logged of it. norms [T].
  ThroughTimeRecord through_time(std::vector<float> norms) const;

  // radii: those of its weights after the epoch.
  void finish_epoch(double test_loss, double test_accuracy, std::vector<LayerRadii> radii);

  // `diverged` if it stopped, or if its weights [P] or, where it went on regardless, its last loss
  // are not finite.
  Outcome outcome(Span<const float> weights) const;

  std::uint64_t steps() const { return step_; }
  std::size_t epochs() const { return epochs_.size(); }  // evaluated

  // All that the run is after a whole step, its weights [P] being these. Engine, logs and times are
  // left to the caller.
  RunState state(Span<const float> weights);
  // Goes on from a state, whose weights it writes into those [P]. Throws DataError, and is of no
  // more use, if no run of this plan can be in it: anybody may have written it.
  void restore(const RunState& state, Span<float> weights);

  // What the run has come to. Hashes, engine and times are left to the caller.
  RunRecord record(Outcome outcome) const;

 private:
  template <typename Archive>
  void archive(Archive& archive) {
    archive(step_, optimizer_, memory_, spikes_, recorder_, is_nonfinite_, norm_overflows_,
            last_finite_norm_, finite_norms_, cosine_sum_, cosines_, last_loss_, stopped_, epochs_,
            events_, event_steps_, totals_, epoch_loss_, epoch_accuracy_, epoch_clipped_steps_,
            epoch_gate_norms_, epoch_finite_steps_);
  }

  // What `restore` asks of what it has read.
  bool is_at_possible_step() const;
  bool has_possible_memory() const;
  bool has_possible_records() const;

  void inspect(float loss, Span<const float> gradient);
  void inspect_gates(Span<const float> gradient);
  void inspect_spike(Span<const float> gradient);
  void clip(Span<float> gradient, Span<const float> weights, double clipped_derivatives);
  void update(Span<const float> gradient, Span<float> weights);
  void record_step(float loss, std::int64_t correct_counts);

  // Looks at the numbers of one phase, whose norm is given; writes an event if they turn bad.
  void inspect_phase(Phase phase, Span<const float> values, double norm);
  void note_nonfinite(Phase phase, const std::optional<NonfiniteCounts>& found, double norm);
  // Whether clipping makes a phase's bad numbers good: `random-step` replaces a bad gradient.
  bool is_repaired(Phase phase) const;
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
  std::vector<double> gate_norms_;   // likewise; empty for cells without gates
  std::vector<float> raw_gradient_;  // likewise
  StepRecord record_;
  ProposedStep proposal_;        // once it is taken, its weights are those from before it
  bool has_nonfinite_ = false;   // something in it is not finite, so that it counts as one
  bool update_blocked_ = false;  // and is not mended, so that it is not taken
  bool has_event_ = false;       // so it is logged whatever log_every says
  bool is_taken_ = false;        // the weights are those proposed

  // The run so far: what `archive` lists.
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
  std::uint64_t event_steps_ = 0;  // steps with an event
  RunTotals totals_;

  // The epoch so far.
  double epoch_loss_ = 0;
  double epoch_accuracy_ = 0;
  std::uint64_t epoch_clipped_steps_ = 0;
  std::vector<double> epoch_gate_norms_;  // summed over the steps of finite norm
  std::uint64_t epoch_finite_steps_ = 0;
};

}  // namespace clipsweep
