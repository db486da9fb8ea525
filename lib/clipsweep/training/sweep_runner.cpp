#include "clipsweep/training/sweep_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/parallel.h"
#include "clipsweep/base/text.h"
#include "clipsweep/base/wall_clock.h"
#include "clipsweep/records/checkpoint.h"
#include "clipsweep/training/cohort_trainer.h"

namespace clipsweep {
namespace {

std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

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

// A run that this process alone trains, until it has ended.
struct Claimed {
  FileClaim claim;
  bool begins_anew = false;  // as --retry asks for
};
using Claims = std::map<std::string, Claimed>;  // by the run's ID

struct Cohort {
  const ParameterLayout* layout = nullptr;
  std::vector<const RunSpec*> runs;
};

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

  // Gives its memory back.
  void drop() {
    engine_.reset();
    layout_ = nullptr;
  }

 private:
  const EngineFactory& make_;
  std::unique_ptr<GradientEngine> engine_;
  const ParameterLayout* layout_ = nullptr;
};

// Trains cohort after cohort, until there is none or the disk fails.
class Pool {
 public:
  Pool(const SweepJob& job, const std::vector<const RunSpec*>& runs) : job_(job) {
    for (const auto& [cell, of_cell] : by_cell(runs)) {
      const auto model = model_for(job.plan.training, cell, job.task);
      layouts_.emplace(cell, layout_of(model));
    }
    for (auto& cohort : make_cohorts(runs, job.workers, job.cohort_sizes))
      cohorts_.push_back({&layouts_.at(cohort.front()->setup.cell), std::move(cohort)});
  }

  void run() {
    std::size_t runs = 0;
    for (const auto& cohort : cohorts_) runs += cohort.runs.size();
    run_on_threads(std::min(job_.workers, kMaxPartsPerRun * runs),
                   std::min(job_.workers, cohorts_.size()), [this](std::size_t) { work(); });
  }

 private:
  void work() {
    train_cohorts();
    helpers_.help();
  }

  void train_cohorts() {
    const WorkSharing::BusyScope at_work(helpers_);
    try {
      WorkerEngine engine(job_.make_engine);
      for (std::size_t i = next_++; i < cohorts_.size() && !job_.stop; i = next_++)
        train_cohort(cohorts_[i], engine);
    } catch (const Cancelled&) {
      // A cohort on its way to where it was saved: it stays there.
    } catch (...) {
      job_.stop = true;
      throw;
    }
  }

  void train_cohort(const Cohort& cohort, WorkerEngine& engine) {
    Claims claims;
    std::vector<const RunSpec*> ours;
    for (const auto* run : cohort.runs) {
      auto claimed = claim(*run);
      if (!claimed) {
        ++job_.progress.elsewhere;
        continue;
      }
      claims.emplace(run->id, std::move(*claimed));
      ours.push_back(run);
    }
    train_claimed(ours, *cohort.layout, claims, engine);
  }

  // Nothing if another process is at the run, or has ended it meanwhile.
  std::optional<Claimed> claim(const RunSpec& run) const {
    auto claim = claim_run(job_.folder, run.id);
    if (!claim) return std::nullopt;
    const auto record = read_run(SweepFolder{job_.folder, {}, {}}, run);
    const bool retried = record && is_retried(record->outcome, job_.retry);
    if (record && reached_outcome(*record) && !retried) return std::nullopt;
    return Claimed{std::move(*claim), retried};
  }

  // Those that lack memory are tried in halves, down to a run alone, and without help.
  void train_claimed(const std::vector<const RunSpec*>& runs, const ParameterLayout& layout,
                     Claims& claims, WorkerEngine& engine) {
    if (runs.empty()) return;
    const bool may_be_helped = &helpers() != &kNoHelpers;
    try {
      return train_together(runs, layout, claims, engine.of(layout));
    } catch (const std::bad_alloc&) {
      // All that the attempt held is given back before the next one.
    }
    engine.drop();
    is_memory_short_ = true;
    if (runs.size() > 1)
      train_halves(runs, layout, claims, engine);
    else if (may_be_helped)
      train_claimed(not_ended(runs, claims), layout, claims, engine);
    else
      fail(*runs.front(), layout, claims);
  }

