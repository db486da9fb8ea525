// Runs a target over its corpus and over mutations of it, always the same ones. So anything that a
// fuzzer has found is tested again, with any compiler and in a few seconds.
//
//   fuzz_NAME CORPUS        the corpus and its mutations
//   fuzz_NAME FILE...       only these inputs
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz.h"
#include "targets.h"

namespace clipsweep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMutations = 2000;
constexpr std::size_t kLongest = 1 << 16;

std::string content_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<fs::path> files_of(const std::vector<std::string>& arguments) {
  std::vector<fs::path> files;
  for (const auto& argument : arguments) {
    if (!fs::is_directory(argument)) {
      files.emplace_back(argument);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(argument)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& corpus) : corpus_(corpus) {}

  // One of the corpus, changed in one to four places.
  std::string next() {
    std::string input = corpus_[below(corpus_.size())];
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(input);
    input.resize(std::min(input.size(), kLongest));
    return input;
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }

  void change(std::string& input) {
    static const std::vector<std::string> kPieces = {"0",
                                                     "-1",
                                                     "1e400",
                                                     "18446744073709551616",
                                                     "null",
                                                     "\"NaN\"",
                                                     "[",
                                                     "{",
                                                     "\"",
                                                     "\n",
                                                     ",",
                                                     std::string(1, '\0'),
                                                     "\xff\xff\xff\xff",
                                                     "..",
                                                     "/"};
    const std::size_t at = below(input.size() + 1);
    const std::size_t size = below(std::min<std::size_t>(input.size() - at, 64) + 1);
    const std::string& other = corpus_[below(corpus_.size())];
    switch (below(6)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        break;
      case 1:
        input.erase(at, size);
        break;
      case 2:
        input.insert(at, input.substr(at, size));
        break;
      case 3:
        input.resize(at);
        break;
      case 4:
        input.insert(at, other.substr(below(other.size() + 1), 64));
        break;
      default:
        input.replace(at, size, kPieces[below(kPieces.size())]);
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937 random_{
      5489};  // the standard fixes its numbers, as it does not those of distributions
};

int replay(FuzzTarget target, const std::vector<std::string>& arguments) {
  const auto files = files_of(arguments);
  if (files.empty()) throw std::runtime_error("no inputs");
  std::vector<std::string> corpus;
  for (const auto& file : files) {
    corpus.push_back(content_of(file));
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);  // so that the last line names the input that crashes
    refusable([&] { target(corpus.back()); });
  }
  if (!fs::is_directory(arguments.front())) return 0;
  std::printf("mutations; the latest is %s\n", (scratch_folder() / "input").c_str());
  std::fflush(stdout);
  Mutator mutator(corpus);
  for (std::size_t i = 0; i < kMutations; ++i) {
    const std::string input = mutator.next();
    scratch_file("input", input);
    refusable([&] { target(input); });
  }
  std::printf("%zu inputs, %zu mutations\n", corpus.size(), kMutations);
  return 0;
}

}  // namespace
}  // namespace clipsweep

int main(int argc, char** argv) {
  return clipsweep::replay(clipsweep::target_of(argv[0]), {argv + 1, argv + argc});
}
