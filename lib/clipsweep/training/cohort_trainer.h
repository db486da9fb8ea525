// R runs in lockstep: one batch per seed and one call of the engine a step for all of them, then
// each run's own step, which idle threads may take. A run that ends is dropped from the block; the
// others do not notice.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clipsweep/base/parallel.h"
#include "clipsweep/base/wall_clock.h"
#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/records/checkpoint.h"
#include "clipsweep/tasks/batches.h"
#include "clipsweep/tasks/task.h"
#include "clipsweep/training/run_trainer.h"

namespace clipsweep {

// What the cohorts of a sweep share. The references must outlive them.
struct CohortContext {
  const SweepPlan& plan;
  const ParameterLayout& layout;
  const Task& task;
  const CancelFlag& stop;                 // asks for an end: what takes long is given up
  std::atomic<std::uint64_t>& run_steps;  // steps done, summed over runs; for the progress line
  CheckpointFile* checkpoint = nullptr;   // nothing is saved without
  WorkSharing& helpers = kNoHelpers;      // may take the steps of some runs
};

// A run of a cohort, from its beginning or from where it was saved.
struct RunStart {
  const RunSpec* spec = nullptr;
  std::optional<RunState> state = std::nullopt;
};

std::vector<RunStart> from_the_beginning(const std::vector<const RunSpec*>& runs);

// Whether the run can begin there: the state is one of a run with these settings.
bool is_state_of(const RunState& state, const RunSpec& spec, const SweepPlan& plan,
                 const ParameterLayout& layout);

// Where it begins: after this step, of which so many epochs are evaluated. The runs of a cohort
// begin alike.
using StartingPoint = std::pair<std::uint64_t, std::uint64_t>;
StartingPoint starting_point(const RunStart& start);

// Where the log of one run goes.
struct RunSinks {
  StepSink step;
  ThroughTimeSink through_time = {};  // empty: not measured
  // Hands all that was logged to the operating system and notes in a state how much that is.
  std::function<void(RunState&)> note_length = {};
  // Takes back what was logged since then.
  std::function<void(const RunState&)> cut_back_to = {};
};

class CohortTrainer {
 public:
  // Makes the sinks of one run. Those of different runs may be called at the same time.
  using SinkFactory = std::function<RunSinks(const RunSpec&)>;
  // Takes a run that has come to an end: completed, diverged or interrupted.
  using RunEnd = std::function<void(RunRecord)>;

  // Throws DataError if a state is not one of its run, Cancelled if a stop was asked for meanwhile.
  CohortTrainer(const CohortContext& context, const std::vector<RunStart>& starts,
                GradientEngine& engine, const SinkFactory& make_sinks, RunEnd on_end);
  ~CohortTrainer();
  CohortTrainer(const CohortTrainer&) = delete;
  CohortTrainer& operator=(const CohortTrainer&) = delete;

  // Trains until every run has ended: as planned, by divergence, or because a stop was asked for.
  // Then the last whole step is saved; one that is in progress is given up.
  void train();

  // Ends all runs that are left as failed.
  void fail(const std::string& reason);

  // Takes one step of all runs. Throws Cancelled if a stop was asked for meanwhile.
  void step();

  std::size_t active_runs() const { return runs_.size(); }
  // The weights [P] of the run at this place of the cohort.
  Span<const float> weights(std::size_t r) const { return weights_.row(r); }
  // The samples of the latest step, for the run at this place: see SampleStream::drawn.
  Json samples(std::size_t r) const;

 private:
  static constexpr double kSlowSeconds = 0.25;

  // One seed's samples, shared by its runs.
  struct Source {
    std::uint64_t seed = 0;
    std::unique_ptr<SampleStream> samples;
    std::string order_sha256;  // empty until the first of its runs ends
  };
  struct Run {
    std::unique_ptr<RunTrainer> trainer;
    ThroughTimeSink on_through_time;
    std::shared_ptr<Source> source;
    std::string initial_weights_sha256;
    std::function<void(RunState&)> note_length;
    std::function<void(const RunState&)> cut_back_to;
    bool ended = false;
    Stopwatch stopwatch;
    std::string wall_started = utc_now();
    double wall_seconds_before = 0;  // until the state that it begins with
  };

  std::string hash_of_start(const RunSpec& spec, Span<const float> weights) const;
  void restore(const RunState& state, Run& run, Span<float> weights) const;
  std::shared_ptr<Source> source_for(std::uint64_t seed);
  void share_batches();
  // The share of a run's error derivatives that the engine clipped in the latest step.
  double clipped_derivatives_share(std::size_t r) const;
  void next_batch();
  std::vector<std::size_t> runs_due_through_time() const;
  // Measures the gradient through time of the latest step, in one call for all runs that are due.
  void measure_through_time(const std::vector<std::size_t>& due);
  void train_to_the_end();
  void finish_epoch();
  bool is_epoch_due() const;  // its steps are taken, and it is not evaluated yet
  std::vector<RunState> states();
  void save();
  void save_and_interrupt();
  // Makes all runs what they were before a slow step that was given up.
  void take_back_step();
  void end_run(std::size_t r, Outcome outcome, const std::optional<std::string>& reason = {});
  void end_all(const std::function<Outcome(std::size_t r)>& outcome_of);
  const std::string& order_sha256(Source& source) const;
  void keep_runs(const std::vector<std::size_t>& kept);

  CohortContext context_;
  GradientEngine& engine_;
  RunEnd on_end_;
  Block weights_;                       // [R, P]
  std::vector<float> backprop_limits_;  // [R], of the runs of mode `backprop`; else +inf
  StepResult result_;
  Batch batch_;
  Batch test_batch_;  // where the task fills one in
  std::uint64_t step_ = 0;
  std::uint64_t epochs_ = 0;                      // evaluated
  std::vector<RunState> before_;                  // before a slow step in progress
  std::vector<std::shared_ptr<Source>> sources_;  // [S]
  std::vector<Run> runs_;                         // [R]
};

}  // namespace clipsweep
