// What the fuzz targets share. A target is one function that hands any bytes to a reader; the
// reader may refuse them with an Error and do nothing else: no crash, no other exception, no more
// time and memory than the bytes are worth.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "clipsweep/base/error.h"

namespace clipsweep {

// Each target defines this. An Error that it throws is the end of this input; where a target has
// several readers, `refusable` keeps each from hiding the next.
void fuzz_one(std::string_view input);

template <typename Call>
void refusable(const Call& call) {
  try {
    call();
  } catch (const Error&) {
  }
}

// A folder in memory of this process alone, for readers of files; it goes at the end.
const std::filesystem::path& scratch_folder();

// Writes a file there, without syncing, and returns its path.
std::filesystem::path scratch_file(const std::string& name, std::string_view content);

// A file of the corpora, as a companion of the fuzzed one.
std::string corpus_file(const std::string& name);

// Ends the process with this message: the target has found a mistake that is no crash by itself.
void require(bool holds, const char* claim);

}  // namespace clipsweep