  // Nobody, once memory was short: each thread takes some.
  WorkSharing& helpers() { return job_.workers == 1 || is_memory_short_ ? kNoHelpers : helpers_; }

  static std::vector<const RunSpec*> not_ended(const std::vector<const RunSpec*>& runs,
                                               const Claims& claims) {
    std::vector<const RunSpec*> left;
    for (const auto* run : runs)
      if (claims.count(run->id) > 0) left.push_back(run);
    return left;
  }

  // Runs that begin alike in one cohort.
  void train_together(const std::vector<const RunSpec*>& runs, const ParameterLayout& layout,
                      Claims& claims, GradientEngine& engine) {
    std::map<StartingPoint, std::vector<RunStart>> groups;
    for (auto& start : starts_of(runs, layout, claims, engine))
      groups[starting_point(start)].push_back(std::move(start));
    for (const auto& [point, starts] : groups) {
      if (job_.stop) return;
      job_.progress.dropped_run_steps += point.first * starts.size();
      train_group(starts, layout, claims, engine);
    }
  }

  void train_group(const std::vector<RunStart>& starts, const ParameterLayout& layout,
                   Claims& claims, GradientEngine& engine) {
    std::map<std::string, RunLog> logs;
    const auto make_sinks = [&](const RunSpec& spec) -> RunSinks {
      RunLog& log = logs.try_emplace(spec.id, job_.folder, step_log_header(spec, job_.plan, layout),
                                     job_.plan.through_time_every, state_of(spec, starts))
                        .first->second;
      return {[&log](const StepRecord& record) { log.append(record); },
              [&log](const ThroughTimeRecord& record) { log.append(record); },
              [&log](RunState& state) { log.note_length(state); },
              [&log](const RunState& state) { log.cut_back_to(state); }};
    };
    const auto on_end = [&](const RunRecord& record) {
      end_run(record, logs.at(record.spec.id), claims);
      logs.erase(record.spec.id);
    };
    CheckpointFile checkpoint(job_.folder);
    const CohortContext context{
        job_.plan, layout, job_.task, job_.stop, job_.progress.run_steps, &checkpoint, helpers()};
    CohortTrainer trainer(context, starts, engine, make_sinks, on_end);
    try {
      trainer.train();
      if (!job_.stop) checkpoint.remove();
    } catch (const Error&) {
      throw;
    } catch (const std::bad_alloc&) {
      // In smaller cohorts, or without helpers, there may be enough.
      if (starts.size() > 1 || &context.helpers != &kNoHelpers) throw;
      trainer.fail(kOutOfMemory);
    } catch (const std::exception& error) {
      trainer.fail(first_line(error.what()));
    }
  }

  // Those that have not ended, from where they were saved last.
  void train_halves(const std::vector<const RunSpec*>& runs, const ParameterLayout& layout,
                    Claims& claims, WorkerEngine& engine) {
    const auto left = not_ended(runs, claims);
    const auto middle = left.begin() + static_cast<std::ptrdiff_t>(left.size() / 2);
    warn(fmt::format("warning: out of memory with {}; they are tried again in two halves",
                     counted(runs.size(), "run")));
    train_claimed({left.begin(), middle}, layout, claims, engine);
    train_claimed({middle, left.end()}, layout, claims, engine);
  }

  // Ends a run that has not even begun: nothing could be set up for it.
  void fail(const RunSpec& run, const ParameterLayout& layout, Claims& claims) {
    RunRecord record;
    record.spec = run;
    record.settings = settings_of(job_.plan, run);
    record.outcome = Outcome::kFailed;
    record.reason = kOutOfMemory;
    record.tensor_names = layout.names();
    record.wall_started = utc_now();
    RunLog log(job_.folder, step_log_header(run, job_.plan, layout), job_.plan.through_time_every);
    end_run(record, log, claims);
  }

