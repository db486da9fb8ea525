// `clipsweep merge`: one result folder from several of the same sweep, and its comparison.
#include <fmt/format.h>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/merging/folder_merge.h"
#include "clipsweep/training/sweep_runner.h"
#include "commands/inspection_commands.h"
#include "commands/sweep_results.h"
#include "messages.h"

namespace clipsweep {
namespace {

std::vector<SweepFolder> opened(const std::vector<std::string>& folders) {
  std::vector<SweepFolder> sweeps;
  for (const auto& folder : folders) sweeps.push_back(open_sweep_folder(folder));
  return sweeps;
}

void say_what_was_merged(const MergeCommand& command, const MergeReport& report) {
  for (std::size_t i = 0; i < report.taken.size(); ++i)
    say(fmt::format("Took {} from {}.\n", counted(report.taken[i], "run"), command.folders[i]));
  const std::size_t runs = report.sweep.runs.size();
  say(fmt::format("{} has {} of {}{}.\n", command.out,
                  with_thousands(runs - report.unfinished.size()), counted(runs, "run"),
                  report.already_there > 0
                      ? fmt::format("; {} were there before", with_thousands(report.already_there))
                      : ""));
}

void complain_of_unfinished(const MergeCommand& command, const MergeReport& report) {
  const std::size_t count = report.unfinished.size();
  if (count == 0) return;
  complain(
      fmt::format("{} {} not finished in any of the folders: {}; merge again when {}, or "
                  "train {} with clipsweep sweep ... --out {}",
                  counted(count, "run"), count == 1 ? "has" : "have", join_first(report.unfinished),
                  count == 1 ? "it has" : "they have", count == 1 ? "it" : "them", command.out));
}

// Returns whether there is anything that only the user can judge.
bool complain_of_problems(const MergeReport& report) {
  for (const auto& problem : report.damaged)
    complain(problem + "; this copy of the run was not taken");
  for (const auto& conflict : report.conflicts)
    complain(
        fmt::format("{} and {} are one run with different results (\"{}\" differs); the first "
                    "stays",
                    conflict.kept, conflict.other, conflict.difference));
  return !report.damaged.empty() || !report.conflicts.empty();
}

// Nodes of a cluster may have different processors.
void warn_about_engines(const MergeReport& report) {
  for (const auto& [cell, finished_by] :
       plan_status(pointers_to(report.sweep.runs), report.sweep).finished_by) {
    if (finished_by.size() < 2) continue;
    std::vector<std::string> counts;
    for (const auto& [engine, runs] : finished_by)
      counts.push_back(fmt::format("{} by {}", with_thousands(runs), engine));
    complain(
        fmt::format("warning: runs were computed by different engines ({}); their last digits "
                    "differ, so compare only runs of one engine",
                    join(counts, "; ")));
  }
}

}  // namespace

int run_merge(const MergeCommand& command) {
  const MergeReport report = merge_folders(opened(command.folders), command.out);
  if (!command.quiet) say_what_was_merged(command, report);
  const bool has_problems = complain_of_problems(report);
  if (!has_problems) warn_about_engines(report);
  const bool has_all =
      write_and_print_results(report.sweep, command.out, report.unfinished.empty(), command.quiet);
  complain_of_unfinished(command, report);
  return has_problems || !has_all ? kInvalidData : kSuccess;
}

}  // namespace clipsweep
