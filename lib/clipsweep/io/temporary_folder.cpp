#include "clipsweep/io/temporary_folder.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "clipsweep/base/error.h"

namespace clipsweep {
namespace {

StorageError cannot_make(const std::string& where, const std::string& why) {
  return StorageError(
      fmt::format("{}: cannot make a temporary folder: {}; set TMPDIR to a writable folder with "
                  "free space",
                  where, why));
}

fs::path default_parent() {
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  if (!error) return parent;
  const char* variable = std::getenv("TMPDIR");
  throw cannot_make(variable ? variable : "/tmp", error.message());
}

}  // namespace

TemporaryFolder::TemporaryFolder() : TemporaryFolder(default_parent()) {}

TemporaryFolder::TemporaryFolder(const fs::path& parent) {
  std::string name = (parent / "clipsweep-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw cannot_make(parent.string(), std::strerror(errno));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code error;
  fs::remove_all(path_, error);
}

}  // namespace clipsweep