  void end_run(const RunRecord& record, RunLog& log, Claims& claims) {
    const auto claimed = claims.find(record.spec.id);
    const bool is_ours = claimed->second.claim.is_in_place();
    if (is_ours) log.finish(record);
    claims.erase(claimed);
    if (!is_ours) {
      require_in_place(job_.folder);
      return warn_of_lost(record.spec);
    }
    count(record);
    if (job_.on_run_end) job_.on_run_end(record);
  }

  std::vector<RunStart> starts_of(const std::vector<const RunSpec*>& runs,
                                  const ParameterLayout& layout, Claims& claims,
                                  const GradientEngine& engine) const {
    std::vector<std::string> ids;
    for (const auto* run : runs) ids.push_back(run->id);
    const auto tell = [this](const std::string& text) { warn(text); };
    auto states = newest_states(job_.folder, ids, tell);
    std::vector<RunStart> starts;
    for (const auto* run : runs) {
      starts.push_back({run});
      const bool begins_anew = std::exchange(claims.at(run->id).begins_anew, false);
      const auto state = states.find(run->id);
      if (state == states.end()) continue;
      if (!begins_anew && can_go_on(*run, state->second, layout, engine))
        starts.back().state = std::move(state->second);
      else
        forget_states(job_.folder, run->id, tell);
    }
    return starts;
  }

  bool can_go_on(const RunSpec& run, const RunState& state, const ParameterLayout& layout,
                 const GradientEngine& engine) const {
    const std::string problem = problem_of(state, run, layout, engine);
    if (problem.empty()) return true;
    warn(fmt::format("warning: {} begins anew: {}", run.id, problem));
    return false;
  }

  // What keeps the run from going on from this state; empty if nothing does.
  std::string problem_of(const RunState& state, const RunSpec& run, const ParameterLayout& layout,
                         const GradientEngine& engine) const {
    const auto ours = engine_description(engine.name(), engine.simd());
    if (state.engine != ours)
      return fmt::format("it was begun by another engine ({}, now {})", printable(state.engine),
                         ours);
    if (!has_logs_of(job_.folder, state, static_cast<std::uint64_t>(job_.plan.log_every)))
      return "its logs do not reach to where it was saved";
    if (!is_state_of(state, run, job_.plan, layout)) return "what was saved is none of its states";
    return "";
  }

  static const RunState* state_of(const RunSpec& spec, const std::vector<RunStart>& starts) {
    for (const auto& start : starts)
      if (start.spec == &spec && start.state) return &*start.state;
    return nullptr;
  }

  void count(const RunRecord& record) const {
    job_.progress.dropped_run_steps += job_.plan.training.steps() - record.totals.steps;
    job_.progress.diverged += record.outcome == Outcome::kDiverged ? 1 : 0;
    job_.progress.failed += record.outcome == Outcome::kFailed ? 1 : 0;
    job_.progress.ended += record.outcome == Outcome::kInterrupted ? 0 : 1;
  }

  // It is not counted as ended, so that the sweep is not taken for complete.
  void warn_of_lost(const RunSpec& run) const {
    warn(
        fmt::format("warning: the folder of {} was taken away while it was trained; it is trained "
                    "again by the same command",
                    run.id));
  }

  void warn(const std::string& text) const {
    if (job_.warn) job_.warn(text);
  }

  static std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

  static constexpr const char* kOutOfMemory = "out of memory";

