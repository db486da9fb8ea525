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

struct Cohort {
  const ParameterLayout* layout = nullptr;
  std::vector<const RunSpec*> runs;
};

// Trains cohort after cohort, until there is none or the disk fails.
class Pool {
 public:
  Pool(const SweepJob& job, const std::vector<const RunSpec*>& runs) : job_(job) {
    for (const auto& [cell, of_cell] : by_cell(runs)) {
      const auto model = model_for(job.plan.training, cell, job.task);
      const auto& layout = layouts_.emplace(cell, layout_of(model)).first->second;
      const auto sizes = job.cohort_sizes.find(cell);
      for (auto& cohort :
           make_cohorts(of_cell, job.workers,
                        sizes == job.cohort_sizes.end() ? CohortSizes{} : sizes->second))
        cohorts_.push_back({&layout, std::move(cohort)});
    }
  }

  void run() {
    run_on_threads(std::min(job_.workers, cohorts_.size()), [this](std::size_t) { work(); });
  }

 private:
  void work() {
    try {
      std::unique_ptr<GradientEngine> engine;
      const ParameterLayout* layout = nullptr;  // that of the engine
      for (std::size_t i = next_++; i < cohorts_.size() && !job_.stop; i = next_++) {
        if (layout != cohorts_[i].layout) {
          layout = cohorts_[i].layout;
          engine = job_.make_engine(*layout);
        }
        train_cohort(cohorts_[i], *engine);
      }
    } catch (...) {
      job_.stop = true;
      throw;
    }
  }

  void train_cohort(const Cohort& cohort, GradientEngine& engine) {
    const ParameterLayout& layout = *cohort.layout;
    std::map<std::string, RunLog> logs;
    const auto make_sink = [&](const RunSpec& spec) -> StepSink {
      RunLog& log = logs.try_emplace(spec.id, job_.folder, step_log_header(spec, job_.plan, layout))
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
    CohortTrainer trainer({job_.plan, layout, job_.task, job_.stop, job_.progress.run_steps},
                          cohort.runs, engine, make_sink, end_run);
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
  std::map<Cell, ParameterLayout> layouts_;
  std::vector<Cohort> cohorts_;
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

CohortSizes cohort_sizes_for(EngineName engine) {
  // LibTorch's overhead is spread over 16 runs at least; the fused engine has none.
  return engine == EngineName::kReference ? CohortSizes{16, 64} : CohortSizes{};
}

std::map<Cell, CohortSizes> cohort_sizes_for(const EngineChoices& choices) {
  std::map<Cell, CohortSizes> sizes;
  for (const auto& [cell, choice] : choices) sizes[cell] = cohort_sizes_for(choice.name);
  return sizes;
}

PlanStatus plan_status(const SweepPlan& plan, const SweepFolder& sweep) {
  PlanStatus status;
  for (const auto& run : plan.runs) {
    const auto record = read_or_advise(sweep, run);
    const bool done =
        record && (record->outcome == Outcome::kCompleted || record->outcome == Outcome::kDiverged);
    if (done)
      ++status.finished_by[run.setup.cell][fmt::format("{}, {}", record->engine, record->simd)];
    else
      status.unfinished.push_back(&run);
  }
  return status;
}

std::map<Cell, std::vector<const RunSpec*>> by_cell(const std::vector<const RunSpec*>& runs) {
  std::map<Cell, std::vector<const RunSpec*>> groups;
  for (const auto* run : runs) groups[run->setup.cell].push_back(run);
  return groups;
}

std::vector<std::vector<const RunSpec*>> make_cohorts(std::vector<const RunSpec*> runs,
                                                      std::size_t workers,
                                                      const CohortSizes& sizes) {
  std::stable_sort(runs.begin(), runs.end(),
                   [](const auto* a, const auto* b) { return a->seed < b->seed; });
  std::vector<std::vector<const RunSpec*>> cohorts;
  auto next = runs.begin();
  const auto left = [&] { return static_cast<std::size_t>(runs.end() - next); };
  const auto take = [&](std::size_t count) {
    cohorts.emplace_back(next, next + static_cast<std::ptrdiff_t>(count));
    next += static_cast<std::ptrdiff_t>(count);
  };
  // Half of a worker's share of what is left (guided self-scheduling; Polychronopoulos and Kuck,
  // 1987), and the last ones in equal parts.
  while (left() > workers * sizes.smallest)
    take(std::clamp(divide_up(left(), 2 * workers), sizes.smallest, sizes.largest));
  for (std::size_t parts = std::min(workers, left()); parts > 0; --parts)
    take(divide_up(left(), parts));
  return cohorts;
}

void train_runs(const SweepJob& job, const std::vector<const RunSpec*>& runs) {
  if (!runs.empty()) Pool(job, runs).run();
}

}  // namespace clipsweep
