#include "clipsweep/data/idx_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <regex>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/files.h"

namespace clipsweep {
namespace {

constexpr const char* kPassFolder = "pass the folder with the four IDX files with --data";

// What a file's name says.
struct IdxName {
  std::string prefix;  // `emnist-letters-`, or nothing
  IdxPart part;
};

std::optional<IdxName> idx_name_of(const fs::path& path) {
  const std::string name = lower_case(path.filename().string());
  static const std::regex kPattern(
      "(.*-)?(train|t10k|test)-(images|labels)[-.]idx[0-9]?(-[a-z0-9]+)?(\\.gz)?");
  constexpr std::size_t kMaxLength = 255;  // std::regex recurses
  std::smatch match;
  if (name.size() > kMaxLength || name.find("idx") == std::string::npos) return std::nullopt;
  if (!std::regex_match(name, match, kPattern)) return std::nullopt;
  const bool train = match[2] == "train";
  const bool images = match[3] == "images";
  return IdxName{match[1], train ? (images ? IdxPart::kTrainImages : IdxPart::kTrainLabels)
                                 : (images ? IdxPart::kTestImages : IdxPart::kTestLabels)};
}

// The entries of a folder, sorted; none if it cannot be read.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (auto entry = fs::directory_iterator(folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error))
    entries.push_back(entry->path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

class Search {
 public:
  // A prefix restricts the search to names that have it.
  explicit Search(std::optional<std::string> prefix) : prefix_(std::move(prefix)) {}

  void look_into(const fs::path& folder) {
    for (const auto& path : entries_of(folder)) {
      const bool below = is_folder(path);
      const auto name = idx_name_of(path);
      if (name && below)
        look_into_namesake(path, *name);
      else if (name)
        add(path, *name);
      else if (below)
        look_for_files(path.filename() == "raw" ? path : path / "raw");
    }
  }

  IdxPaths found() && {
    for (auto& paths : found_)
      std::stable_partition(paths.begin(), paths.end(),
                            [](const fs::path& path) { return path.extension() == ".gz"; });
    return std::move(found_);
  }

 private:
  void add(const fs::path& path, const IdxName& name) {
    if (!prefix_ || *prefix_ == name.prefix)
      found_[static_cast<std::size_t>(name.part)].push_back(path);
  }

  void look_for_files(const fs::path& folder) {
    for (const auto& path : entries_of(folder))
      if (const auto name = idx_name_of(path)) add(path, *name);
  }

  // A folder with the name of a file, and the file in it. Without the file, reading the folder says
  // that it is not a file.
  void look_into_namesake(const fs::path& folder, const IdxName& its_name) {
    bool has_file = false;
    for (const auto& path : entries_of(folder)) {
      const auto name = idx_name_of(path);
      if (!name || name->part != its_name.part) continue;
      add(path, *name);
      has_file = true;
    }
    if (!has_file) add(folder, its_name);
  }

  std::optional<std::string> prefix_;
  IdxPaths found_;
};

std::string names_in(const std::vector<fs::path>& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(printable(entry.filename().string()));
  return join_first(names);
}

[[noreturn]] void refuse_missing(const std::string& folder, IdxPart part) {
  const auto entries = entries_of(folder);
  if (entries.empty())
    throw DataError(fmt::format("{}: this folder is empty; {}", folder, kPassFolder));
  throw DataError(
      fmt::format("{}: no {}.gz (or without .gz) in this folder, which has {}; install the package "
                  "dataset-fashion-mnist or {}",
                  folder, usual_name(part), names_in(entries), kPassFolder));
}

// Files of two data sets are not mixed.
void check_same_prefix(const IdxPaths& paths) {
  const fs::path& first = paths.front().front();
  const auto prefix_of = [](const fs::path& path) { return idx_name_of(path)->prefix; };
  for (const auto& others : paths)
    if (prefix_of(others.front()) != prefix_of(first))
      throw DataError(fmt::format("{}: {} is of another data set; keep one data set in a folder",
                                  first.string(), others.front().filename().string()));
}

// Parts of one data set that have several files.
IdxPaths checked(IdxPaths paths, const std::string& folder) {
  for (std::size_t part = 0; part < kIdxParts; ++part)
    if (paths[part].empty()) refuse_missing(folder, static_cast<IdxPart>(part));
  check_same_prefix(paths);
  return paths;
}

// The files FOLDER/PREFIX-*, or nothing if there is none.
std::optional<IdxPaths> find_by_prefix(const fs::path& path) {
  Search search(lower_case(path.filename().string()) + "-");
  search.look_into(path.has_parent_path() ? path.parent_path() : fs::path("."));
  IdxPaths paths = std::move(search).found();
  const auto is_empty = [](const auto& files) { return files.empty(); };
  if (std::all_of(paths.begin(), paths.end(), is_empty)) return std::nullopt;
  return paths;
}

}  // namespace

const char* usual_name(IdxPart part) {
  constexpr std::array<const char*, kIdxParts> kNames = {
      "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
      "t10k-labels-idx1-ubyte"};
  return kNames[static_cast<std::size_t>(part)];
}

IdxPaths find_idx_files(const std::string& folder) {
  std::error_code error;
  if (!fs::exists(folder, error)) {
    if (auto paths = find_by_prefix(folder)) return checked(std::move(*paths), folder);
    throw DataError(
        fmt::format("{}: there is no such folder; install the package dataset-fashion-mnist or {}",
                    folder, kPassFolder));
  }
  if (!is_folder(folder))
    throw DataError(fmt::format("{}: this is a file; {}", folder, kPassFolder));
  if (const auto refused = fs::directory_iterator(folder, error); error)
    throw DataError(fmt::format("{}: {}", folder, error.message()));
  Search search(std::nullopt);
  search.look_into(folder);
  return checked(std::move(search).found(), folder);
}

}  // namespace clipsweep
