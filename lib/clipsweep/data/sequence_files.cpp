#include "clipsweep/data/sequence_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/data/array_store.h"
#include "clipsweep/data/time_series_file.h"
#include "clipsweep/io/files.h"

namespace clipsweep {
namespace {

constexpr std::string_view kTrainSuffix = "_TRAIN";
constexpr std::string_view kTestSuffix = "_TEST";
constexpr std::size_t kMaxTextBytes = std::size_t{4} << 30;

bool is_time_series(const fs::path& path) {
  return path.extension() == ".ts" || path.extension() == ".tsv";
}

bool ends_with(const std::string& text, std::string_view ending) {
  return text.size() > ending.size() &&
         text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

TimeSeriesFile read_time_series_file(const fs::path& path, Nonfinite nonfinite) {
  const std::string text = read_file(path, kMaxTextBytes);
  return path.extension() == ".ts" ? parse_ts(text, path.string(), nonfinite)
                                   : parse_tsv(text, path.string(), nonfinite);
}

// The file and, if it is NAME_TRAIN, also NAME_TEST if that exists.
SequenceData read_time_series(const fs::path& path, Nonfinite nonfinite) {
  const std::string stem = path.stem().string();
  if (ends_with(stem, kTestSuffix))
    throw DataError(fmt::format("{}: this is a test file; name the training file, {}{}{}",
                                path.string(), stem.substr(0, stem.size() - kTestSuffix.size()),
                                kTrainSuffix, path.extension().string()));
  TimeSeriesFile train = read_time_series_file(path, nonfinite);
  if (!ends_with(stem, kTrainSuffix)) return sequences_of(std::move(train), nullptr);
  const std::string name = stem.substr(0, stem.size() - kTrainSuffix.size());
  const fs::path test_path =
      path.parent_path() / (name + std::string(kTestSuffix) + path.extension().string());
  if (!is_there(test_path)) return sequences_of(std::move(train), nullptr);
  const TimeSeriesFile test = read_time_series_file(test_path, nonfinite);
  return sequences_of(std::move(train), &test);
}

// The files of a folder that could be meant, sorted.
std::vector<fs::path> candidates_in(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const fs::path& path = entry.path();
    if (path.filename() == "x_train.npy" || path.extension() == ".npz" ||
        (is_time_series(path) && ends_with(path.stem().string(), kTrainSuffix)))
      found.push_back(path);
  }
  if (error) throw DataError(fmt::format("{}: {}", folder.string(), error.message()));
  std::sort(found.begin(), found.end());
  return found;
}

// The only candidate, or the one that is named as the folder, as archives of time series do.
fs::path file_meant_in(const fs::path& folder) {
  const auto found = candidates_in(folder);
  if (found.empty())
    throw DataError(
        fmt::format("{}: no x_train.npy, NAME_TRAIN.ts, NAME_TRAIN.tsv or .npz file in "
                    "this folder; name such a file or folder with --data",
                    folder.string()));
  if (found.size() == 1) return found.front();
  const fs::path full = fs::absolute(folder).lexically_normal();
  const fs::path name = full.has_filename() ? full.filename() : full.parent_path().filename();
  for (const auto& path : found)
    if (path.stem() == name.string() + std::string(kTrainSuffix)) return path;
  throw DataError(fmt::format("{}: both {} and {} are in this folder; name one of them with --data",
                              folder.string(), found[0].filename().string(),
                              found[1].filename().string()));
}

SequenceData read_folder(const fs::path& folder, Nonfinite nonfinite) {
  const fs::path path = file_meant_in(folder);
  if (path.extension() == ".npy") return read_array_sequences(*open_npy_folder(folder), nonfinite);
  if (path.extension() == ".npz") return read_array_sequences(*open_npz(path), nonfinite);
  return read_time_series(path, nonfinite);
}

}  // namespace

bool is_sequence_file(const std::string& path) {
  const fs::path file(path);
  return is_time_series(file) || file.extension() == ".npz";
}

SequenceData read_sequences(const std::string& path, Nonfinite nonfinite) {
  std::error_code error;
  if (fs::is_directory(path, error)) return read_folder(path, nonfinite);
  if (!is_there(path))
    throw DataError(fmt::format("{}: no such file or folder; name one with --data", path));
  if (is_time_series(path)) return read_time_series(path, nonfinite);
  if (fs::path(path).extension() == ".npz") return read_array_sequences(*open_npz(path), nonfinite);
  throw DataError(
      fmt::format("{}: not a kind of file that is read; allowed: .npz, .ts, .tsv, or a "
                  "folder with x_train.npy{}",
                  path, fs::path(path).extension() == ".npy" ? " (name the folder)" : ""));
}

}  // namespace clipsweep
