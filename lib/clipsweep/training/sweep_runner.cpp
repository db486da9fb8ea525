#include "clipsweep/training/sweep_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/memory_reserve.h"
#include "clipsweep/base/parallel.h"
#include "clipsweep/base/text.h"
#include "clipsweep/base/wall_clock.h"
#include "clipsweep/records/checkpoint.h"
#include "clipsweep/records/weights_file.h"
#include "clipsweep/training/cohort_trainer.h"
#include "clipsweep/training/resumption.h"

namespace clipsweep {
namespace {

constexpr const char* kOutOfMemory = "out of memory";

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

bool is_retried(Outcome outcome, std::optional<Retry> retry) {
  if (!retry) return false;
  switch (*retry) {
    case Retry::kFailed:
      return outcome == Outcome::kFailed;
    case Retry::kInterrupted:
      return outcome == Outcome::kInterrupted;
    case Retry::kDiverged:
      return outcome == Outcome::kDiverged;
    case Retry::kAll:
      break;
  }
  return true;
}

// A run that only this process trains, until it has ended.
struct ClaimedRun {
  FileClaim claim;
  bool restarts = false;  // --retry: its checkpoint is not used
};
using Claims = std::map<std::string, ClaimedRun>;  // by the run's ID

// One worker's engine, made when it is needed.
class WorkerEngine {
 public:
  explicit WorkerEngine(const EngineFactory& make) : make_(make) {}

  GradientEngine& of(const ParameterLayout& layout) {
    if (layout_ != &layout) {
      drop();
      engine_ = make_(layout);
      layout_ = &layout;
    }
    return *engine_;
  }

  // Frees its memory.
  void drop() {
    engine_.reset();
    layout_ = nullptr;
  }

 private:
  const EngineFactory& make_;
  std::unique_ptr<GradientEngine> engine_;
  const ParameterLayout* layout_ = nullptr;
};

// What all workers share.
struct PoolState {
  explicit PoolState(const SweepJob& sweep_job) : job(sweep_job) {}

  const SweepJob& job;
  WorkSharing sharing;
  std::atomic<bool> is_memory_short{false};

  // Null once memory was short: each thread that takes parts needs some.
  WorkSharing* available_sharing() {
    return job.workers == 1 || is_memory_short ? nullptr : &sharing;
  }

  void warn(const std::string& text) const {
    if (job.warn) job.warn(text);
  }
};

// What the runs of a cohort share.
struct KindOfRuns {
  TrainingPlan plan;
  ParameterLayout layout;
  const Task* task = nullptr;
};

// One worker's attempt to train some runs together: claimed runs of one kind. A run that ends loses
// its claim.
class CohortAttempt {
 public:
  CohortAttempt(PoolState& pool, const KindOfRuns& kind, Claims& claims, WorkerEngine& engine,
                std::vector<const RunSpec*> runs)
      : pool_(pool),
        kind_(kind),
        claims_(claims),
        engine_(engine),
        runs_(std::move(runs)),
        sharing_(pool.available_sharing()) {}

  // If the runs run out of memory, they are retried in halves, down to a single run, and that
  // without idle threads.
  void train() {
    if (runs_.empty()) return;
    try {
      return train_together();
    } catch (const std::bad_alloc&) {
      // The memory of this attempt is freed before the next one.
    }
    engine_.drop();
    renew_memory_reserve();
    pool_.is_memory_short = true;
    if (runs_.size() > 1)
      train_halves();
    else if (sharing_)
      with_runs(not_ended()).train();
    else
      fail_before_start(*runs_.front());
  }

 private:
  CohortAttempt with_runs(std::vector<const RunSpec*> runs) const {
    return {pool_, kind_, claims_, engine_, std::move(runs)};
  }

  void train_halves() const {
    const auto left = not_ended();
    const auto middle = left.begin() + static_cast<std::ptrdiff_t>(left.size() / 2);
    pool_.warn(fmt::format("warning: out of memory with {}; retrying in two halves",
                           counted(runs_.size(), "run")));
    with_runs({left.begin(), middle}).train();
    with_runs({middle, left.end()}).train();
  }

  std::vector<const RunSpec*> not_ended() const {
    std::vector<const RunSpec*> left;
    for (const auto* run : runs_)
      if (claims_.count(run->id) > 0) left.push_back(run);
    return left;
  }

