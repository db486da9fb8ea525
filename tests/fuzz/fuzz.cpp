#include "fuzz.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace clipsweep {
namespace {

namespace fs = std::filesystem;

class Scratch {
 public:
  Scratch() {
    const fs::path memory = "/dev/shm";
    const fs::path parent =
        ::access(memory.c_str(), W_OK) == 0 ? memory : fs::temp_directory_path();
    std::string name = parent / "clipsweep-fuzz-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make a scratch folder");
    path_ = name;
  }
  ~Scratch() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

const fs::path& scratch_folder() {
  static const Scratch kScratch;
  return kScratch.path();
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

void require(bool holds, const char* claim) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", claim);
  std::abort();
}

}  // namespace clipsweep
