#include "clipsweep/data/text_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/files.h"
#include "clipsweep/io/sha256.h"

namespace clipsweep {
namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20;

bool has_text_name(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".txt" || extension == ".md" || extension == ".pod";
}

std::vector<fs::path> texts_in(const fs::path& folder) {
  std::vector<fs::path> texts;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
    if (has_text_name(entry->path()) && entry->is_regular_file(error))
      texts.push_back(entry->path());
  if (error)
    throw DataError(
        fmt::format("{}: cannot be listed: {}", printable(folder.string()), error.message()));
  if (texts.empty())
    throw DataError(fmt::format("{}: has no files .txt, .md or .pod; name a text file",
                                printable(folder.string())));
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace

TextFiles read_text_files(const std::string& path) {
  std::error_code error;
  const bool is_folder = fs::is_directory(path, error);
  const auto paths = is_folder ? texts_in(path) : std::vector<fs::path>{path};
  TextFiles text;
  for (const auto& file : paths) {
    const std::string bytes = read_file(file, kMostBytes - text.bytes.size());
    const fs::path name = is_folder ? file.lexically_relative(path) : file.filename();
    text.checksum.files.emplace_back(printable(name.string()), sha256_of(bytes));
    text.bytes += bytes;
  }
  text.checksum.sha256 = sha256_of(text.bytes);
  return text;
}

}  // namespace clipsweep
