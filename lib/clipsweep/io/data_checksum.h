// What identifies the data of a sweep.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace clipsweep {

// For data files: the SHA-256 of each file as stored on disk, and of these digests together. For
// generated data: a SHA-256 of what generates it, and no files.
struct DataChecksum {
  std::string sha256;
  std::vector<std::pair<std::string, std::string>> files;  // name, SHA-256
};

}  // namespace clipsweep
