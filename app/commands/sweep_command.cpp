// `clipsweep sweep`: trains the unfinished runs of the plan, then compares.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <optional>
#include <set>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/base/wall_clock.h"
#include "clipsweep/data/image_labels.h"
#include "clipsweep/experiment/sweep_parts.h"
#include "clipsweep/records/sweep_manifest.h"
#include "clipsweep/tasks/make_task.h"
#include "clipsweep/training/sweep_runner.h"
#include "commands/plan_warnings.h"
#include "commands/sweep_results.h"
#include "commands/training_commands.h"
#include "machine.h"
#include "messages.h"
#include "progress.h"
#include "stop_request.h"
#include "terminal.h"
#include "version.h"

namespace clipsweep {
namespace {

// `fused`, or `lstm: fused; gru: reference` if cells have different ones
std::string engine_names(const EngineChoices& choices) {
  std::set<std::string> names;
  std::vector<std::string> by_cell;
  for (const auto& [cell, choice] : choices) {
    names.insert(to_text(choice.name));
    by_cell.push_back(fmt::format("{}: {}", to_text(cell), to_text(choice.name)));
  }
  return names.size() == 1 ? *names.begin() : join(by_cell, "; ");
}

Provenance provenance_of(const TrainingEngines& engines,
                         const std::vector<std::string>& arguments) {
  Provenance provenance;
  provenance.software = {{"clipsweep", kVersion},
                         {"git_revision", kGitRevision},
                         {"compiler", kCompiler},
                         {"engine", engine_names(engines.choices)}};
  provenance.software.update(engines.software);
  provenance.machine = {
      {"cpu", cpu_model()}, {"cores", usable_cores()}, {"simd", engines.simd.begin()->second}};
  provenance.command = {"clipsweep"};
  provenance.command.insert(provenance.command.end(), arguments.begin(), arguments.end());
  provenance.wall_started = utc_now();
  return provenance;
}

// Each worker keeps one log open for each run of its cohort.
void allow_many_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// What this call did, for sweep.json: other calls may come from another program or machine.
Json call_json(const Provenance& provenance, double seconds, std::uint64_t run_steps) {
  Json call = to_json(provenance);
  call["wall_seconds"] = json_number(seconds);
  call["wall_run_steps_per_second"] = json_number(static_cast<double>(run_steps) / seconds);
  call["wall_peak_memory"] = peak_memory();
  return call;
}

std::string stop_reason(const SweepProgress& progress, std::uint64_t left, std::uint64_t plain,
                        const std::string& folder) {
  if (stop_signal() != 0 && left + plain > 0)
    return "interrupted; rerun the same command to continue";
  if (left > 0 && progress.elsewhere > 0)
    return fmt::format(
        "{} {} being trained by another clipsweep; rerun the same command to check on {}",
        counted(left, "run"), left == 1 ? "is" : "are", left == 1 ? "it" : "them");
  if (left > 0)
    return fmt::format("{} left; rerun the same command to continue", counted(left, "run"));
  if (progress.failed > 0)
    return fmt::format("{} failed; see clipsweep show {}", counted(progress.failed, "run"), folder);
  return "";
}

// `left`: the runs that are not finished, or whose logs are not compressed although they should be.
ExitCode exit_code_of(const SweepProgress& progress, std::uint64_t left) {
  // A signal after the end of the last run interrupted nothing.
  if (stop_signal() == SIGINT && left > 0) return kInterrupted;
  if (left > 0) return kStoppedEarly;
  return progress.failed > 0 ? kRunFailed : kSuccess;
}

// For --verbose.
void print_run_end(const RunRecord& record) {
  std::string result;
  if (record.reason) result = fmt::format(": {}", *record.reason);
  if (!record.epochs.empty() && !record.reason)
    result = fmt::format(": test accuracy {:.1f} %", 100 * record.epochs.back().test_accuracy);
  const char* stalled = is_stalled(record) ? ", stalled" : "";
  const bool is_bad = record.outcome == Outcome::kDiverged || record.outcome == Outcome::kFailed;
  const std::string outcome =
      toned(to_text(record.outcome), is_bad ? Tone::kBad : Tone::kPlain, stderr_style());
  say_over_progress(fmt::format("{} {}{}{}\n", record.spec.id, outcome, stalled, result));
}

// No axis changes how many steps the runs take.
std::uint64_t steps_per_run(const SweepPlan& plan) {
  return plan.trainings.begin()->second.training.steps();
}

void train(const SweepCommand& command, const SweepJob& job,
           const std::vector<const RunSpec*>& runs, const Provenance& provenance) {
  const Stopwatch stopwatch;
  {
    std::optional<ProgressLine> progress_line;
    if (!command.quiet)
      progress_line.emplace(job.progress, runs.size() * steps_per_run(job.plan), runs.size());
    train_runs(job, runs);
  }
  record_call(job.folder, call_json(provenance, stopwatch.seconds(), job.progress.run_steps));
}

// Engines round differently, which alone changes a run: pairs of runs across engines would compare
// the engines, not the modes.
void warn_about_other_engines(const PlanStatus& status, const TrainingEngines& engines) {
  for (const auto& [cell, finished_by] : status.finished_by) {
    const std::string ours = engines.description(cell);
    for (const auto& [theirs, runs] : finished_by)
      if (theirs != ours)
        complain(
            fmt::format("warning: {} in this folder {} computed by another engine ({}, now {}); "
                        "their last digits differ, so compare only runs of one engine",
                        counted(runs, "complete run"), runs == 1 ? "was" : "were", theirs, ours));
  }
}

// The folder may have runs that the plan of this command lacks.
void say_what_left_the_plan(const PreparedFolder& prepared) {
  if (prepared.kept > 0)
    say(fmt::format("The folder has {} that {} not in this plan; {} in the comparison.\n",
                    counted(prepared.kept, "run"), prepared.kept == 1 ? "is" : "are",
                    prepared.kept == 1 ? "it stays" : "they stay"));
  const auto& dropped = prepared.dropped;
  if (dropped.empty()) return;
  const char* const them = dropped.size() == 1 ? "it" : "them";
  say(
      fmt::format("Dropped {} from the plan that had not finished: {}. To train {}, rerun the "
                  "command that planned {}.\n",
                  counted(dropped.size(), "run"), join_first(dropped), them, them));
}

// [C] numbers or texts, in sorted order.
std::string labels_text(const Json& classes) {
  constexpr std::size_t kFew = 10;
  if (classes.front().is_number()) return range_text(classes.get<std::vector<std::int64_t>>());
  std::vector<std::string> names;
  for (const auto& name : classes) names.push_back(printable(name.get<std::string>()));
  if (names.size() <= kFew) return join(names);
  return fmt::format("{} different ones from {} to {}", names.size(), names.front(), names.back());
}

// Labels other than 0, 1, 2, ... are numbered as classes.
void say_what_the_data_are(const DataChecksum& data, const Task& task) {
  if (!data.classes.empty())
    say(fmt::format("Labels: {}, numbered as classes 0 to {}.\n", labels_text(data.classes),
                    data.classes.size() - 1));
  if (data.entropy_rate)
    say(
        fmt::format("The least possible loss is the source's entropy rate, {:.4f} ({:.4f} bits per "
                    "symbol).\n",
                    *data.entropy_rate, *data.entropy_rate / std::log(2)));
  if (const std::uint64_t samples = task.validation_samples(); samples > 0)
    say(
        fmt::format("The best arms are chosen on a validation set of {} and judged on the test "
                    "set.\n",
                    counted(samples, "sample")));
}

// The runs that this process has to train, and what they are part of.
struct Part {
  std::optional<Shard> shard;  // nullopt: all runs of the sweep
  std::vector<const RunSpec*> runs;
  std::size_t of = 0;  // runs of the whole sweep
};

Part part_of(const ExperimentConfig& config, const SweepPlan& plan) {
  return {config.shard,
          config.shard ? runs_of_shard(plan.runs, *config.shard) : pointers_to(plan.runs),
          plan.runs.size()};
}

// `Part 2/4`
std::string part_name(const Part& part) { return fmt::format("Part {}", to_text(*part.shard)); }

void say_what_the_part_is(const Part& part) {
  if (part.shard)
    say(fmt::format("{} of the sweep: {} of {}.\n", part_name(part),
                    with_thousands(part.runs.size()), counted(part.of, "run")));
}

// Other processes still train the other parts, or have not begun.
void say_what_the_sweep_lacks(const Part& part, std::size_t ended, const std::string& folder) {
  say(
      fmt::format("{} is complete; {} of {} of the sweep have ended. When all have: clipsweep "
                  "summarize {}\n",
                  part_name(part), with_thousands(ended), counted(part.of, "run"),
                  without_controls(shell_word(folder))));
}

void say_what_happens(std::size_t to_train, std::size_t complete, std::uint64_t steps,
                      std::size_t workers) {
  if (to_train + complete == 0) return;
  if (to_train == 0)
    say(fmt::format("All {} are complete; nothing to train.\n", counted(complete, "run")));
  else
    say(fmt::format("Training {} of {} on {}{}.\n", counted(to_train, "run"),
                    counted(steps, "step"), counted(workers, "worker"),
                    complete > 0 ? fmt::format("; {} already complete", complete) : ""));
}

// Without locks, a process cannot see which runs others are training.
void warn_about_missing_locks(const PreparedFolder& prepared, const std::string& folder,
                              const std::optional<Shard>& shard) {
  if (prepared.locks() == FileLocks::kSupported) return;
  const std::string advice =
      shard ? fmt::format(
                  "only --shard keeps processes apart; run each of the {} parts once at a "
                  "time, and no other sweep on this folder",
                  with_thousands(shard->count))
            : "run one clipsweep process on this folder at a time, give each its own part with "
              "--shard, or put --out on another file system";
  complain(fmt::format("warning: {}: this file system cannot lock files ({}); {}", folder,
                       prepared.lock_problem, advice));
}

// Before training: if the disk is full, this makes room. After it, for runs that another process
// has finished.
void compress_finished(const SweepCommand& command, const SweepJob& job,
                       const std::vector<const RunSpec*>& runs) {
  if (runs.empty()) return;
  if (!command.quiet)
    say(fmt::format("Compressing the logs of {}.\n", counted(runs.size(), "finished run")));
  compress_runs(job, runs);
}

// Another process may have finished the runs that this one has not.
std::uint64_t runs_left(const Part& part, const SweepFolder& sweep, std::uint64_t not_ended) {
  return not_ended == 0 ? 0 : plan_status(part.runs, sweep).unfinished.size();
}

// Writes the results, but a process that trains a part only if the whole sweep has ended. Returns
// false if they lack a run whose run.json cannot be read.
bool conclude(const SweepCommand& command, const SweepFolder& sweep, const SweepPlan& plan,
              const Part& part, std::uint64_t left) {
  if (part.shard && left > 0) return true;
  if (part.shard) {
    const std::size_t ended = count_ended(pointers_to(plan.runs), sweep);
    if (ended < part.of && !command.quiet) say_what_the_sweep_lacks(part, ended, command.out);
    if (ended < part.of) return true;
  }
  return write_and_print_results(sweep, command.out, left == 0, command.quiet);
}

// What a sweep is made of before its folder is looked at.
struct SweepInputs {
  const ExperimentConfig& config;
  const TrainingEngines& engines;
  const SweepTasks& tasks;
  Provenance provenance;
};

int sweep_in_folder(const SweepCommand& command, const SweepInputs& inputs) {
  const auto& [config, engines, tasks, provenance] = inputs;
  const fs::path folder = command.out;
  DataChecksums data = tasks.data();
  for (auto& [task, checksum] : data) checksum = named_as_in(folder, std::move(checksum));
  SweepPlan plan = make_plan(config, hashes_of(data));
  adopt_ids_of(folder, plan);
  const PreparedFolder prepared = prepare_sweep_folder(
      folder, sweep_json(config, plan, data_of_setups(plan, tasks, data), provenance));
  const SweepFolder& sweep = prepared.sweep;
  if (!command.quiet)
    say_what_the_data_are(data.at(config.training.task), tasks.tasks().of(plan.runs.front().setup));
  if (!command.quiet) say_what_left_the_plan(prepared);
  warn_about_missing_locks(prepared, command.out, config.shard);
  std::atomic<bool>& stop = install_stop_handlers();
  std::signal(SIGPIPE, SIG_IGN);  // a reader of stderr that exits must not end the sweep
  allow_many_open_files();

  const Part part = part_of(config, plan);
  if (!command.quiet) say_what_the_part_is(part);
  PlanStatus status = plan_status(part.runs, sweep, config.retry);
  auto& runs = status.unfinished;
  const std::size_t unfinished = runs.size();
  if (unfinished > 0) warn_about_other_engines(status, engines);
  if (config.max_runs && *config.max_runs < runs.size()) runs.resize(*config.max_runs);
  SweepProgress progress;
  const std::size_t workers = worker_count(config);
  if (!command.quiet)
    say_what_happens(runs.size(), part.runs.size() - unfinished, steps_per_run(plan), workers);
  SweepJob job{plan, tasks.tasks(), folder, workers, engines.make, stop, progress};
  job.cohort_sizes = cohort_sizes_for(engines.choices);
  job.retry = config.retry;
  job.locks = prepared.locks();
  job.warn = complain;
  if (command.verbose) job.on_run_end = print_run_end;
  // A part leaves the runs of other plans in this folder to a call without --shard.
  const auto own_runs = part.shard ? part.runs : pointers_to(sweep.runs);
  if (config.compress)
    compress_finished(command, job, uncompressed_runs(own_runs, sweep, status.unfinished));
  if (!runs.empty() && !command.quiet)
    for (const auto& warning : plan_warnings(plan)) complain("warning: " + warning);
  if (!runs.empty()) train(command, job, runs, provenance);
  if (config.compress && !stop) compress_finished(command, job, uncompressed_runs(own_runs, sweep));

  const std::uint64_t left = runs_left(part, sweep, unfinished - progress.ended);
  const std::uint64_t plain =
      config.compress && stop ? uncompressed_runs(own_runs, sweep).size() : 0;
  if (!conclude(command, sweep, plan, part, left)) return kInvalidData;
  const std::string reason = stop_reason(progress, left, plain, command.out);
  if (!reason.empty()) complain(reason);
  return exit_code_of(progress, left + plain);
}

// The settings, with the axes that the folder's sweep has.
ExperimentConfig config_in(const fs::path& folder, ExperimentConfig config) try {
  return with_axes_of(folder, std::move(config));
} catch (const UnreadableError& error) {
  throw_as_storage_error(error);  // the same command can resume
}

}  // namespace

int run_sweep(const SweepCommand& command, const std::vector<std::string>& arguments,
              const MakeEngines& make_engines) {
  const ExperimentConfig config = config_in(command.out, config_of(command.settings));
  const TrainingEngines engines = make_engines(config);
  const SweepTasks tasks(config);
  try {
    return sweep_in_folder(command, {config, engines, tasks, provenance_of(engines, arguments)});
  } catch (const UnreadableError& error) {
    throw_as_storage_error(error);  // the same command can resume
  }
}

}  // namespace clipsweep
