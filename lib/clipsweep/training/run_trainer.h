// One run: its state, and its own part of a training step, in four verbs: inspect, clip, update,
// record. It depends on no other run. Before `record`, the local smoothness may be measured.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/clipping/clip_memory.h"
#include "clipsweep/clipping/clipping.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/model/gradient_norms.h"
#include "clipsweep/model/local_smoothness.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/probing/probe_record.h"
#include "clipsweep/records/checkpoint.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/records/through_time.h"
#include "clipsweep/training/epoch_averages.h"
#include "clipsweep/training/event_log.h"
#include "clipsweep/training/optimizer.h"
#include "clipsweep/training/run_statistics.h"

namespace clipsweep {

using StepSink = std::function<void(const StepRecord&)>;
using ThroughTimeSink = std::function<void(const ThroughTimeRecord&)>;

// The spectral radius of each gate's recurrent weights in each layer of a row [P]; empty if the
// layers are too large to compute it.
std::vector<LayerRadii> radii_of_layers(Span<const float> weights, const ParameterLayout& layout);

// What a step leads to.
struct StepOutcome {
  bool continues = true;             // false: the run has stopped
  Span<const float> weights_before;  // [P], those that the step started from; until the next step
  // If the gradient through time of this step is to be logged (through_time.h): its record, in
  // which only the norms at `weights_before` are missing.
  std::optional<ThroughTimeRecord> through_time_due;
};

class RunTrainer {
 public:
  // The sink gets the steps to be logged. The references must outlive the trainer.
  RunTrainer(const TrainingPlan& plan, const RunSpec& spec, const ParameterLayout& layout,
             StepSink sink);

  const RunSpec& spec() const { return spec_; }

  // Whether a probe of the weights is due before the next step.
  bool is_probe_due() const;
  void add_probe(const ProbeRecord& probe);

  // Takes one step with the engine's results for this run: loss and correct samples of its batch,
  // its gradient [P], clipped in place, its weights [P], updated in place, the share of the error
  // derivatives that the engine clipped, and Omega, if the gradient contains its derivative.
  StepOutcome step(float loss, double accuracy, Span<float> gradient, Span<float> weights,
                   double clipped_derivatives = 0, std::optional<double> omega = {});
  // The same in two parts, between which the step can be measured.
  void take_step(float loss, double accuracy, Span<float> gradient, Span<float> weights,
                 double clipped_derivatives = 0, std::optional<double> omega = {});
  StepOutcome record_step(Span<const float> weights);

  // The points [P] at which the gradient of the batch is needed to measure the step that was just
  // taken to these weights [P]: the middle of the step, and a small step along the gradient.
  void place_middle(Span<const float> weights, Span<float> point) const;
  void place_small_step(Span<const float> weights, Span<float> point) const;
  // What the gradient there says.
  void measure_smoothness(Span<const float> weights, const GradientAt& middle);
  void measure_sharpness(Span<const float> weights, const GradientAt& small_step);

  // Where the next step would lead from these weights [P] with this gradient [P], if nothing
  // clipped it.
  std::vector<float> weights_after(Span<const float> gradient, Span<const float> weights) const;

  // radii: those of its weights after the epoch; validation: nothing without such a set.
  void finish_epoch(double test_loss, double test_accuracy, std::vector<LayerRadii> radii,
                    const std::optional<Evaluation>& validation = {});

  // `diverged` if the run stopped, or if its weights [P] or, where it continued regardless, its
  // last loss are not finite.
  Outcome outcome(Span<const float> weights) const;

  std::uint64_t steps() const { return step_; }
  std::size_t epochs() const { return epochs_.size(); }  // evaluated

  // The run's complete state after a step, for checkpoints; weights [P] are its own. The caller
  // fills in engine, log lengths and times.
  RunState state(Span<const float> weights);
  // Resumes from a state, whose weights it writes into those [P]. Throws DataError (leaving the
  // trainer unusable) if the state is not valid for this run; checkpoints are untrusted input.
  void restore(const RunState& state, Span<float> weights);

  // The run's results so far. The caller fills in hashes, engine and times.
  RunRecord record(Outcome outcome) const;

 private:
  template <typename Archive>
  void archive(Archive& archive) {
    archive(step_, optimizer_, memory_, events_, statistics_, epoch_averages_, epochs_, last_loss_,
            stopped_);
    // Without probes the bytes are those of versions that had none.
    if (!plan_.probe_at.empty()) archive(probes_);
  }

  // Parts of the check in `restore`.
  bool is_at_possible_step() const;
  bool has_possible_memory() const;
  bool has_possible_records() const;
  bool has_possible_probes() const;

  void inspect(float loss, Span<const float> gradient);
  void clip(Span<float> gradient, Span<const float> weights, double clipped_derivatives);
  void update(Span<const float> gradient, Span<float> weights);
  void propose_update(Span<const float> gradient, Span<const float> weights);
  void clip_update(Span<const float> weights);
  void take_update(Span<const float> gradient, Span<float> weights);
  // The weights that the latest step started from, and its gradient before clipping; `weights` are
  // those after it.
  GradientAt start_of_step(Span<const float> weights) const;
  StepOutcome outcome_of_step(Span<const float> weights) const;

  bool drops_update() const;         // because something is not finite
  bool clipping_skips_step() const;  // mode `skip`
  bool takes_step() const;
  bool is_logged() const;
  bool is_through_time_due() const;
  std::uint64_t epoch() const { return epoch_of(step_); }
  std::uint64_t epoch_of(std::uint64_t step) const;
  StepParameters parameters_of(std::uint64_t step) const;
  double learning_rate() const { return parameters_of(step_).learning_rate; }
  std::optional<std::uint64_t> solved_at_step() const;
  std::optional<std::string> divergence_reason() const;

  const TrainingPlan& plan_;
  const RunSpec& spec_;
  const ParameterLayout& layout_;
  const StepSink sink_;

  // The step in progress.
  ClipRule rule_;                    // with the threshold of this epoch
  GradientNorms norms_;              // before clipping
  std::vector<double> gate_norms_;   // before clipping; empty for cells without gates
  std::vector<float> raw_gradient_;  // before clipping
  StepRecord record_;
  ProposedStep proposal_;
  std::vector<float> weights_before_;  // from before the latest update that was taken
  // Of the current weights, which only this trainer changes; nothing before its first step.
  std::optional<double> weight_norm_;

  // The run so far: the list in `archive`.
  std::uint64_t step_ = 0;
  OptimizerState optimizer_;
  ClipMemory<float> memory_;
  EventLog events_;
  RunStatistics statistics_;
  EpochAverages epoch_averages_;
  std::vector<EpochRecord> epochs_;
  float last_loss_ = 0;
  bool stopped_ = false;
  std::vector<std::string> probes_;  // as lines of JSON, which untrusted bytes are read as
};

}  // namespace clipsweep
