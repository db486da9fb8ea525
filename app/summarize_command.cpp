#include <fmt/format.h>

#include "clipsweep/error.h"
#include "clipsweep/result_folder.h"
#include "clipsweep/summary_json.h"
#include "clipsweep/summary_text.h"
#include "clipsweep/text.h"
#include "looking_commands.h"
#include "messages.h"

namespace clipsweep {

int summarize(const SummarizeOptions& options) {
  const Summary summary = rebuild_summary(open_sweep_folder(options.folder));
  fmt::print("{}", options.json ? summary_page(summary) : comparison_text(summary));
  if (summary.runs.damaged == 0) return kSuccess;
  complain(fmt::format("{} damaged and left out; clipsweep validate {} says where",
                       counted(summary.runs.damaged, "run"), options.folder));
  return kInvalidData;
}

}  // namespace clipsweep
