// Complete small sweeps: the same bytes for any grouping, and every way a sweep can end early.
// Compiled for both engines: torch_tests has the reference engine, worker_tests the fused one and
// no LibTorch, so that ThreadSanitizer sees all code.
#include "clipsweep/training/sweep_runner.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <new>
#include <optional>
#include <set>
#include <thread>

#include "clipsweep/base/error.h"
#include "clipsweep/base/parallel.h"
#include "clipsweep/base/simd.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/validation/validation.h"
#include "support/small_sweep.h"

namespace clipsweep {
namespace {

void expect_same_logs(const Sweep& a, const Sweep& b, const RunSpec& run) {
  EXPECT_EQ(a.steps(run), b.steps(run)) << run.id;
  EXPECT_EQ(a.through_time(run), b.through_time(run)) << run.id;
  EXPECT_EQ(a.record(run).final_weights_sha256, b.record(run).final_weights_sha256) << run.id;
  EXPECT_EQ(a.record(run).epochs.back().test_loss, b.record(run).epochs.back().test_loss) << run.id;
}

TEST(TrainRuns, WritesTheSameBytesAloneInACohortAndOnTwoWorkers) {
  auto config = small_config();
  config.through_time_every = 4;
  config.smoothness_every = 4;
  config.clips.push_back({ClipMode::kBackprop, 1e-3});
  Sweep together(config), alone(config), on_two(config);
  together.train(together.unfinished());
  for (const RunSpec* run : alone.unfinished()) alone.train({run});
  on_two.train(on_two.unfinished(), 2);
  for (const auto& run : together.plan().runs) {
    expect_same_logs(together, alone, run);
    expect_same_logs(together, on_two, run);
  }
}

// A cohort of four runs, which are equal until they are clipped, and a single run, whose batch has
// parts.
TEST(TrainRuns, WritesTheSameBytesWhenWorkersHelpEachOther) {
  auto config = small_config();
  config.training.epochs = 1;
  config.training.steps_per_epoch = 2;
  config.training.hidden = 48;  // with fewer units batches are not split
  config.training.batch_size = 80;
  config.through_time_every = 2;
  config.smoothness_every = 1;
  config.clips.push_back({ClipMode::kBackprop, 1e-3});
  config.learning_rates = {0.1, 0.2, 0.3, 0.4};
  config.seeds = {0};
  Sweep alone(config), helped(config);
  std::vector<const RunSpec*> runs;
  for (const auto& run : helped.plan().runs)
    if (run.learning_rate == 0.1 || run.clip.mode == ClipMode::kNone) runs.push_back(&run);
  ASSERT_EQ(runs.size(), 7U);
  std::swap(runs.back(), *std::find_if(runs.begin(), runs.end(), [](const RunSpec* run) {
              return run->learning_rate == 0.4;
            }));
  helped.train({runs.begin(), runs.end() - 1}, 3);
  helped.train({runs.back()}, 3);
  for (const RunSpec* helped_run : runs) {
    const RunSpec& run = find_run(alone.plan().runs, helped_run->id);
    alone.train({&run});
    expect_same_logs(alone, helped, run);
  }
}

// Claims are flocks, which belong to an open file: two in one process exclude each other too.
TEST(TrainRuns, TwoSweepsInOneFolderShareItsRuns) {
  auto config = small_config();
  config.seeds = {0, 1, 2, 3};
  Sweep alone(config), shared(config);
  alone.train(alone.unfinished());
  const auto runs = shared.unfinished();
  run_on_threads(2, [&](std::size_t) {
    const EngineFactory make_engine = engine_under_test();
    SweepJob job{shared.plan(), shared.task(),   shared.path(),    2,
                 make_engine,   shared.cancel(), shared.progress()};
    job.cohort_sizes = {{Cell::kLstm, {1, 2}}};
    train_runs(job, runs);
  });
  EXPECT_EQ(shared.progress().ended, runs.size());
  EXPECT_EQ(shared.progress().elsewhere, runs.size());
  EXPECT_TRUE(shared.unfinished().empty());
  for (const auto& run : alone.plan().runs) EXPECT_EQ(alone.steps(run), shared.steps(run));
}

// Without the numbers that only a measured sweep has.
std::string unmeasured(const std::string& log) {
  std::string lines = log;
  for (const std::string key : {",\"smoothness\":", ",\"sharpness\":"})
    for (std::size_t at = lines.find(key); at != std::string::npos; at = lines.find(key))
      lines.erase(at, lines.find(',', at + 1) - at);
  return lines;
}

TEST(TrainRuns, MeasuringTheSmoothnessChangesNoOtherNumber) {
  auto config = small_config();
  Sweep plain(config);
  config.smoothness_every = 3;
  Sweep measured(config);
  plain.train(plain.unfinished());
  measured.train(measured.unfinished());
  for (const auto& run : plain.plan().runs) {
    const std::string log = measured.steps(run);
    EXPECT_EQ(unmeasured(log), plain.steps(run));
    EXPECT_NE(log, plain.steps(run));
    EXPECT_EQ(measured.record(run).totals.smoothness.points, 4U);
    EXPECT_EQ(measured.record(run).final_weights_sha256, plain.record(run).final_weights_sha256);
  }
  for (const auto& problem : validate_folder(measured.path()).problems)
    ADD_FAILURE() << problem.file << ": " << problem.message;
}

TEST(TrainRuns, AStepThatIsNotTakenHasNoSmoothness) {
  auto config = small_config();
  config.learning_rates = {1e38};  // NaN soon after the first step
  config.training.on_nonfinite = NonfinitePolicy::kSkip;
  config.smoothness_every = 1;
  Sweep sweep(config);
  sweep.train(sweep.unfinished());
  for (const auto& run : sweep.plan().runs) {
    if (run.clip.mode != ClipMode::kNone) continue;
    std::uint64_t without = 0;
    read_step_log(steps_path(sweep.path(), run.id),
                  [&](const Json& step, std::uint64_t, std::string_view) {
                    without += step.at("smoothness").is_null() ? 1 : 0;
                  });
    EXPECT_GT(without, 0U);
  }
  for (const auto& problem : validate_folder(sweep.path()).problems)
    ADD_FAILURE() << problem.file << ": " << problem.message;
}

TEST(TrainRuns, PairsTheRunsOfASeed) {
  Sweep sweep(small_config());
  sweep.train(sweep.unfinished());
  std::set<std::string> weights, orders, finals;
  for (const auto& run : sweep.plan().runs) {
    const auto record = sweep.record(run);
    EXPECT_EQ(record.outcome, Outcome::kCompleted);
    EXPECT_EQ(record.totals.steps, 12U);
    EXPECT_EQ(record.epochs.size(), 2U);
    weights.insert(record.initial_weights_sha256);
    orders.insert(record.batch_order_sha256);
    finals.insert(record.final_weights_sha256);
  }
  EXPECT_EQ(weights.size(), 2U);
  EXPECT_EQ(orders.size(), 2U);
  EXPECT_EQ(finals.size(), 6U);
}

TEST(TrainRuns, ADivergingRunDoesNotAffectTheOthers) {
  Sweep healthy(small_config());
  healthy.train(healthy.unfinished());
  auto config = small_config();
  config.learning_rates = {0.1, 1e38};
  Sweep mixed(config);
  mixed.train(mixed.unfinished());
  for (const auto& run : healthy.plan().runs) EXPECT_EQ(healthy.steps(run), mixed.steps(run));
  for (const auto& run : mixed.plan().runs) {
    if (run.learning_rate < 1 || run.clip.mode != ClipMode::kNone) continue;
    const auto record = mixed.record(run);
    EXPECT_EQ(record.outcome, Outcome::kDiverged);
    EXPECT_TRUE(std::any_of(record.events.begin(), record.events.end(),
                            [](const Event& event) { return event.tensor.has_value(); }));
  }
}

TEST(TrainRuns, CancellationLeavesRunsInterruptedAndToBeTrained) {
  Sweep sweep(small_config());
  sweep.cancel() = true;
  sweep.train(sweep.unfinished());
  EXPECT_EQ(sweep.unfinished().size(), 6U);
  sweep.cancel() = false;
  const auto runs = sweep.unfinished();
  sweep.train({runs[0], runs[1]});
  EXPECT_EQ(sweep.unfinished().size(), 4U);
}

// Called before an engine computes something for the nth time.
struct Interventions {
  std::function<void(int)> step = [](int) {};
  std::function<void(int)> evaluation = [](int) {};
  std::function<void(int)> through_time = [](int) {};
};

// An engine that calls the interventions, which may throw Cancelled; otherwise it completes each
// computation, whatever the flag is.
class InterruptedEngine : public GradientEngine {
 public:
  InterruptedEngine(std::unique_ptr<GradientEngine> inner, Interventions before)
      : inner_(std::move(inner)), before_(std::move(before)) {}
  std::string name() const override { return inner_->name(); }
  std::string simd() const override { return inner_->simd(); }
  void compute_gradients(const Block& parameters, const Batch& batch,
                         Span<const float> backprop_limits, StepResult& result,
                         const EngineContext& context) override {
    before_.step(++steps_);
    inner_->compute_gradients(parameters, batch, backprop_limits, result, uncancelled(context));
  }
  EvaluationResult evaluate(const Block& parameters, const Batch& batch,
                            const EngineContext& context) override {
    before_.evaluation(++evaluations_);
    return inner_->evaluate(parameters, batch, uncancelled(context));
  }
  std::vector<std::vector<float>> state_gradient_norms(const Block& parameters, const Batch& batch,
                                                       const std::vector<int>& source_of_run,
                                                       Span<const float> backprop_limits,
                                                       const EngineContext& context) override {
    before_.through_time(++through_times_);
    return inner_->state_gradient_norms(parameters, batch, source_of_run, backprop_limits,
                                        uncancelled(context));
  }

