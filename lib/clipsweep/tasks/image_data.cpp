#include "clipsweep/tasks/image_data.h"

#include <fmt/format.h>

#include <algorithm>

#include "clipsweep/base/error.h"
#include "clipsweep/io/files.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/tasks/idx_file.h"

namespace clipsweep {
namespace {

constexpr const char* kTrainImages = "train-images-idx3-ubyte";
constexpr const char* kTrainLabels = "train-labels-idx1-ubyte";
constexpr const char* kTestImages = "t10k-images-idx3-ubyte";
constexpr const char* kTestLabels = "t10k-labels-idx1-ubyte";

fs::path locate(const std::string& folder, const std::string& name) {
  std::error_code error;
  for (const char* ending : {".gz", ""}) {
    const fs::path path = fs::path(folder) / (name + ending);
    if (fs::exists(path, error)) return path;
  }
  throw DataError(fmt::format(
      "{}: no {}.gz (or without .gz) in this folder; install the package dataset-fashion-mnist or "
      "pass the folder with the four IDX files with --data",
      folder, name));
}

[[noreturn]] void throw_bad_file(const fs::path& path, std::string_view what) {
  throw DataError(fmt::format("{}: {}", path.string(), what));
}

IdxFile read_idx(const fs::path& path, std::size_t dimensions) {
  const auto packing = path.extension() == ".gz" ? Packing::kGzip : Packing::kNone;
  return parse_idx(read_file(path, kMaxIdxBytes), packing, dimensions, path.string());
}

ImageSet load_set(const std::string& folder, const char* images_name, const char* labels_name) {
  const fs::path images_path = locate(folder, images_name);
  const fs::path labels_path = locate(folder, labels_name);
  IdxFile images = read_idx(images_path, 3);
  IdxFile labels = read_idx(labels_path, 1);
  if (images.sizes[0] != labels.sizes[0])
    throw_bad_file(labels_path, fmt::format("{} labels for the {} images of {}", labels.sizes[0],
                                            images.sizes[0], images_path.filename().string()));
  constexpr std::uint32_t kMaxSide = 4096;
  if (images.sizes[1] > kMaxSide || images.sizes[2] > kMaxSide)
    throw_bad_file(images_path, "images of more than 4,096 rows or columns");
  const auto wrong = std::find_if(labels.bytes.begin(), labels.bytes.end(),
                                  [](auto label) { return label >= ImageData::kClasses; });
  if (wrong != labels.bytes.end())
    throw_bad_file(labels_path, fmt::format("label {} at position {}; labels are 0 to 9", *wrong,
                                            wrong - labels.bytes.begin()));
  ImageSet set;
  set.count = static_cast<int>(images.sizes[0]);
  set.rows = static_cast<int>(images.sizes[1]);
  set.columns = static_cast<int>(images.sizes[2]);
  set.pixels = std::move(images.bytes);
  set.labels = std::move(labels.bytes);
  return set;
}

}  // namespace

DataChecksum checksum_of_data(const std::string& folder) {
  DataChecksum checksum;
  Sha256 all;
  for (const char* name : {kTrainImages, kTrainLabels, kTestImages, kTestLabels}) {
    const fs::path path = locate(folder, name);
    const std::string content = read_file(path, kMaxIdxBytes);
    if (content.empty()) throw_bad_file(path, "the file is empty; fetch it again");
    const std::string sha256 = sha256_of(content);
    all.add(sha256.data(), sha256.size());
    checksum.files.emplace_back(path.filename().string(), sha256);
  }
  checksum.sha256 = all.finish();
  return checksum;
}

ImageData load_image_data(const std::string& folder) {
  ImageData data;
  data.train = load_set(folder, kTrainImages, kTrainLabels);
  data.test = load_set(folder, kTestImages, kTestLabels);
  if (data.train.rows != data.test.rows || data.train.columns != data.test.columns)
    throw DataError(fmt::format("{}: training images are {}x{}, test images {}x{}", folder,
                                data.train.rows, data.train.columns, data.test.rows,
                                data.test.columns));
  return data;
}

}  // namespace clipsweep
