// Trains cohorts on a pool of workers: which runs are left to train, and how to react when the disk
// fills up, a cohort fails, memory runs out, cancellation is requested, or another process shares
// the folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/tasks/task.h"
#include "clipsweep/training/cohorts.h"
#include "clipsweep/training/training_means.h"

namespace clipsweep {

// What a progress line shows while the workers run.
struct SweepProgress {
  std::atomic<std::uint64_t> run_steps{0};
  std::atomic<std::uint64_t> dropped_run_steps{0};  // of runs that ended early
  std::atomic<std::uint64_t> ended{0};
  std::atomic<std::uint64_t> diverged{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::uint64_t> elsewhere{0};  // claimed by another process
  TrainingMeans means;
};

// What the runner needs; the references must outlive the call.
struct SweepJob {
  const SweepPlan& plan;
  SetupTasks tasks;
  const fs::path& folder;
  std::size_t workers = 1;
  const EngineFactory& make_engine;
  std::atomic<bool>& cancel;  // set by the caller to end early, and by the runner if the disk fails
  SweepProgress& progress;
  // Both are called by the workers, the first after a run's log is complete; they may be empty.
  std::function<void(const RunRecord&)> on_run_end = {};
  std::function<void(const std::string& warning)> warn = {};
  std::map<Cell, CohortSizes> cohort_sizes = {};  // for make_cohorts
  std::optional<Retry> retry = {};                // which runs restart although they have ended
  FileLocks locks = FileLocks::kSupported;        // kMissing: this is the only process
};

// Which runs are finished in a folder.
struct PlanStatus {
  // The runs to train, in the order given: those that have not completed or diverged (without
  // run.json, interrupted or failed), and those to be retried.
  std::vector<const RunSpec*> unfinished;
  // For each cell, how many of the others each engine and instruction set (`fused, avx512`) has
  // computed.
  std::map<Cell, std::map<std::string, std::size_t>> finished_by;
};
PlanStatus plan_status(const std::vector<const RunSpec*>& runs, const SweepFolder& sweep,
                       std::optional<Retry> retry = std::nullopt);

// How many runs have ended: completed, diverged or failed. Those whose run.json cannot be read have
// not.
std::size_t count_ended(const std::vector<const RunSpec*>& runs, const SweepFolder& sweep);

// Those of the runs that are finished and have logs which are not compressed, but for the
// unfinished ones, which will be trained again.
std::vector<const RunSpec*> uncompressed_runs(const std::vector<const RunSpec*>& runs,
                                              const SweepFolder& sweep,
                                              const std::vector<const RunSpec*>& unfinished = {});
// Compresses the logs of these runs, on the job's workers; runs that another process has claimed
// are skipped. Throws StorageError.
void compress_runs(const SweepJob& job, const std::vector<const RunSpec*>& runs);

// Trains the runs and writes their logs, which it compresses at their end if the plan says so. A
// run with a checkpoint resumes from it, to the same bytes. Runs claimed by another process are
// skipped. A cohort that fails while it trains marks its runs `failed`; other cohorts continue. A
// cohort that runs out of memory, during set-up or training, is retried in halves, down to a single
// run, which is then marked `failed`; one that runs out of open files is retried in halves, too.
// Throws StorageError if the disk fails, a file cannot be read or a single run needs more open
// files, and any other error that prevents the set-up of a cohort, after the other workers have
// stopped.
void train_runs(const SweepJob& job, const std::vector<const RunSpec*>& runs);

}  // namespace clipsweep