 private:
  static EngineContext uncancelled(const EngineContext& context) {
    return {kNotCancelled, context.sharing};
  }

  std::unique_ptr<GradientEngine> inner_;
  Interventions before_;
  int steps_ = 0;
  int evaluations_ = 0;
  int through_times_ = 0;
};

EngineFactory engine_with(const Interventions& before) {
  return [before](const ParameterLayout& layout) {
    return std::make_unique<InterruptedEngine>(engine_under_test()(layout), before);
  };
}

Interventions at_each_step(std::function<void(int)> on_step) {
  Interventions before;
  before.step = std::move(on_step);
  return before;
}

EngineFactory engine_that(const std::function<void(int)>& on_step) {
  return engine_with(at_each_step(on_step));
}

TEST(TrainRuns, AnInterruptedRunEqualsTheBeginningOfTheCompleteRun) {
  Sweep whole(small_config()), stopped(small_config());
  whole.train(whole.unfinished());
  stopped.train(stopped.unfinished(), 1,
                engine_that([&](int step) { stopped.cancel() = step == 4; }));
  for (const auto& run : stopped.plan().runs) {
    const auto record = stopped.record(run);
    EXPECT_EQ(record.outcome, Outcome::kInterrupted);
    EXPECT_EQ(record.totals.steps, 4U);
    EXPECT_EQ(whole.steps(run).compare(0, stopped.steps(run).size(), stopped.steps(run)), 0);
  }
}

// What a cancellable engine does when the flag is set during its nth computation.
std::function<void(int)> cancel_at(int nth, Sweep& sweep) {
  return [nth, &sweep](int count) {
    if (count == nth) sweep.cancel() = true;
    throw_if_cancelled(sweep.cancel());
  };
}

// Interrupts a sweep, checks its folder, and trains it to the end.
void expect_same_bytes_after(const std::function<void(Sweep&, Interventions&)>& interrupt,
                             std::uint64_t steps_logged) {
  auto config = small_config();
  config.through_time_every = 4;  // steps 1, 4, 8 and 12
  config.smoothness_every = 4;
  Sweep whole(config), stopped(config);
  whole.train(whole.unfinished());
  Interventions before;
  interrupt(stopped, before);
  stopped.train(stopped.unfinished(), 1, engine_with(before));
  for (const auto& run : stopped.plan().runs) {
    EXPECT_EQ(stopped.record(run).outcome, Outcome::kInterrupted);
    EXPECT_EQ(stopped.record(run).totals.steps, steps_logged);
  }
  for (const auto& problem : validate_folder(stopped.path()).problems)
    ADD_FAILURE() << problem.file << ": " << problem.message;
  stopped.cancel() = false;
  std::atomic<std::uint64_t> steps_again{0};
  stopped.train(stopped.unfinished(), 1, engine_that([&](int) { ++steps_again; }));
  // It resumed, it did not restart. A measured step computes two more gradients.
  const std::uint64_t measured = 12 / 4 - steps_logged / 4;
  EXPECT_LE(steps_again, 12 - steps_logged + 2 * measured + 1);
  for (const auto& run : whole.plan().runs) {
    expect_same_logs(stopped, whole, run);
  }
}

// Which computation of gradients a step begins with: step 4 has two more, for the smoothness.
constexpr int kGradientsOfStep6 = 6 + 2;
constexpr int kGradientsOfStep8 = 8 + 2;

TEST(TrainRuns, CancelledGradientsAreComputedAgain) {
  expect_same_bytes_after(
      [](Sweep& sweep, Interventions& before) {
        before.step = cancel_at(kGradientsOfStep6, sweep);
      },
      5);
}

// The test set is two batches.
TEST(TrainRuns, ACancelledEvaluationIsRepeated) {
  expect_same_bytes_after(
      [](Sweep& sweep, Interventions& before) { before.evaluation = cancel_at(2, sweep); }, 6);
}

// Makes the nth step so slow that it is cancellable to its end.
std::function<void(int)> slow_at(int nth) {
  return [nth](int step) {
    if (step == nth) std::this_thread::sleep_for(std::chrono::milliseconds(300));
  };
}

TEST(TrainRuns, ASlowStepWhoseGradientThroughTimeIsCancelledIsTakenAgain) {
  expect_same_bytes_after(
      [](Sweep& sweep, Interventions& before) {
        before.step = slow_at(kGradientsOfStep8);
        before.through_time = cancel_at(3, sweep);  // that of step 8
      },
      7);
}

TEST(TrainRuns, ASlowStepWhoseSharpnessIsCancelledIsTakenAgain) {
  expect_same_bytes_after(
      [](Sweep& sweep, Interventions& before) {
        before.step = [&sweep](int count) {
          slow_at(kGradientsOfStep8)(count);
          cancel_at(kGradientsOfStep8 + 2, sweep)(count);
        };
      },
      7);
}

TEST(TrainRuns, ASlowFirstStepIsCancellable) {
  expect_same_bytes_after(
      [](Sweep& sweep, Interventions& before) {
        before.step = slow_at(1);
        before.through_time = cancel_at(1, sweep);
      },
      0);
}

ExperimentConfig config_with_probes() {
  auto config = small_config();
  config.probe_at = {0, 5, 12};
  config.probe_batches = 20;
  config.clips.push_back({ClipMode::kBackprop, 1e-3});
  return config;
}

std::string probes_of(const Sweep& sweep, const RunSpec& run) {
  return to_line(to_json(sweep.record(run))["probes"]);
}

TEST(TrainRuns, ProbesARunInTheSameWayAloneInACohortAndOnTwoWorkers) {
  Sweep together(config_with_probes()), alone(config_with_probes()), on_two(config_with_probes());
  together.train(together.unfinished());
  for (const RunSpec* run : alone.unfinished()) alone.train({run});
  on_two.train(on_two.unfinished(), 2);
  for (const auto& run : together.plan().runs) {
    const auto probes = together.record(run).probes;
    ASSERT_EQ(probes.size(), 3U);
    EXPECT_EQ(probes[1].step, 5U);
    EXPECT_EQ(probes[1].rules.size(), 2U);
    EXPECT_EQ(probes_of(together, run), probes_of(alone, run)) << run.id;
    EXPECT_EQ(probes_of(together, run), probes_of(on_two, run)) << run.id;
  }
  for (const auto& problem : validate_folder(together.path()).problems)
    ADD_FAILURE() << problem.file << ": " << problem.message;
}

TEST(TrainRuns, RunsOfASeedHaveTheSameProbeUntilTheyAreClipped) {
  Sweep sweep(config_with_probes());
  sweep.train(sweep.unfinished());
  std::map<std::uint64_t, std::set<std::string>> first, last;
  for (const auto& run : sweep.plan().runs) {
    const auto probes = sweep.record(run).probes;
    first[run.seed].insert(to_line(to_json(probes.front())));
    last[run.seed].insert(to_line(to_json(probes.back())));
  }
  EXPECT_EQ(first[0].size(), 1U);
  EXPECT_NE(first[0], first[1]);
  EXPECT_GT(last[0].size(), 1U);
}

TEST(TrainRuns, ProbesDoNotChangeTraining) {
  auto config = config_with_probes();
  Sweep probed(config);
  config.probe_at.clear();
  Sweep plain(config);
  probed.train(probed.unfinished());
  plain.train(plain.unfinished());
  for (const auto& run : plain.plan().runs) expect_same_logs(plain, probed, run);
}

// A probe is 20 computations: the first is complete, the second is interrupted in its middle.
TEST(TrainRuns, ACancelledProbeIsRepeated) {
  Sweep whole(config_with_probes()), stopped(config_with_probes());
  whole.train(whole.unfinished());
  stopped.train(stopped.unfinished(), 1, engine_that(cancel_at(20 + 5 + 8, stopped)));
  for (const auto& run : stopped.plan().runs) {
    EXPECT_EQ(stopped.record(run).outcome, Outcome::kInterrupted);
    EXPECT_EQ(stopped.record(run).totals.steps, 5U);
    EXPECT_EQ(stopped.record(run).probes.size(), 1U);
  }
  for (const auto& problem : validate_folder(stopped.path()).problems)
    ADD_FAILURE() << problem.file << ": " << problem.message;
  stopped.cancel() = false;
  stopped.train(stopped.unfinished());
  for (const auto& run : whole.plan().runs) {
    expect_same_logs(stopped, whole, run);
    EXPECT_EQ(probes_of(stopped, run), probes_of(whole, run)) << run.id;
  }
}

// Sets the flag a tenth of a second after the start of each computation, which would take longer.
void expect_cancels(GradientEngine& engine, const ParameterLayout& layout, int time_steps) {
  std::atomic<bool> cancel{false};
  const EngineContext context{cancel};
  Block weights(2, layout.size());
  for (std::size_t r = 0; r < 2; ++r)
    for (float& weight : weights.row(r)) weight = 0.01F;
  Batch batch = make_batch(layout.model, 1, 64, {0, 0});
  set_time_steps(batch, time_steps);
  StepResult result(2, layout.size());
  const std::vector<float> limits(2, 1e30F);
  const auto expect_cancelled = [&](const std::function<void()>& compute) {
    cancel = false;
    std::thread canceller([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      cancel = true;
    });
    EXPECT_THROW(compute(), Cancelled);
    canceller.join();
  };
  expect_cancelled([&] { engine.compute_gradients(weights, batch, limits, result, context); });
  expect_cancelled([&] { engine.evaluate(weights, batch, context); });
  expect_cancelled([&] { engine.state_gradient_norms(weights, batch, {0, 0}, limits, context); });
}

TEST(Engine, CancelsEachComputation) {
  const auto layout = layout_of({Cell::kLstm, 1, 28, 512, 10});
  expect_cancels(*engine_under_test()(layout), layout, 400);
}

TEST(TrainRuns, AFailingCohortLeavesTheOthersAlone) {
  auto config = small_config();
  config.seeds = {0, 1, 2, 3};
  Sweep sweep(config);
  std::atomic<int> engines{0};
  const EngineFactory make_engine = [&](const ParameterLayout& layout) {
    const bool fails = engines++ == 0;
    return engine_that([fails](int step) {
      if (fails && step == 3) throw std::runtime_error("the machine hiccuped\nbacktrace");
    })(layout);
  };
  sweep.train(sweep.unfinished(), 2, make_engine);
  EXPECT_EQ(sweep.progress().failed, 6U);
  int failed = 0;
  for (const auto& run : sweep.plan().runs) {
    const auto record = sweep.record(run);
    if (record.outcome == Outcome::kCompleted) continue;
    ++failed;
    EXPECT_EQ(record.outcome, Outcome::kFailed);
    EXPECT_EQ(record.reason, "the machine hiccuped");
    EXPECT_EQ(record.totals.steps, 2U);
  }
  EXPECT_EQ(failed, 6);
  EXPECT_EQ(sweep.unfinished().size(), 6U);
}

TEST(TrainRuns, AFailureBetweenTheEndsOfTwoRunsRewritesNeither) {
  auto config = small_config();
  config.learning_rates = {1e38};  // so that runs end one by one
  Sweep sweep(config);
  const EngineFactory make_engine = engine_under_test();
  SweepJob job{sweep.plan(), sweep.task(),   sweep.path(),    1,
               make_engine,  sweep.cancel(), sweep.progress()};
  job.cohort_sizes = {{Cell::kLstm, {16, 64}}};
  int ends = 0;
  job.on_run_end = [&](const RunRecord&) {
    if (++ends == 2) throw std::runtime_error("the reader is gone");
  };
  train_runs(job, sweep.unfinished());
  int diverged = 0;
  int failed = 0;
  for (const auto& run : sweep.plan().runs) {
    diverged += sweep.record(run).outcome == Outcome::kDiverged ? 1 : 0;
    failed += sweep.record(run).outcome == Outcome::kFailed ? 1 : 0;
  }
  EXPECT_EQ(diverged, 2);
  EXPECT_EQ(failed, 4);
}

// ---- Too little memory --------------------------------------------------------------------------

// An engine that runs out of memory from a step on if the runs together have more parameters than
// `parameters`.
EngineFactory engine_with_room_for(std::size_t parameters, int from_step = 1) {
  class ScarceEngine : public InterruptedEngine {
   public:
    ScarceEngine(const ParameterLayout& layout, std::size_t max_parameters, int from_step)
        : InterruptedEngine(make_fused_engine(layout),
                            at_each_step([this](int step) { step_ = step; })),
          max_parameters_(max_parameters),
          from_step_(from_step) {}
    void compute_gradients(const Block& parameters, const Batch& batch,
                           Span<const float> backprop_limits, StepResult& result,
                           const EngineContext& context) override {
      if (step_ + 1 >= from_step_ && parameters.rows() * parameters.columns() > max_parameters_)
        throw std::bad_alloc();
      InterruptedEngine::compute_gradients(parameters, batch, backprop_limits, result, context);
    }

   private:
    std::size_t max_parameters_;
    int from_step_;
    int step_ = 0;
  };
  return [parameters, from_step](const ParameterLayout& layout) {
    return std::make_unique<ScarceEngine>(layout, parameters, from_step);
  };
}

constexpr std::size_t kLstmParameters = 1670;  // of the classic example, in its README

std::vector<std::string> halvings(const std::vector<std::size_t>& runs) {
  std::vector<std::string> texts;
  for (const std::size_t count : runs)
    texts.push_back("warning: out of memory with " + std::to_string(count) +
                    " runs; retrying in two halves");
  return texts;
}

TEST(TrainRuns, RunsOutOfMemoryAreTrainedInHalvesToTheSameBytes) {
  Sweep whole(small_config());
  whole.train(whole.unfinished(), 1, make_fused_engine);
  EXPECT_EQ(whole.warnings(), halvings({}));
  for (const auto& [room, expected] :
       std::map<std::size_t, std::vector<std::size_t>>{{6, {}}, {3, {6}}, {1, {6, 3, 2, 3, 2}}}) {
    Sweep scarce(small_config());
    scarce.train(scarce.unfinished(), 1, engine_with_room_for(room * kLstmParameters));
    EXPECT_EQ(scarce.warnings(), halvings(expected));
    EXPECT_EQ(scarce.progress().ended, 6U);
    for (const auto& run : whole.plan().runs) {
      EXPECT_EQ(scarce.record(run).outcome, Outcome::kCompleted);
      EXPECT_EQ(scarce.steps(run), whole.steps(run));
    }
  }
}

TEST(TrainRuns, HalvesResumeFromTheCheckpointOfTheirCohort) {
  auto config = small_config();
  Sweep whole(config);
  whole.train(whole.unfinished(), 1, make_fused_engine);
  config.checkpoint_every = 4;
  Sweep scarce(config);
  scarce.train(scarce.unfinished(), 1, engine_with_room_for(3 * kLstmParameters, 6));
  EXPECT_EQ(scarce.warnings(), halvings({6}));
  // 5 steps of six runs, and those from the 5th on of three and three.
  EXPECT_EQ(scarce.progress().run_steps, 5U * 6U + 8U * 3U + 8U * 3U);
  for (const auto& run : whole.plan().runs) EXPECT_EQ(scarce.steps(run), whole.steps(run));
}

TEST(TrainingMeans, AreThoseOfTheStepsSinceTheLastCall) {
  TrainingMeans means;
  EXPECT_FALSE(means.latest());
  means.add_step({6, 1}, 2);
  means.add_step({3, 0.5}, 1);
  EXPECT_DOUBLE_EQ(means.latest()->loss, 3);
  EXPECT_DOUBLE_EQ(means.latest()->accuracy, 0.5);
  means.add_step({0, 0}, 0);  // no run had a finite loss
  EXPECT_DOUBLE_EQ(means.latest()->loss, 3);
  means.add_step({1, 1}, 1);
  EXPECT_DOUBLE_EQ(means.latest()->accuracy, 1);
}

// Memory suffices for a single run of the plain cell, but not of the LSTM.
TEST(TrainRuns, ASingleRunOutOfMemoryFailsAndTheOthersContinue) {
  auto config = small_config();
  config.cells = {{Cell::kLstm}, {Cell::kRnnTanh}};
  Sweep sweep(config);
  sweep.train(sweep.unfinished(), 1, engine_with_room_for(kLstmParameters - 1, 3));
  EXPECT_EQ(sweep.progress().failed, 6U);
  EXPECT_EQ(sweep.progress().ended, 12U);
  std::uint64_t max_steps_of_failed = 0;
  for (const auto& run : sweep.plan().runs) {
    const auto record = sweep.record(run);
    const bool fails = run.setup.cell == Cell::kLstm;
    EXPECT_EQ(record.outcome, fails ? Outcome::kFailed : Outcome::kCompleted);
    EXPECT_EQ(record.reason, fails ? std::optional<std::string>("out of memory") : std::nullopt);
    max_steps_of_failed = std::max(max_steps_of_failed, fails ? record.totals.steps : 0);
    EXPECT_TRUE(fails || record.totals.steps == 12U);
    const std::string steps = sweep.steps(run);
    EXPECT_EQ(std::count(steps.begin(), steps.end(), '\n'), 1 + int(record.totals.steps));
  }
  EXPECT_EQ(max_steps_of_failed, 2U);  // each new engine fails in its third step
}

TEST(TrainRuns, AnEngineThatCannotBeMadeForLackOfMemoryFailsOnlyItsOwnRuns) {
  auto config = small_config();
  config.cells = {{Cell::kLstm}, {Cell::kRnnTanh}};
  Sweep sweep(config);
  const EngineFactory make_engine = [](const ParameterLayout& layout) {
    if (layout.model.cell == Cell::kLstm) throw std::bad_alloc();
    return make_fused_engine(layout);
  };
  sweep.train(sweep.unfinished(), 1, make_engine);
  for (const auto& run : sweep.plan().runs) {
    const auto record = sweep.record(run);
    if (run.setup.cell == Cell::kRnnTanh) {
      EXPECT_EQ(record.outcome, Outcome::kCompleted);
      continue;
    }
    EXPECT_EQ(record.outcome, Outcome::kFailed);
    EXPECT_EQ(record.reason, "out of memory");
    EXPECT_EQ(record.totals.steps, 0U);
    const std::string steps = sweep.steps(run);
    EXPECT_EQ(std::count(steps.begin(), steps.end(), '\n'), 1);  // its header
  }
  EXPECT_FALSE(sweep.cancel());
  // With enough memory they are trained to the same bytes.
  Sweep whole(config);
  whole.train(whole.unfinished(), 1, make_fused_engine);
  EXPECT_EQ(sweep.unfinished().size(), 6U);
  sweep.train(sweep.unfinished(), 1, make_fused_engine);
  for (const auto& run : whole.plan().runs) EXPECT_EQ(sweep.steps(run), whole.steps(run));
}

// An engine that runs out of memory when a run has ended and is recorded: after the evaluation that
// follows the last step, since a slow last step asks for its name, too.
class EngineWithoutMemoryAtTheEnd : public InterruptedEngine {
 public:
  explicit EngineWithoutMemoryAtTheEnd(const ParameterLayout& layout)
      : InterruptedEngine(make_fused_engine(layout),
                          {[this](int step) { is_last_step_ = step == 12; },
                           [this](int) { is_at_the_end_ = is_last_step_; }, [](int) {}}) {}
  std::string name() const override {
    if (is_at_the_end_ && calls_at_the_end_++ == 0) throw std::bad_alloc();
    return InterruptedEngine::name();
  }