  // Runs that start from the same point form a cohort.
  void train_together() {
    GradientEngine& engine = engine_.of(kind_.layout);
    std::map<StartingPoint, std::vector<RunStart>> groups;
    for (auto& start : starts(engine)) groups[starting_point(start)].push_back(std::move(start));
    for (const auto& [point, starts] : groups) {
      if (pool_.job.cancel) return;
      pool_.job.progress.dropped_run_steps += point.first * starts.size();
      train_cohort(starts, engine);
    }
  }

  // A run that --retry names restarts once, not again after an attempt that ran out of memory.
  std::vector<RunStart> starts(const GradientEngine& engine) {
    std::set<std::string> restarted;
    for (const auto* run : runs_)
      if (std::exchange(claims_.at(run->id).restarts, false)) restarted.insert(run->id);
    return starts_of(runs_, restarted,
                     {kind_.plan, kind_.layout, pool_.job.folder,
                      engine_description(engine.name(), engine.simd()),
                      [this](const std::string& text) { pool_.warn(text); }});
  }

  void train_cohort(const std::vector<RunStart>& starts, GradientEngine& engine) {
    const SweepJob& job = pool_.job;
    std::map<std::string, RunLog> logs;
    const auto make_sinks = [&](const RunSpec& spec) -> RunSinks {
      RunLog& log =
          logs.try_emplace(spec.id, job.folder, step_log_header(spec, kind_.plan, kind_.layout),
                           job.plan.through_time_every, state_of(spec, starts))
              .first->second;
      return {[&log](const StepRecord& record) { log.append(record); },
              [&log](const ThroughTimeRecord& record) { log.append(record); },
              [&log](RunState& state) { log.note_length(state); },
              [&log] { log.begin_sync(); },
              [&log] { log.sync(); },
              [&log](const RunState& state) { log.cut_back_to(state); },
              job.plan.save_weights ? keep_weights_in(log) : FinalWeights()};
    };
    const auto on_end = [&](const RunRecord& record) {
      end_run(record, logs.at(record.spec.id));
      logs.erase(record.spec.id);
    };
    CheckpointFile checkpoint(job.folder);
    CohortTrainer trainer({kind_.plan, kind_.layout, *kind_.task, job.cancel,
                           job.progress.run_steps, &checkpoint, sharing_, &job.progress.means},
                          starts, engine, make_sinks, on_end);
    try {
      trainer.train();
      if (!job.cancel) checkpoint.remove();
    } catch (const Error&) {
      throw;
    } catch (const std::bad_alloc&) {
      // A smaller cohort, or one without idle threads, may have enough.
      if (starts.size() > 1 || sharing_) throw;
      trainer.fail(kOutOfMemory);
    } catch (const std::exception& error) {
      trainer.fail(first_line(error.what()));
    }
  }

  using FinalWeights = std::function<void(Span<const float>)>;
  FinalWeights keep_weights_in(RunLog& log) const {
    return [this, &log](Span<const float> weights) {
      log.keep_weights(weights_npz(kind_.layout, weights));
    };
  }

  // Ends a run that could not even be set up.
  void fail_before_start(const RunSpec& run) {
    const SweepJob& job = pool_.job;
    RunRecord record;
    record.spec = run;
    record.settings = settings_of(kind_.plan, run);
    record.outcome = Outcome::kFailed;
    record.reason = kOutOfMemory;
    record.tensor_names = kind_.layout.names();
    record.wall_started = utc_now();
    RunLog log(job.folder, step_log_header(run, kind_.plan, kind_.layout),
               job.plan.through_time_every);
    end_run(record, log);
  }

  // A run whose folder was removed does not count as ended, so that the sweep is not complete.
  void end_run(const RunRecord& record, RunLog& log) {
    const auto claimed = claims_.find(record.spec.id);
    if (claimed == claims_.end()) return;  // its end failed after the log was complete
    const FileClaim& claim = claimed->second.claim;
    const bool is_in_place = claim.is_in_place();
    if (is_in_place) log.finish(record);
    const auto held = claims_.extract(claimed);  // until the logs are compressed
    if (!is_in_place) {
      require_in_place(pool_.job.folder);
      return pool_.warn(
          fmt::format("warning: the folder of {} was removed during training; rerun the same "
                      "command to train it again",
                      record.spec.id));
    }
    count(record);
    if (pool_.job.plan.compress && reached_outcome(record))
      compress_logs(pool_.job.folder, record.spec.id);
    if (pool_.job.on_run_end) pool_.job.on_run_end(record);
  }

