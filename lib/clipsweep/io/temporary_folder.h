// A new folder for temporary files, removed with its content at the end of its scope.
#pragma once

#include "clipsweep/io/files.h"

namespace clipsweep {

class TemporaryFolder {
 public:
  // Makes `clipsweep-XXXXXX` in $TMPDIR or /tmp. Throws StorageError if that fails.
  TemporaryFolder();
  explicit TemporaryFolder(const fs::path& parent);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace clipsweep
