#include "fuzz.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "clipsweep/io/temporary_folder.h"

namespace clipsweep {
namespace {

// In memory where that is possible: a fuzzer writes thousands of files per second.
fs::path scratch_parent() {
  const fs::path memory = "/dev/shm";
  return ::access(memory.c_str(), W_OK) == 0 ? memory : fs::temp_directory_path();
}

}  // namespace

const fs::path& scratch_folder() {
  static const TemporaryFolder kFolder(scratch_parent());
  return kFolder.path();
}

fs::path scratch_file(const std::string& name, std::string_view content) {
  const fs::path path = scratch_folder() / name;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(content.data(), static_cast<std::streamsize>(content.size()));
  return path;
}

std::string corpus_file(const std::string& name) {
  std::ifstream stream(fs::path(FUZZ_CORPUS) / name, std::ios::binary);
  if (!stream) throw std::runtime_error("no " + name + " among the corpora");
  return {std::istreambuf_iterator<char>(stream), {}};
}

void must_hold(bool holds, const char* claim) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", claim);
  std::abort();
}

}  // namespace clipsweep