  const SweepJob& job_;
  std::map<Cell, ParameterLayout> layouts_;
  std::vector<Cohort> cohorts_;
  std::atomic<std::size_t> next_{0};
  WorkSharing helpers_;
  std::atomic<bool> is_memory_short_{false};
};

using RunPosition = std::vector<const RunSpec*>::const_iterator;

bool shares_prefix(RunPosition run) {
  return shared_prefix_key(**run) == shared_prefix_key(**(run - 1));
}

// Moves the end of a cohort to where runs cease to be kin: onwards if it may have so many, else
// back.
RunPosition end_of_prefix_group(RunPosition begin, RunPosition end, RunPosition last,
                                std::size_t largest) {
  RunPosition onwards = end;
  while (onwards != last && shares_prefix(onwards)) ++onwards;
  if (static_cast<std::size_t>(onwards - begin) <= largest) return onwards;
  RunPosition back = end;
  while (back != begin && shares_prefix(back)) --back;
  return back == begin ? end : back;
}

std::vector<std::vector<const RunSpec*>> cohorts_of_cell(std::vector<const RunSpec*> runs,
                                                         std::size_t workers,
                                                         const CohortSizes& sizes) {
  std::stable_sort(runs.begin(), runs.end(), [](const auto* a, const auto* b) {
    return shared_prefix_key(*a) < shared_prefix_key(*b);
  });
  std::vector<std::vector<const RunSpec*>> cohorts;
  RunPosition next = runs.begin();
  const auto left = [&] { return static_cast<std::size_t>(runs.end() - next); };
  const auto take = [&](std::size_t count) {
    RunPosition end = next + static_cast<std::ptrdiff_t>(count);
    if (sizes.keeps_prefix_groups) end = end_of_prefix_group(next, end, runs.end(), sizes.largest);
    cohorts.emplace_back(next, end);
    next = end;
  };
  // Half of a worker's share of what is left (guided self-scheduling; Polychronopoulos and Kuck,
  // 1987), and the last ones in equal parts.
  while (left() > workers * sizes.smallest)
    take(std::clamp(divide_up(left(), 2 * workers), sizes.smallest, sizes.largest));
  for (std::size_t parts = workers; left() > 0; parts = std::max<std::size_t>(parts - 1, 1))
    take(divide_up(left(), parts));
  return cohorts;
}

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
  return engine == EngineName::kReference ? CohortSizes{16, 64} : CohortSizes{1, 64, true};
}

std::map<Cell, CohortSizes> cohort_sizes_for(const EngineChoices& choices) {
  std::map<Cell, CohortSizes> sizes;
  for (const auto& [cell, choice] : choices) sizes[cell] = cohort_sizes_for(choice.name);
  return sizes;
}

PlanStatus plan_status(const SweepPlan& plan, const SweepFolder& sweep,
                       std::optional<Retry> retry) {
  PlanStatus status;
  for (const auto& run : plan.runs) {
    const auto record = read_or_advise(sweep, run);
    const bool done = record && reached_outcome(*record) && !is_retried(record->outcome, retry);
    if (done)
      ++status.finished_by[run.setup.cell][engine_description(record->engine, record->simd)];
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

std::vector<std::vector<const RunSpec*>> make_cohorts(const std::vector<const RunSpec*>& runs,
                                                      std::size_t workers,
                                                      const std::map<Cell, CohortSizes>& sizes) {
  const auto all_cohorts = [&](bool keep_kin) {
    std::vector<std::vector<const RunSpec*>> cohorts;
    for (const auto& [cell, of_cell] : by_cell(runs)) {
      const auto known = sizes.find(cell);
      CohortSizes of_cohort = known == sizes.end() ? CohortSizes{} : known->second;
      of_cohort.keeps_prefix_groups = of_cohort.keeps_prefix_groups && keep_kin;
      for (auto& cohort : cohorts_of_cell(of_cell, workers, of_cohort))
        cohorts.push_back(std::move(cohort));
    }
    return cohorts;
  };
  auto cohorts = all_cohorts(true);
  return cohorts.size() < workers ? all_cohorts(false) : cohorts;
}

void train_runs(const SweepJob& job, const std::vector<const RunSpec*>& runs) {
  if (!runs.empty()) Pool(job, runs).run();
}

}  // namespace clipsweep
