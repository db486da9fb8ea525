// Whole small sweeps: the same bytes whatever the grouping, and every way a sweep can end early.
// Compiled for either engine: torch_tests has the reference engine, worker_tests the fused one and
// no LibTorch, so that ThreadSanitizer sees all there is.
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

TEST(TrainRuns, WritesTheSameBytesAloneInACohortAndOnTwoWorkers) {
  auto config = small_config();
  config.through_time_every = 4;
  config.clips.push_back({ClipMode::kBackprop, 1e-3});
  Sweep together(config), alone(config), on_two(config);
  together.train(together.unfinished());
  for (const RunSpec* run : alone.unfinished()) alone.train({run});
  on_two.train(on_two.unfinished(), 2);
  for (const auto& run : together.plan().runs) {
    EXPECT_EQ(together.steps(run), alone.steps(run)) << run.id;
    EXPECT_EQ(together.steps(run), on_two.steps(run)) << run.id;
    EXPECT_EQ(together.through_time(run), alone.through_time(run)) << run.id;
    EXPECT_EQ(together.through_time(run), on_two.through_time(run)) << run.id;
    EXPECT_EQ(together.record(run).final_weights_sha256, alone.record(run).final_weights_sha256);
    EXPECT_EQ(together.record(run).epochs[1].test_loss, alone.record(run).epochs[1].test_loss);
  }
}

// At a cohort of four runs, which are equal until they are clipped, and at a run alone, whose batch
// has parts.
TEST(TrainRuns, WritesTheSameBytesWhenWorkersHelpEachOther) {
  auto config = small_config();
  config.training.epochs = 1;
  config.training.steps_per_epoch = 4;
  config.training.hidden = 64;
  config.training.batch_size = 100;
  config.through_time_every = 2;
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
    EXPECT_EQ(alone.steps(run), helped.steps(run)) << run.id;
    EXPECT_EQ(alone.through_time(run), helped.through_time(run)) << run.id;
    EXPECT_EQ(alone.record(run).final_weights_sha256, helped.record(run).final_weights_sha256);
    EXPECT_EQ(alone.record(run).epochs[0].test_loss, helped.record(run).epochs[0].test_loss);
  }
}

