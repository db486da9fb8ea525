// What the fuzz targets share. A target is one function that passes arbitrary bytes to a reader.
// The reader either accepts them or throws an Error: no crash, no other exception, and time and
// memory in proportion to the bytes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "clipsweep/base/error.h"

namespace clipsweep {

// An Error ends an input. A target with several readers calls each in `refusable`, so that the
// error of one does not skip the next.
template <typename Call>
void refusable(const Call& call) {
  try {
    call();
  } catch (const Error&) {
  }
}

// A folder in memory, private to this process and removed at its end, for readers of files.
const std::filesystem::path& scratch_folder();

// Writes a file in that folder, without syncing, and returns its path.
std::filesystem::path scratch_file(const std::string& name, std::string_view content);

// A file of the corpora, to accompany the fuzzed one.
std::string corpus_file(const std::string& name);

// Ends the process with this message unless the claim holds: the target has found a bug that does
// not crash by itself.
void must_hold(bool holds, const char* claim);

}  // namespace clipsweep