  void count(const RunRecord& record) const {
    SweepProgress& progress = pool_.job.progress;
    progress.dropped_run_steps += kind_.plan.training.steps() - record.totals.steps;
    progress.diverged += record.outcome == Outcome::kDiverged ? 1 : 0;
    progress.failed += record.outcome == Outcome::kFailed ? 1 : 0;
    progress.ended += record.outcome == Outcome::kInterrupted ? 0 : 1;
  }

  PoolState& pool_;
  const KindOfRuns& kind_;
  Claims& claims_;
  WorkerEngine& engine_;
  const std::vector<const RunSpec*> runs_;
  WorkSharing* const sharing_;
};

struct Cohort {
  const KindOfRuns* kind = nullptr;
  std::vector<const RunSpec*> runs;
};

// The workers, which train cohort after cohort until none is left, the sweep is cancelled or the
// disk fails. Then they are idle and help each other.
class Pool {
 public:
  Pool(const SweepJob& job, const std::vector<const RunSpec*>& runs) : state_(job) {
    for (const auto& [kind, runs_of_kind] : by_kind(runs)) {
      const Setup& setup = runs_of_kind.front()->setup;
      TrainingPlan plan = training_plan(job.plan, setup);
      const Task& task = job.tasks.of(setup);
      ParameterLayout layout = layout_of(model_for(plan.training, setup.cell, task));
      kinds_.emplace(kind, KindOfRuns{std::move(plan), std::move(layout), &task});
    }
    for (auto& cohort : make_cohorts(runs, job.workers, job.cohort_sizes))
      cohorts_.push_back({&kinds_.at(cohort_kind(*cohort.front())), std::move(cohort)});
  }

  void run() {
    std::size_t runs = 0;
    for (const auto& cohort : cohorts_) runs += cohort.runs.size();
    const std::size_t workers = state_.job.workers;
    run_on_threads(std::min(workers, kMaxPartsPerRun * runs), std::min(workers, cohorts_.size()),
                   [this](std::size_t) { work(); });
  }

 private:
  void work() {
    train_cohorts();
    state_.sharing.help();
  }

  void train_cohorts() {
    const SweepJob& job = state_.job;
    const WorkSharing::BusyScope busy(state_.sharing);
    try {
      WorkerEngine engine(job.make_engine);
      for (std::size_t i = next_++; i < cohorts_.size() && !job.cancel; i = next_++)
        train_cohort(cohorts_[i], engine);
    } catch (const Cancelled&) {
      // The set-up of a cohort was cancelled: its checkpoints remain.
    } catch (...) {
      job.cancel = true;
      throw;
    }
  }

  // Each run has some open files. If the process may have no more, the runs are retried in halves.
  void train_cohort(const Cohort& cohort, WorkerEngine& engine) {
    if (cohort.runs.empty()) return;  // half of one run
    Claims claims;
    std::vector<const RunSpec*> left = cohort.runs;
    try {
      return train_claimed(cohort, claims, left, engine);
    } catch (const UnreadableError& error) {
      throw_as_storage_error(error);
    } catch (const TooManyFilesError& error) {
      if (cohort.runs.size() == 1) throw TooManyFilesError(error.what() + advice_on_workers());
    }
    claims.clear();
    state_.warn(fmt::format("warning: too many open files with {}; retrying in two halves",
                            counted(cohort.runs.size(), "run")));
    const auto middle = left.begin() + static_cast<std::ptrdiff_t>(left.size() / 2);
    train_cohort({cohort.kind, {left.begin(), middle}}, engine);
    train_cohort({cohort.kind, {middle, left.end()}}, engine);
  }

  std::string advice_on_workers() const {
    return state_.job.workers > 1 ? "; or use fewer --workers" : "";
  }

