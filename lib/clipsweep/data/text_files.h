// Reads the text that a sweep is trained on: a file, or all texts in a folder.
#pragma once

#include <string>

#include "clipsweep/io/data_checksum.h"

namespace clipsweep {

struct TextFiles {
  std::string bytes;  // of all files, one behind the other
  DataChecksum checksum;
};

// Reads the file; or the files *.txt, *.md and *.pod in a folder and the folders below it, in the
// order of their paths, without following links to folders. Throws DataError that names the file if
// one cannot be read, there is none, or they have more than 256 MiB.
TextFiles read_text_files(const std::string& path);

}  // namespace clipsweep
