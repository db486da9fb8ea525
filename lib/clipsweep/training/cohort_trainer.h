// R runs in lockstep: one batch per seed and one call of the engine per step for all of them, then
// each run's own step, which idle threads may take. A run that ends is dropped from the block; the
// others are unaffected.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/base/cancellation.h"
#include "clipsweep/base/parallel.h"
#include "clipsweep/base/wall_clock.h"
#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/records/checkpoint.h"
#include "clipsweep/tasks/batches.h"
#include "clipsweep/tasks/task.h"
#include "clipsweep/training/cohort_samples.h"
#include "clipsweep/training/resumption.h"
#include "clipsweep/training/run_trainer.h"
#include "clipsweep/training/training_means.h"

namespace clipsweep {

// What the cohorts of a sweep share. The references must outlive them.
struct CohortContext {
  const TrainingPlan& plan;
  const ParameterLayout& layout;
  const Task& task;
  const CancelFlag& cancel;               // once it is set, long steps are abandoned
  std::atomic<std::uint64_t>& run_steps;  // steps taken, summed over runs; for the progress line
  CheckpointFile* checkpoint = nullptr;   // null: nothing is saved
  WorkSharing* sharing = nullptr;         // its idle threads may take the steps of some runs
  TrainingMeans* means = nullptr;         // of the steps taken; for the progress line
};

// Where the log of one run goes.
struct RunSinks {
  StepSink step;
  ThroughTimeSink through_time = {};  // empty: not measured
  // Flushes the logs to the operating system and records their lengths and hashes in a state.
  std::function<void(RunState&)> note_length = {};
  // Makes them durable up to there: the first begins that, the second waits for it.
  std::function<void()> begin_sync = {};
  std::function<void()> sync = {};
  // Truncates the logs to the lengths in a state.
  std::function<void(const RunState&)> cut_back_to = {};
  // Gets the final weights [P] of a run that completed or diverged, before its record.
  std::function<void(Span<const float>)> final_weights = {};
};

class CohortTrainer {
 public:
  // Makes the sinks of one run. Those of different runs may be called at the same time.
  using SinkFactory = std::function<RunSinks(const RunSpec&)>;
  // Gets the record of each run that ends: completed, diverged, failed or interrupted.
  using RunEnd = std::function<void(const RunRecord&)>;

  // Throws DataError if a state is not one of its run, Cancelled if the flag is set meanwhile.
  CohortTrainer(const CohortContext& context, const std::vector<RunStart>& starts,
                GradientEngine& engine, const SinkFactory& make_sinks, RunEnd on_end);

  // Trains until every run has ended: as planned, by divergence, or by cancellation. Then the last
  // complete step is saved and the step in progress is abandoned.
  void train();

  // Ends all remaining runs as failed.
  void fail(const std::string& reason);

  // Takes one step of all runs. Throws Cancelled if the flag is set meanwhile: all runs are then as
  // they were before the step, and can only be ended.
  void step();

  std::size_t active_runs() const { return runs_.size(); }
  // The weights [P] of the run at this place of the cohort.
  Span<const float> weights(std::size_t r) const { return weights_.row(r); }
  // Where its next step would lead with this gradient [P], if nothing clipped it: weights [P].
  std::vector<float> weights_after(std::size_t r, Span<const float> gradient) const {
    return runs_[r].trainer->weights_after(gradient, weights_.row(r));
  }
  // The samples of the latest step, for the run at this place: see SampleStream::drawn.
  Json samples(std::size_t r) const { return samples_.drawn(r); }

 private:
  // A step whose gradients take longer can be cancelled to its end.
  static constexpr double kSlowSeconds = 0.25;

  // A run in training. Its weights [P] and carried states [S] are in the cohort's blocks.
  struct Run {
    void resume(const RunState& state, Span<float> weights, Span<float> carried_states);
    // engine: the description that the state records.
    RunState save_state(Span<const float> weights, Span<const float> carried_states,
                        const std::string& engine) const;
    // Restores the run to a state that save_state returned, its logs included. The carried states
    // have not changed yet.
    void take_back(const RunState& state, Span<float> weights) const;
    // Restores the trainer and weights [P]; returns the carried states.
    std::vector<float> restore(const RunState& state, Span<float> weights) const;
    double wall_seconds() const { return wall_seconds_before + stopwatch.seconds(); }

    std::unique_ptr<RunTrainer> trainer;
    RunSinks sinks;
    std::string initial_weights_sha256;
    std::string wall_started = utc_now();
    double wall_seconds_before = 0;  // until the state that it resumed from
    Stopwatch stopwatch;
    bool ended = false;
  };

  void add_run(const RunStart& start, RunSinks sinks);
  std::string initial_weights_sha256(const RunSpec& spec, Span<const float> weights) const;
  void train_to_the_end();
  void finish_slow_step();
  void finish_step(const CancelFlag& cancel);
  std::vector<StepOutcome> take_steps(const CancelFlag& cancel);
  bool is_smoothness_due() const;
  // Measure the local smoothness and the sharpness of the step that all runs have just taken, each
  // with one more gradient a run.
  void measure_smoothness(const CancelFlag& cancel);
  // Calls place(run, point [P]) for each run, computes the gradients of its batch there, and calls
  // measure(run, gradient) with them.
  template <typename Place, typename Measure>
  void measure_at(const Place& place, const Measure& measure, const CancelFlag& cancel);
  void note_means() const;
  // The share of a run's error derivatives that the engine clipped in the latest step.
  double clipped_derivatives_share(std::size_t r) const;
  // Omega of a run in the latest step; nothing without its factor.
  std::optional<double> omega_of(std::size_t r) const;
  // Measures the gradient through time of the latest step, in one call for all runs where it is
  // due.
  void measure_through_time(std::vector<StepOutcome>& outcomes, const CancelFlag& cancel);
  // Of each run, [R].
  std::vector<Evaluation> evaluate(const EvaluationSet& set);
  void finish_epoch();
  // The runs whose weights are to be probed before the next step.
  std::vector<std::size_t> runs_to_probe() const;
  void probe(const std::vector<std::size_t>& runs);
  bool is_epoch_due() const;  // its steps are taken, and it is not evaluated yet
  std::vector<RunState> states() const;
  void save();
  void sync_logs() const;
  void end_run(std::size_t r, Outcome outcome, const std::optional<std::string>& reason = {});
  void end_all(const std::function<Outcome(std::size_t r)>& outcome_of);
  void keep_runs(const std::vector<std::size_t>& kept);
  void collect_backprop_limits();  // of the next step's epoch
  // [S], or empty
  Span<float> carried_states_of(std::size_t r);
  Span<const float> carried_states_of(std::size_t r) const;
  // Those with which the next step begins: zeros, unless its sequences continue the last ones.
  void set_initial_states();
  // Those with which the latest step ended.
  void take_last_states();
  EngineContext engine_context() const { return {context_.cancel, context_.sharing}; }

  CohortContext context_;
  GradientEngine& engine_;
  RunEnd on_end_;
  std::uint64_t step_ = 0;
  std::uint64_t epochs_ = 0;  // evaluated
  CohortSamples samples_;
  std::vector<Run> runs_;               // [R]
  Block weights_;                       // [R, P]
  StateBlock carried_states_;           // [R, S], or without rows
  std::vector<float> backprop_limits_;  // [R], of runs of mode `backprop`; +inf for other modes
  StepResult result_;
  Batch evaluated_batch_;  // for tasks that fill one
};

}  // namespace clipsweep