  // Trains the runs that this process can claim. If that fails, `left` has those that have not
  // ended.
  void train_claimed(const Cohort& cohort, Claims& claims, std::vector<const RunSpec*>& left,
                     WorkerEngine& engine) {
    for (auto run = left.begin(); run != left.end();) {
      auto claimed = claim(**run);
      if (claimed) {
        claims.emplace((*run)->id, std::move(*claimed));
        ++run;
      } else {
        ++state_.job.progress.elsewhere;
        run = left.erase(run);
      }
    }
    sync_folder(state_.job.folder / "runs");  // the names of the runs' folders
    const auto has_ended = [&](const RunSpec* run) { return claims.count(run->id) == 0; };
    try {
      CohortAttempt(state_, *cohort.kind, claims, engine, left).train();
    } catch (const Error&) {
      left.erase(std::remove_if(left.begin(), left.end(), has_ended), left.end());
      throw;
    }
  }

  // Nothing if another process trains the run, or has ended it meanwhile.
  std::optional<ClaimedRun> claim(const RunSpec& run) const {
    const SweepJob& job = state_.job;
    auto claim = claim_run(job.folder, run.id, job.locks);
    if (!claim) return std::nullopt;
    const auto record = read_run(SweepFolder{job.folder, {}, {}}, run);
    const bool retried = record && is_retried(record->outcome, job.retry);
    if (record && reached_outcome(*record) && !retried) {
      remove_duplicate_logs(job.folder, run.id);  // of a compressed run: the claim created one
      return std::nullopt;
    }
    return ClaimedRun{std::move(*claim), retried};
  }

  PoolState state_;
  std::map<CohortKind, KindOfRuns> kinds_;
  std::vector<Cohort> cohorts_;
  std::atomic<std::size_t> next_{0};
};

std::optional<RunRecord> read_or_advise(const SweepFolder& sweep, const RunSpec& run) {
  try {
    return read_run(sweep, run);
  } catch (const UnreadableError&) {
    throw;
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}; remove this file to train the run again", error.what()));
  }
}

// Not if its run.json is damaged.
bool has_reached_outcome(const SweepFolder& sweep, const RunSpec& run) try {
  const auto record = read_run(sweep, run);
  return record && reached_outcome(*record);
} catch (const UnreadableError&) {
  throw;
} catch (const DataError&) {
  return false;
}

}  // namespace

PlanStatus plan_status(const std::vector<const RunSpec*>& runs, const SweepFolder& sweep,
                       std::optional<Retry> retry) {
  PlanStatus status;
  for (const auto* run : runs) {
    const auto record = read_or_advise(sweep, *run);
    const bool done = record && reached_outcome(*record) && !is_retried(record->outcome, retry);
    if (done)
      ++status.finished_by[run->setup.cell][engine_description(record->engine, record->simd)];
    else
      status.unfinished.push_back(run);
  }
  return status;
}

std::size_t count_ended(const std::vector<const RunSpec*>& runs, const SweepFolder& sweep) {
  const auto has_ended = [&](const RunSpec* run) {
    try {
      const auto record = read_run(sweep, *run);
      return record && record->outcome != Outcome::kInterrupted;
    } catch (const DataError&) {
      return false;
    }
  };
  return static_cast<std::size_t>(std::count_if(runs.begin(), runs.end(), has_ended));
}

std::vector<const RunSpec*> uncompressed_runs(const std::vector<const RunSpec*>& runs,
                                              const SweepFolder& sweep,
                                              const std::vector<const RunSpec*>& unfinished) {
  std::set<std::string> left_out;
  for (const auto* run : unfinished) left_out.insert(run->id);
  std::vector<const RunSpec*> uncompressed;
  for (const auto* run : runs)
    if (left_out.count(run->id) == 0 && has_plain_logs(sweep.folder, run->id) &&
        has_reached_outcome(sweep, *run))
      uncompressed.push_back(run);
  return uncompressed;
}

void compress_runs(const SweepJob& job, const std::vector<const RunSpec*>& runs) {
  std::atomic<std::size_t> next{0};
  run_on_threads(std::min(job.workers, runs.size()), [&](std::size_t) {
    try {
      for (std::size_t i = next++; i < runs.size() && !job.cancel; i = next++) {
        const auto claim = claim_run(job.folder, runs[i]->id, job.locks);
        // Meanwhile another process may have restarted it.
        if (claim && has_reached_outcome({job.folder, {}, {}}, *runs[i]))
          compress_logs(job.folder, runs[i]->id);
      }
    } catch (...) {
      job.cancel = true;
      throw;
    }
  });
}

void train_runs(const SweepJob& job, const std::vector<const RunSpec*>& runs) {
  if (!runs.empty()) Pool(job, runs).run();
}

}  // namespace clipsweep
