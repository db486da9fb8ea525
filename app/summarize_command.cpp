#include <fmt/format.h>

#include "clipsweep/error.h"
#include "clipsweep/result_folder.h"
#include "clipsweep/summary.h"
#include "clipsweep/summary_text.h"
#include "looking_commands.h"

namespace clipsweep {

int summarize(const SummarizeOptions& options) {
  const Summary summary = rebuild_summary(open_sweep_folder(options.folder));
  fmt::print("{}", options.json ? summary_page(summary) : comparison_text(summary));
  return kSuccess;
}

}  // namespace clipsweep
