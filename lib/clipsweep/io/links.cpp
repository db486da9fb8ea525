#include "clipsweep/io/links.h"

#include <fmt/format.h>

#include "clipsweep/base/error.h"

namespace clipsweep {
namespace {

void refuse(const fs::path& path, const fs::file_status& status) {
  if (fs::is_symlink(status))
    throw DataError(fmt::format(
        "{}: is a link, and links inside a result folder are not followed; replace it by "
        "its target or remove it",
        path.string()));
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status))
    throw DataError(fmt::format("{}: is neither a file nor a folder; remove it", path.string()));
}

void refuse_unless_plain(const fs::path& path) { refuse(path, link_status(path)); }

}  // namespace

void refuse_links_of_sweep(const fs::path& folder) {
  for (const char* name :
       {".lock", "sweep.json", "runs", "checkpoints", "runs.csv", "summary.json"})
    refuse_unless_plain(folder / name);
}

void refuse_links_of_run(const fs::path& folder, const std::string& run_id) {
  const fs::path path = folder / "runs" / run_id;
  refuse_unless_plain(path);
  if (!is_folder(path)) return;
  for (const auto& file : paths_in(path)) refuse_unless_plain(file);
}

}  // namespace clipsweep
