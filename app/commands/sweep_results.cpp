#include "commands/sweep_results.h"

#include <fmt/format.h>

#include <cstdio>

#include "clipsweep/analysis/summary_json.h"
#include "clipsweep/analysis/summary_text.h"
#include "clipsweep/base/text.h"
#include "clipsweep/records/checkpoint.h"
#include "messages.h"
#include "output.h"
#include "terminal.h"

namespace clipsweep {
namespace {

// With the messages after them, what a terminal of 40 lines shows.
constexpr std::size_t kMaxLinesAtTheEnd = 36;

// A run.json that cannot be read at the end, whose run the results lack.
bool complain_of_damage(const Summary& summary, const std::string& folder) {
  if (summary.damaged.empty()) return false;
  complain(fmt::format(
      "{}/{}; {} left out of the results; fix that and rerun the same command", folder,
      summary.damaged.front().reason,
      counted(summary.damaged.size(), "run") + (summary.damaged.size() == 1 ? " is" : " are")));
  return true;
}

// After the answer, so that it is not the end.
void say_what_is_next(const std::string& folder) {
  const std::string word = without_controls(shell_word(folder));
  say(
      fmt::format("\nAll tables:           clipsweep summarize {}\n"
                  "Figures and a report: clipsweep report {}\n",
                  word, word));
}

}  // namespace

bool write_and_print_results(const SweepFolder& sweep, const std::string& folder, bool has_all_runs,
                             bool quiet) {
  const Summary summary = rebuild_summary(sweep);
  // After the results: the folder of the checkpoints marks a sweep that may lack them. A later plan
  // may have the dropped runs again, which resume from theirs.
  if (has_all_runs && sweep.dropped.empty()) remove_checkpoints(sweep.folder);
  print_text(brief_text(summary, stdout_style(), kMaxLinesAtTheEnd));
  std::fflush(stdout);  // before the messages
  if (complain_of_damage(summary, folder)) return false;
  if (!quiet) say_what_is_next(folder);
  return true;
}

}  // namespace clipsweep
