#include "clipsweep/sweep_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <new>
#include <optional>

#include "clipsweep/cohort_trainer.h"
#include "clipsweep/error.h"
#include "clipsweep/parallel.h"

namespace clipsweep {
namespace {

std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

// Trains cohort after cohort, until there is none or the disk fails.
class Pool {
 public:
  Pool(const SweepJob& job, const std::vector<const RunSpec*>& runs)
      : job_(job),
        layout_(layout_for(job.plan.training, job.data.train)),
        test_batches_(make_test_batches(job.data.test)),
        cohorts_(make_cohorts(runs, job.workers, kLargestCohort)) {}

  void run() {
    run_on_threads(std::min(job_.workers, cohorts_.size()), [this](std::size_t) { work(); });
  }

 private:
  void work() {
    try {
      const auto engine = job_.make_engine(layout_);
      for (std::size_t i = next_++; i < cohorts_.size() && !job_.stop; i = next_++)
        train_cohort(cohorts_[i], *engine);
    } catch (...) {
      job_.stop = true;
      throw;
    }
  }

  void train_cohort(const std::vector<const RunSpec*>& specs, GradientEngine& engine) {
    std::map<std::string, RunLog> logs;
    const auto make_sink = [&](const RunSpec& spec) -> StepSink {
      RunLog& log =
          logs.try_emplace(spec.id, job_.folder, step_log_header(spec, job_.plan, layout_))
              .first->second;
      return [&log](const StepRecord& record) { log.append(record); };
    };
    const auto end_run = [&](const RunRecord& record) {
      const auto log = logs.find(record.spec.id);
      log->second.finish(record);
      logs.erase(log);
      job_.progress.dropped_run_steps += job_.plan.training.steps() - record.totals.steps;
      job_.progress.diverged += record.outcome == Outcome::kDiverged ? 1 : 0;
      job_.progress.failed += record.outcome == Outcome::kFailed ? 1 : 0;
      job_.progress.ended += record.outcome == Outcome::kInterrupted ? 0 : 1;
      if (job_.on_run_end) job_.on_run_end(record);
    };
    CohortTrainer trainer(
        {job_.plan, layout_, job_.data, test_batches_, job_.stop, job_.progress.run_steps}, specs,
        engine, make_sink, end_run);
    try {
      trainer.train();
    } catch (const Error&) {
      throw;
    } catch (const std::bad_alloc&) {
      trainer.fail("out of memory");
    } catch (const std::exception& error) {
      trainer.fail(first_line(error.what()));
    }
  }

  static std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

  const SweepJob& job_;
  const ParameterLayout layout_;
  const std::vector<Batch> test_batches_;
  const std::vector<std::vector<const RunSpec*>> cohorts_;
  std::atomic<std::size_t> next_{0};
};

std::optional<RunRecord> read_or_advise(const SweepFolder& sweep, const RunSpec& run) {
  try {
    return read_run(sweep, run);
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}; remove this file to train the run again", error.what()));
  }
}

}  // namespace

std::vector<const RunSpec*> unfinished_runs(const SweepPlan& plan, const SweepFolder& sweep) {
  std::vector<const RunSpec*> unfinished;
  for (const auto& run : plan.runs) {
    const auto record = read_or_advise(sweep, run);
    const bool done =
        record && (record->outcome == Outcome::kCompleted || record->outcome == Outcome::kDiverged);
    if (!done) unfinished.push_back(&run);
  }
  return unfinished;
}

std::vector<std::vector<const RunSpec*>> make_cohorts(std::vector<const RunSpec*> runs,
                                                      std::size_t workers, std::size_t largest) {
  std::stable_sort(runs.begin(), runs.end(),
                   [](const auto* a, const auto* b) { return a->seed < b->seed; });
  const std::size_t rounds = divide_up(runs.size(), largest * workers);
  const std::size_t count = std::min(runs.size(), rounds * workers);
  std::vector<std::vector<const RunSpec*>> cohorts(count);
  for (std::size_t i = 0; i < runs.size(); ++i) cohorts[i * count / runs.size()].push_back(runs[i]);
  return cohorts;
}

void train_runs(const SweepJob& job, const std::vector<const RunSpec*>& runs) {
  if (!runs.empty()) Pool(job, runs).run();
}

}  // namespace clipsweep
