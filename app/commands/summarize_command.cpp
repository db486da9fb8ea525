// `clipsweep summarize`: runs.csv, summary.json and the comparison.
#include <fmt/format.h>

#include "clipsweep/analysis/summary_json.h"
#include "clipsweep/analysis/summary_text.h"
#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/records/result_folder.h"
#include "commands/inspection_commands.h"
#include "messages.h"

namespace clipsweep {

int run_summarize(const SummarizeCommand& command) {
  const Summary summary = rebuild_summary(open_sweep_folder(command.folder));
  fmt::print("{}", command.json ? summary_page(summary) : comparison_text(summary));
  if (summary.runs.damaged == 0) return kSuccess;
  complain(fmt::format("{} damaged and left out; clipsweep validate {} says where",
                       counted(summary.runs.damaged, "run"), command.folder));
  return kInvalidData;
}

}  // namespace clipsweep
