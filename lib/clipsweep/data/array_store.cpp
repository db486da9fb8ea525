#include "clipsweep/data/array_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/data/zip_archive.h"

namespace clipsweep {
namespace {

constexpr std::string_view kEnding = ".npy";

// `x_train` for `x_train.npy`; nothing for other names.
std::string array_name(const std::string& file_name) {
  const std::size_t ending = kEnding.size();
  if (file_name.size() <= ending ||
      file_name.compare(file_name.size() - ending, ending, kEnding) != 0)
    return {};
  return file_name.substr(0, file_name.size() - ending);
}

std::vector<std::string> array_names(const std::vector<std::string>& file_names) {
  std::vector<std::string> names;
  for (const auto& file_name : file_names)
    if (std::string name = array_name(file_name); !name.empty()) names.push_back(std::move(name));
  std::sort(names.begin(), names.end());
  return names;
}

class NpzStore : public ArrayStore {
 public:
  NpzStore(ZipArchive archive, std::string where)
      : archive_(std::move(archive)), where_(std::move(where)) {}

  std::vector<std::string> names() const override { return array_names(archive_.names()); }
  std::unique_ptr<SizedSource> open(const std::string& name) const override {
    return archive_.open(name + std::string(kEnding));
  }
  std::string where() const override { return where_; }

 private:
  ZipArchive archive_;
  std::string where_;
};

class FolderStore : public ArrayStore {
 public:
  explicit FolderStore(fs::path folder) : folder_(std::move(folder)) {
    std::error_code error;
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(folder_, error))
      files.push_back(entry.path().filename().string());
    if (error) throw DataError(fmt::format("{}: {}", where(), error.message()));
    names_ = array_names(files);
  }

  std::vector<std::string> names() const override { return names_; }
  std::unique_ptr<SizedSource> open(const std::string& name) const override {
    return std::make_unique<FileSource>(folder_ / (name + std::string(kEnding)));
  }
  std::string where() const override { return folder_.string(); }

 private:
  fs::path folder_;
  std::vector<std::string> names_;
};

}  // namespace

bool ArrayStore::has(const std::string& name) const {
  const auto all = names();
  return std::binary_search(all.begin(), all.end(), name);
}

std::unique_ptr<ArrayStore> open_npz(const fs::path& path) {
  return std::make_unique<NpzStore>(ZipArchive::from_file(path), path.string());
}

std::unique_ptr<ArrayStore> open_npz_in_memory(std::string_view bytes, const std::string& where) {
  return std::make_unique<NpzStore>(ZipArchive::from_memory(bytes, where), where);
}

std::unique_ptr<ArrayStore> open_npy_folder(const fs::path& folder) {
  return std::make_unique<FolderStore>(folder);
}

}  // namespace clipsweep
