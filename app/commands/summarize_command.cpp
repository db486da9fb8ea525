// `clipsweep summarize`: runs.csv, summary.json and the comparison.
#include <fmt/format.h>

#include "clipsweep/analysis/summary_json.h"
#include "clipsweep/analysis/summary_text.h"
#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/records/result_folder.h"
#include "commands/inspection_commands.h"
#include "messages.h"
#include "output.h"
#include "terminal.h"

namespace clipsweep {
namespace {

// A folder that cannot be written, such as one on a read-only disk, can still be read.
Summary rebuild_if_writable(const SweepFolder& sweep) try {
  return rebuild_summary(sweep);
} catch (const StorageError& error) {
  complain(fmt::format("warning: {}; runs.csv and summary.json stay as they are", error.what()));
  return summarize(read_runs(sweep));
}

}  // namespace

int run_summarize(const SummarizeCommand& command) {
  const Summary summary = rebuild_if_writable(open_sweep_folder(command.folder));
  if (command.json)
    print_json_page(summary_page(summary));
  else
    print_text(comparison_text(summary, stdout_style()));
  if (summary.runs.damaged == 0) return kSuccess;
  complain(fmt::format("{} damaged and left out; clipsweep validate {} says where",
                       counted(summary.runs.damaged, "run"), command.folder));
  return kInvalidData;
}

}  // namespace clipsweep