 private:
  bool is_last_step_ = false;
  bool is_at_the_end_ = false;
  mutable int calls_at_the_end_ = 0;
};

TEST(TrainRuns, ARunWhoseEndLacksMemoryFailsWithThatReason) {
  auto config = small_config();
  config.seeds = {0};
  config.clips = {{ClipMode::kNone, 0}};
  Sweep sweep(config);
  sweep.train(sweep.unfinished(), 1, [](const ParameterLayout& layout) {
    return std::make_unique<EngineWithoutMemoryAtTheEnd>(layout);
  });
  const auto record = sweep.record(sweep.plan().runs.front());
  EXPECT_EQ(record.outcome, Outcome::kFailed);
  EXPECT_EQ(record.reason, "out of memory");
  EXPECT_EQ(record.totals.steps, 12U);
  EXPECT_EQ(sweep.progress().failed, 1U);
}

// With --retry all: half of the runs diverge before the others run out of memory.
TEST(TrainRuns, ARunThatEndedBeforeItsCohortRanOutOfMemoryIsNotTrainedTwice) {
  auto config = small_config();
  config.learning_rates = {0.1, 1e38};
  Sweep sweep(config);
  sweep.train(sweep.unfinished(), 1, make_fused_engine);
  sweep.retry(Retry::kAll);
  const std::uint64_t before = sweep.progress().ended;
  EXPECT_EQ(before, 12U);
  sweep.train(sweep.unfinished(), 1, engine_with_room_for(4 * kLstmParameters, 8));
  EXPECT_EQ(sweep.warnings().size(), 1U);
  EXPECT_EQ(sweep.progress().ended, 2 * before);
}

// ---- Retrying -----------------------------------------------------------------------------------

const char* outcome_to_be(const RunSpec& run) {
  static const std::map<ClipMode, const char*> kOutcomes = {{ClipMode::kNone, "interrupted"},
                                                            {ClipMode::kValue, "failed"},
                                                            {ClipMode::kGlobalNorm, "diverged"}};
  return run.seed == 0 ? kOutcomes.at(run.clip.mode) : "completed";
}

// Rewrites the run.json files of a trained sweep to have each outcome, and marks them as old.
void give_each_outcome(const Sweep& sweep) {
  for (const auto& run : sweep.plan().runs) {
    Json json = to_json(sweep.record(run));
    json["outcome"] = outcome_to_be(run);
    json["wall_started"] = "before";
    write_file(run_path(sweep.path(), run.id), to_page(json) + "\n");
  }
}

TEST(TrainRuns, RetryNamesTheOutcomesThatAreTrainedAgain) {
  const std::set<std::string> left = {"interrupted", "failed"};
  const std::map<std::optional<Retry>, std::set<std::string>> expected = {
      {std::nullopt, left},
      {Retry::kFailed, left},
      {Retry::kInterrupted, left},
      {Retry::kDiverged, {"interrupted", "failed", "diverged"}},
      {Retry::kAll, {"interrupted", "failed", "diverged", "completed"}}};
  for (const auto& [retry, outcomes] : expected) {
    Sweep sweep(small_config());
    sweep.train(sweep.unfinished(), 1, make_fused_engine);
    std::map<std::string, std::string> steps;
    for (const auto& run : sweep.plan().runs) steps[run.id] = sweep.steps(run);
    give_each_outcome(sweep);
    sweep.retry(retry);
    sweep.train(sweep.unfinished(), 1, make_fused_engine);
    for (const auto& run : sweep.plan().runs) {
      const auto record = sweep.record(run);
      const bool again = outcomes.count(outcome_to_be(run)) > 0;
      EXPECT_EQ(record.wall_started != "before", again) << run.id;
      EXPECT_EQ(to_text(record.outcome), std::string(again ? "completed" : outcome_to_be(run)));
      EXPECT_EQ(sweep.steps(run), steps[run.id]);
    }
  }
}

// Interrupted after 4 of 12 steps, which are saved.
TEST(TrainRuns, RetriedRunsRestartAndTheOthersResume) {
  for (const auto retry : {std::optional<Retry>(), std::optional(Retry::kFailed),
                           std::optional(Retry::kInterrupted), std::optional(Retry::kAll)}) {
    Sweep sweep(small_config());
    sweep.train(sweep.unfinished(), 1, engine_that([&](int step) { sweep.cancel() = step == 4; }));
    sweep.cancel() = false;
    sweep.retry(retry);
    const std::uint64_t before = sweep.progress().run_steps;
    sweep.train(sweep.unfinished(), 1, engine_under_test());
    const bool restarts = retry == Retry::kInterrupted || retry == Retry::kAll;
    EXPECT_EQ(sweep.progress().run_steps - before, 6U * (restarts ? 12U : 8U));
    EXPECT_EQ(sweep.warnings(), std::vector<std::string>{});
  }
}

// ---- Checkpoints that cannot be used ------------------------------------------------------------

TEST(TrainRuns, ARunWithAnInvalidStateRestarts) {
  Sweep sweep(small_config()), whole(small_config());
  whole.train(whole.unfinished(), 1, make_fused_engine);
  RunState state;
  state.run_id = sweep.plan().runs[0].id;
  state.engine = engine_description("fused", simd_name());
  state.weights = {1, 2, 3};
  std::vector<RunState> states = {state};
  CheckpointFile(sweep.path()).write(states);
  sweep.train(sweep.unfinished(), 1, make_fused_engine);
  EXPECT_EQ(sweep.warnings(),
            std::vector<std::string>{"warning: restarting " + state.run_id +
                                     " from scratch: the checkpoint does not belong to this run"});
  for (const auto& run : whole.plan().runs) EXPECT_EQ(sweep.steps(run), whole.steps(run));
}

// The header is changed to that of version 1, whose states have other bytes.
TEST(TrainRuns, RunsWithACheckpointOfAnEarlierVersionRestartToTheSameBytes) {
  Sweep sweep(small_config()), whole(small_config());
  whole.train(whole.unfinished());
  sweep.train(sweep.unfinished(), 1, engine_that([&](int step) { sweep.cancel() = step == 4; }));
  sweep.cancel() = false;
  std::vector<fs::path> checkpoints;
  for (const auto& entry : fs::directory_iterator(checkpoints_folder(sweep.path())))
    checkpoints.push_back(entry.path());
  ASSERT_EQ(checkpoints.size(), 1U);
  std::string bytes = read_file(checkpoints[0]);
  bytes.replace(bytes.find(kCheckpointSchema), std::string(kCheckpointSchema).size(),
                "clipsweep/checkpoint-1");
  write_file(checkpoints[0], bytes);
  const std::uint64_t before = sweep.progress().run_steps;
  sweep.train(sweep.unfinished());
  EXPECT_EQ(sweep.progress().run_steps - before, 6U * 12U);
  ASSERT_EQ(sweep.warnings().size(), 1U);
  const std::string& warning = sweep.warnings()[0];
  EXPECT_TRUE(holds(
      warning, "\"clipsweep/checkpoint-1\"; this version reads " + std::string(kCheckpointSchema)));
  EXPECT_EQ(warning.find('\n'), std::string::npos);
  for (const auto& run : whole.plan().runs) expect_same_logs(sweep, whole, run);
}

TEST(TrainRuns, ARunDoesNotDependOnOtherCellsInTheSweep) {
  auto config = small_config();
  Sweep alone(config);
  alone.train(alone.unfinished());
  config.cells = {
      {Cell::kRnnTanh, InitialScheme{InitialKind::kIdentity}}, {Cell::kLstm}, {Cell::kRnnRelu}};
  Sweep mixed(config);
  mixed.train(mixed.unfinished(), 2);
  EXPECT_EQ(mixed.plan().runs.size(), 3 * alone.plan().runs.size());
  for (const auto& run : alone.plan().runs) EXPECT_EQ(mixed.steps(run), alone.steps(run));
  for (const auto& run : mixed.plan().runs) {
    const auto record = mixed.record(run);
    EXPECT_EQ(record.outcome, Outcome::kCompleted);
    EXPECT_EQ(record.settings["cell"], to_text(run.setup.cell));
  }
}

// Steps 1, 5 and 10 of 28 time steps.
TEST(TrainRuns, MeasuringTheGradientThroughTimeChangesNoNumber) {
  auto config = small_config();
  config.through_time_every = 5;
  Sweep measured(config);
  measured.train(measured.unfinished());
  config.through_time_every = 0;
  Sweep unmeasured(config);
  unmeasured.train(unmeasured.unfinished());
  for (const auto& run : measured.plan().runs) {
    EXPECT_EQ(measured.norms_through_time(run).size(), 3U * 28U);
    EXPECT_EQ(measured.steps(run), unmeasured.steps(run));
    EXPECT_FALSE(fs::exists(through_time_path(unmeasured.path(), run.id)));
  }
}

TEST(TrainRuns, LogEveryKeepsTheTotals) {
  auto config = small_config();
  Sweep dense(config);
  dense.train(dense.unfinished());
  config.log_every = 5;
  Sweep thinned(config);
  thinned.train(thinned.unfinished());
  for (const auto& run : dense.plan().runs) {
    const std::string steps = thinned.steps(run);
    EXPECT_EQ(std::count(steps.begin(), steps.end(), '\n'), 1 + 4);  // steps 1, 5, 10, 12
    EXPECT_EQ(thinned.record(run).totals.clipped_steps, dense.record(run).totals.clipped_steps);
    EXPECT_EQ(thinned.record(run).final_weights_sha256, dense.record(run).final_weights_sha256);
  }
}

}  // namespace
}  // namespace clipsweep