// Claims are flocks, which two openings of a file in one process have each for itself.
TEST(TrainRuns, TwoSweepsInOneFolderShareItsRuns) {
  auto config = small_config();
  config.seeds = {0, 1, 2, 3};
  Sweep alone(config), shared(config);
  alone.train(alone.unfinished());
  const auto runs = shared.unfinished();
  run_on_threads(2, [&](std::size_t) {
    const EngineFactory make_engine = engine_under_test();
    SweepJob job{shared.plan(), shared.task(), shared.path(),    2,
                 make_engine,   shared.stop(), shared.progress()};
    job.cohort_sizes = {{Cell::kLstm, {1, 2}}};
    train_runs(job, runs);
  });
  EXPECT_EQ(shared.progress().ended, runs.size());
  EXPECT_EQ(shared.progress().elsewhere, runs.size());
  EXPECT_TRUE(shared.unfinished().empty());
  for (const auto& run : alone.plan().runs) EXPECT_EQ(alone.steps(run), shared.steps(run));
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

TEST(TrainRuns, ADivergingNeighbourChangesNothing) {
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

TEST(TrainRuns, AStopMarksRunsInterruptedAndTheyStartOver) {
  Sweep sweep(small_config());
  sweep.stop() = true;
  sweep.train(sweep.unfinished());
  EXPECT_EQ(sweep.unfinished().size(), 6U);
  sweep.stop() = false;
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

// An engine with something going on within.
class StoppingEngine : public GradientEngine {
 public:
  StoppingEngine(std::unique_ptr<GradientEngine> inner, Interventions before)
      : inner_(std::move(inner)), before_(std::move(before)) {}
  std::string name() const override { return inner_->name(); }
  std::string simd() const override { return inner_->simd(); }
  void compute_gradients(const Block& parameters, const Batch& batch,
                         Span<const float> backprop_limits, StepResult& result) override {
    before_.step(++steps_);
    inner_->compute_gradients(parameters, batch, backprop_limits, result);
  }
  EvaluationResult evaluate(const Block& parameters, const Batch& batch) override {
    before_.evaluation(++evaluations_);
    return inner_->evaluate(parameters, batch);
  }
  std::vector<std::vector<float>> state_gradient_norms(const Block& parameters, const Batch& batch,
                                                       const std::vector<int>& source_of_run,
                                                       Span<const float> backprop_limits) override {
    before_.through_time(++through_times_);
    return inner_->state_gradient_norms(parameters, batch, source_of_run, backprop_limits);
  }

 private:
  std::unique_ptr<GradientEngine> inner_;
  Interventions before_;
  int steps_ = 0;
  int evaluations_ = 0;
  int through_times_ = 0;
};

EngineFactory engine_with(const Interventions& before) {
  return [before](const ParameterLayout& layout) {
    return std::make_unique<StoppingEngine>(engine_under_test()(layout), before);
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

TEST(TrainRuns, AnInterruptedRunHasItsWholeStepsAndEqualsTheBeginningOfTheWholeRun) {
  Sweep whole(small_config()), stopped(small_config());
  whole.train(whole.unfinished());
  stopped.train(stopped.unfinished(), 1,
                engine_that([&](int step) { stopped.stop() = step == 4; }));
  for (const auto& run : stopped.plan().runs) {
    const auto record = stopped.record(run);
    EXPECT_EQ(record.outcome, Outcome::kInterrupted);
    EXPECT_EQ(record.totals.steps, 4U);
    EXPECT_EQ(whole.steps(run).compare(0, stopped.steps(run).size(), stopped.steps(run)), 0);
  }
}

// What an engine that heeds the flag does when it is set meanwhile: here at its nth computation.
std::function<void(int)> give_up_at(int nth, Sweep& sweep) {
  return [nth, &sweep](int count) {
    if (count == nth) sweep.stop() = true;
    throw_if_cancelled(sweep.stop());
  };
}

// Interrupts a sweep like that, looks at what it left, and trains it to the end.
void expect_same_bytes_after(const std::function<void(Sweep&, Interventions&)>& interrupt,
                             std::uint64_t steps_logged) {
  auto config = small_config();
  config.through_time_every = 4;  // steps 1, 4, 8 and 12
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
  stopped.stop() = false;
  std::atomic<std::uint64_t> steps_again{0};
  stopped.train(stopped.unfinished(), 1, engine_that([&](int) { ++steps_again; }));
  EXPECT_LE(steps_again, 12 - steps_logged + 1);  // it went on, it did not begin anew
  for (const auto& run : whole.plan().runs) {
    EXPECT_EQ(stopped.steps(run), whole.steps(run)) << run.id;
    EXPECT_EQ(stopped.through_time(run), whole.through_time(run)) << run.id;
    EXPECT_EQ(stopped.record(run).final_weights_sha256, whole.record(run).final_weights_sha256);
  }
}

TEST(TrainRuns, GradientsThatWereGivenUpAreComputedAgain) {
  expect_same_bytes_after(
      [](Sweep& sweep, Interventions& before) { before.step = give_up_at(6, sweep); }, 5);
}

// The test set is two batches.
TEST(TrainRuns, AnEvaluationThatWasGivenUpIsDoneAgain) {
  expect_same_bytes_after(
      [](Sweep& sweep, Interventions& before) { before.evaluation = give_up_at(2, sweep); }, 6);
}

// Before a step that takes longer than a stop is to be waited for.
std::function<void(int)> slow_at(int nth) {
  return [nth](int step) {
    if (step == nth) std::this_thread::sleep_for(std::chrono::milliseconds(300));
  };
}

TEST(TrainRuns, ASlowStepWhoseGradientThroughTimeWasGivenUpIsTakenAgain) {
  expect_same_bytes_after(
      [](Sweep& sweep, Interventions& before) {
        before.step = slow_at(8);
        before.through_time = give_up_at(3, sweep);  // that of step 8
      },
      7);
}

TEST(TrainRuns, ASlowFirstStepIsNotWaitedFor) {
  expect_same_bytes_after(
      [](Sweep& sweep, Interventions& before) {
        before.step = slow_at(1);
        before.through_time = give_up_at(1, sweep);
      },
      0);
}

// Sets the flag a tenth of a second after each computation has begun, which would take longer.
void expect_gives_up(GradientEngine& engine, const ParameterLayout& layout, int time_steps) {
  std::atomic<bool> stop{false};
  engine.heed(stop);
  Block weights(2, layout.size());
  for (std::size_t r = 0; r < 2; ++r)
    for (float& weight : weights.row(r)) weight = 0.01F;
  Batch batch = make_batch(layout.model, 1, 64, {0, 0});
  set_time_steps(batch, time_steps);
  StepResult result(2, layout.size());
  const std::vector<float> limits(2, 1e30F);
  const auto while_stopping = [&](const std::function<void()>& compute) {
    stop = false;
    std::thread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      stop = true;
    });
    EXPECT_THROW(compute(), Cancelled);
    stopper.join();
  };
  while_stopping([&] { engine.compute_gradients(weights, batch, limits, result); });
  while_stopping([&] { engine.evaluate(weights, batch); });
  while_stopping([&] { engine.state_gradient_norms(weights, batch, {0, 0}, limits); });
}

TEST(Engine, GivesUpWhatIsNoLongerWanted) {
  const auto layout = layout_of({Cell::kLstm, 1, 28, 512, 10});
  expect_gives_up(*engine_under_test()(layout), layout, 400);
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
  SweepJob job{sweep.plan(), sweep.task(), sweep.path(),    1,
               make_engine,  sweep.stop(), sweep.progress()};
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

// An engine that lacks memory from a step on, wherever the parameters of all runs are more than so
// many.
EngineFactory engine_with_room_for(std::size_t parameters, int from_step = 1) {
  class ScarceEngine : public StoppingEngine {
   public:
    ScarceEngine(const ParameterLayout& layout, std::size_t most, int from_step)
        : StoppingEngine(make_fused_engine(layout),
                         at_each_step([this](int step) { step_ = step; })),
          most_(most),
          from_step_(from_step) {}
    void compute_gradients(const Block& parameters, const Batch& batch,
                           Span<const float> backprop_limits, StepResult& result) override {
      if (step_ + 1 >= from_step_ && parameters.rows() * parameters.columns() > most_)
        throw std::bad_alloc();
      StoppingEngine::compute_gradients(parameters, batch, backprop_limits, result);
    }

   private:
    std::size_t most_;
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
                    " runs; they are tried again in two halves");
  return texts;
}

TEST(TrainRuns, WhatLacksMemoryIsTrainedInHalvesToTheSameBytes) {
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

TEST(TrainRuns, HalvesGoOnFromWhereTheirCohortWasSaved) {
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

// The LSTM has too many parameters for it, even of one run, and the plain cell has not.
TEST(TrainRuns, ARunThatLacksMemoryAloneFailsAndTheOthersGoOn) {
  auto config = small_config();
  config.cells = {{Cell::kLstm}, {Cell::kRnnTanh}};
  Sweep sweep(config);
  sweep.train(sweep.unfinished(), 1, engine_with_room_for(kLstmParameters - 1, 3));
  EXPECT_EQ(sweep.progress().failed, 6U);
  EXPECT_EQ(sweep.progress().ended, 12U);
  std::uint64_t most_of_failed = 0;
  for (const auto& run : sweep.plan().runs) {
    const auto record = sweep.record(run);
    const bool fails = run.setup.cell == Cell::kLstm;
    EXPECT_EQ(record.outcome, fails ? Outcome::kFailed : Outcome::kCompleted);
    EXPECT_EQ(record.reason, fails ? std::optional<std::string>("out of memory") : std::nullopt);
    most_of_failed = std::max(most_of_failed, fails ? record.totals.steps : 0);
    EXPECT_TRUE(fails || record.totals.steps == 12U);
    const std::string steps = sweep.steps(run);
    EXPECT_EQ(std::count(steps.begin(), steps.end(), '\n'), 1 + int(record.totals.steps));
  }
  EXPECT_EQ(most_of_failed, 2U);  // an engine that is new fails in the third step
}

TEST(TrainRuns, AnEngineThatCannotBeMadeForLackOfMemoryFailsItsRunsAlone) {
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
  EXPECT_FALSE(sweep.stop());
  // With enough of it they are trained as if nothing had happened.
  Sweep whole(config);
  whole.train(whole.unfinished(), 1, make_fused_engine);
  EXPECT_EQ(sweep.unfinished().size(), 6U);
  sweep.train(sweep.unfinished(), 1, make_fused_engine);
  for (const auto& run : whole.plan().runs) EXPECT_EQ(sweep.steps(run), whole.steps(run));
}

// Whatever is asked to be trained again: half of the runs diverge before the others lack memory.
TEST(TrainRuns, ARunThatEndedBeforeItsCohortLackedMemoryIsNotTrainedTwice) {
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

// The run.json of a trained sweep say each outcome, and when they were written.
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
TEST(TrainRuns, WhatIsRetriedBeginsAnewAndWhatIsNotGoesOn) {
  for (const auto retry : {std::optional<Retry>(), std::optional(Retry::kFailed),
                           std::optional(Retry::kInterrupted), std::optional(Retry::kAll)}) {
    Sweep sweep(small_config());
    sweep.train(sweep.unfinished(), 1, engine_that([&](int step) { sweep.stop() = step == 4; }));
    sweep.stop() = false;
    sweep.retry(retry);
    const std::uint64_t before = sweep.progress().run_steps;
    sweep.train(sweep.unfinished(), 1, engine_under_test());
    const bool anew = retry == Retry::kInterrupted || retry == Retry::kAll;
    EXPECT_EQ(sweep.progress().run_steps - before, 6U * (anew ? 12U : 8U));
    EXPECT_EQ(sweep.warnings(), std::vector<std::string>{});
  }
}

// ---- Checkpoints that are none of a run
// ----------------------------------------------------------

TEST(TrainRuns, AStateThatIsNoneOfItsRunIsNotGoneOnFrom) {
  Sweep sweep(small_config()), whole(small_config());
  whole.train(whole.unfinished(), 1, make_fused_engine);
  RunState state;
  state.run_id = sweep.plan().runs[0].id;
  state.engine = engine_description("fused", simd_name());
  state.weights = {1, 2, 3};
  std::vector<RunState> states = {state};
  CheckpointFile(sweep.path()).write(states);
  sweep.train(sweep.unfinished(), 1, make_fused_engine);
  ASSERT_EQ(sweep.warnings().size(), 1U);
  EXPECT_TRUE(holds(sweep.warnings()[0], state.run_id + " begins anew: what was saved is none of"));
  for (const auto& run : whole.plan().runs) EXPECT_EQ(sweep.steps(run), whole.steps(run));
}

TEST(TrainRuns, ARunDoesNotDependOnTheCellsBesideIt) {
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

TEST(MakeCohorts, AreLargeFirstAndThenEverSmaller) {
  ExperimentConfig config = small_config();
  config.seeds.clear();
  for (std::uint64_t seed = 0; seed < 50; ++seed) config.seeds.push_back(seed);
  const auto plan = make_plan(config, "");
  const auto runs = pointers_to(plan.runs);
  for (const std::size_t workers : {1, 2, 3, 16}) {
    for (const CohortSizes sizes :
         {CohortSizes{}, CohortSizes{2, 64}, CohortSizes{16, 64}, CohortSizes{1, 1}}) {
      const auto cohorts = make_cohorts(runs, workers, {{Cell::kLstm, sizes}});
      std::set<const RunSpec*> taken;
      std::size_t before = sizes.largest;
      for (const auto& cohort : cohorts) {
        EXPECT_LE(cohort.size(), before);
        before = cohort.size();
        taken.insert(cohort.begin(), cohort.end());
        EXPECT_TRUE(std::is_sorted(cohort.begin(), cohort.end(),
                                   [](const auto* a, const auto* b) { return a->seed < b->seed; }));
      }
      EXPECT_EQ(taken.size(), 150U);
      // No worker waits for more than the smallest cohort, give or take its share of the last ones.
      EXPECT_LE(cohorts.back().size(), sizes.smallest);
      EXPECT_GE(cohorts.size(), std::min<std::size_t>(workers, 150 / sizes.smallest));
    }
  }
}

TEST(MakeCohorts, DivideFewRunsEqually) {
  const auto plan = make_plan(small_config(), "");
  const auto runs = pointers_to(plan.runs);
  EXPECT_EQ(make_cohorts({runs[0]}, 8, {}).size(), 1U);
  EXPECT_TRUE(make_cohorts({}, 2, {}).empty());
  const auto cohorts = make_cohorts(runs, 4, {{Cell::kLstm, {16, 64}}});
  ASSERT_EQ(cohorts.size(), 4U);
  for (const auto& cohort : cohorts) EXPECT_TRUE(cohort.size() == 1 || cohort.size() == 2);
}

// Sizes of the cohorts, in which runs that differ in their clipping alone are to stay together.
std::vector<std::size_t> sizes_with_kin(const ExperimentConfig& config, std::size_t workers,
                                        std::size_t largest = 64) {
  const auto plan = make_plan(config, "");
  std::map<Cell, CohortSizes> sizes;
  for (const auto& run : plan.runs) sizes[run.setup.cell] = {1, largest, true};
  std::vector<std::size_t> counts;
  std::size_t sum = 0;
  for (const auto& cohort : make_cohorts(pointers_to(plan.runs), workers, sizes)) {
    EXPECT_LE(cohort.size(), largest);
    counts.push_back(cohort.size());
    sum += cohort.size();
  }
  EXPECT_EQ(sum, plan.runs.size());
  return counts;
}

TEST(MakeCohorts, KeepKinTogetherWhereThereIsACohortForEachWorker) {
  ExperimentConfig config = small_config();  // three clips and two seeds
  EXPECT_EQ(sizes_with_kin(config, 2), (std::vector<std::size_t>{3, 3}));
  EXPECT_EQ(sizes_with_kin(config, 3), (std::vector<std::size_t>{1, 1, 1, 1, 1, 1}));
  config.learning_rates = {0.1, 0.2};
  config.seeds = {0};
  EXPECT_EQ(sizes_with_kin(config, 2), (std::vector<std::size_t>{3, 3}));
  config.cells = {{Cell::kLstm}, {Cell::kRnnRelu}};
  config.learning_rates = {0.1};
  EXPECT_EQ(sizes_with_kin(config, 2), (std::vector<std::size_t>{3, 3}));
  config.seeds.clear();
  for (std::uint64_t seed = 0; seed < 50; ++seed) config.seeds.push_back(seed);
  for (const std::size_t workers : {1, 2, 3, 16, 100})
    for (const std::size_t count : sizes_with_kin(config, workers)) EXPECT_EQ(count % 3, 0U);
}

TEST(MakeCohorts, DivideMoreKinThanACohortMayHave) {
  ExperimentConfig config = small_config();
  EXPECT_EQ(sizes_with_kin(config, 1, 2), (std::vector<std::size_t>{2, 1, 2, 1}));
  EXPECT_EQ(sizes_with_kin(config, 1, 4), (std::vector<std::size_t>{3, 3}));
}

}  // namespace
}  // namespace clipsweep
