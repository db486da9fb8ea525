#include "clipsweep/tasks/image_folder.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/data/idx_file.h"
#include "clipsweep/data/idx_folder.h"
#include "clipsweep/data/image_labels.h"
#include "clipsweep/io/byte_source.h"
#include "clipsweep/io/files.h"
#include "clipsweep/io/sha256.h"

namespace clipsweep {
namespace {

[[noreturn]] void throw_bad_file(const fs::path& path, std::string_view what) {
  throw DataError(fmt::format("{}: {}", path.string(), what));
}

// ---- Files --------------------------------------------------------------------------------------

// A file as it is stored, unpacked once that is needed.
class StoredFile {
 public:
  StoredFile() = default;
  explicit StoredFile(fs::path path)
      : path_(std::move(path)), content_(read_file(path_, kMaxIdxBytes)) {
    if (content_.empty()) throw_bad_file(path_, "the file is empty; fetch it again");
    is_packed_ = is_gzip(content_);
    sha256_ = sha256_of(content_);
  }

  const fs::path& path() const { return path_; }
  std::string where() const { return path_.string(); }
  bool is_packed() const { return is_packed_; }
  const std::string& sha256() const { return sha256_; }

  const IdxFile& unpacked() {
    if (!idx_) {
      idx_ = parse_idx(content_, where());
      std::string().swap(content_);
    }
    return *idx_;
  }
  IdxFile take_unpacked() {
    unpacked();
    return *std::exchange(idx_, {});
  }

 private:
  fs::path path_;
  std::string content_;
  bool is_packed_ = false;
  std::string sha256_;
  std::optional<IdxFile> idx_;
};

// A part may be there twice, packed and unpacked, if both say the same.
void check_same_content(StoredFile& file, const std::vector<fs::path>& paths) {
  for (std::size_t i = 1; i < paths.size(); ++i) {
    StoredFile other(paths[i]);
    if (other.sha256() == file.sha256()) continue;
    const IdxFile& a = file.unpacked();
    const IdxFile& b = other.unpacked();
    if (a.type != b.type || a.sizes != b.sizes || a.bytes != b.bytes)
      throw DataError(fmt::format(
          "{} and {} hold different data; keep one of them, or name the data set: --data "
          "FOLDER/emnist-letters reads the files emnist-letters-* of FOLDER",
          paths[0].string(), paths[i].string()));
  }
}

using StoredFiles = std::array<StoredFile, kIdxParts>;

StoredFiles read_files(const IdxPaths& paths) {
  StoredFiles files;
  for (std::size_t part = 0; part < kIdxParts; ++part) {
    files[part] = StoredFile(paths[part].front());
    check_same_content(files[part], paths[part]);
  }
  return files;
}

StoredFile& file_of(StoredFiles& files, IdxPart part) {
  return files[static_cast<std::size_t>(part)];
}

// ---- Identity -----------------------------------------------------------------------------------

// Fashion-MNIST by its gzip files as Debian ships them, which identified it before the unpacked
// files did: its runs keep their IDs, packed or not.
constexpr const char* kFashionMnistPacked =
    "f0616db38b9c48cb7686a79a32adc10500295453ef551cb1b34cc03d5010c93e";
constexpr const char* kFashionMnistUnpacked =
    "d1fd84a877f3b78fa9a171b3de73f93e7b6f69ed94bada3feae9d96821401f5c";

// `classes` of Fashion-MNIST, and of every data set that earlier versions read as now.
bool are_ten_digits(const std::vector<std::int32_t>& classes) {
  return classes == ImageData().classes;
}

// Whether earlier versions read these labels too, as ten classes.
bool were_ten_digits(const std::vector<std::int32_t>& classes) {
  return classes.front() >= 0 && classes.back() <= 9;
}

std::string sha256_of_all(const std::vector<std::string>& digests) {
  Sha256 all;
  for (const auto& digest : digests) all.add(digest.data(), digest.size());
  return all.finish();
}

std::string name_below(const std::string& folder, const fs::path& path) {
  const fs::path below = path.lexically_relative(folder);
  const bool is_below = !below.empty() && *below.begin() != "..";
  return (is_below ? below : path.filename()).string();
}

// What identified the data in earlier versions: the files as they are stored.
void identify_stored(const std::string& folder, const StoredFiles& files, DataChecksum& checksum) {
  std::vector<std::string> digests;
  for (const auto& file : files) {
    digests.push_back(file.sha256());
    checksum.files.emplace_back(name_below(folder, file.path()), digests.back());
  }
  checksum.former_sha256 = sha256_of_all(digests);
}

// What identifies them now: the files as they are unpacked, and how their labels are read.
void identify_unpacked(StoredFiles& files, const std::vector<std::int32_t>& classes,
                       DataChecksum& checksum) {
  std::vector<std::string> digests;
  for (StoredFile& file : files) {
    digests.push_back(file.is_packed() ? sha256_of_unpacked(file.unpacked()) : file.sha256());
  }
  checksum.sha256 = sha256_of_all(digests);
  if (checksum.sha256 == kFashionMnistUnpacked) checksum.sha256 = kFashionMnistPacked;
  if (are_ten_digits(classes)) return;
  checksum.former_sha256.clear();
  // The same files once had a model of ten outputs: those runs have other IDs.
  if (were_ten_digits(classes))
    checksum.sha256 = sha256_of(fmt::format("{} classes: {}", classes.size(), checksum.sha256));
}

bool are_counted_from_zero(const std::vector<std::int32_t>& classes) {
  return classes.front() == 0 && classes.back() == static_cast<std::int32_t>(classes.size()) - 1;
}

DataChecksum checksum_of(const std::string& folder, StoredFiles& files) {
  DataChecksum checksum;
  identify_stored(folder, files, checksum);
  if (checksum.former_sha256 == kFashionMnistPacked) {
    checksum.sha256 = checksum.former_sha256;
    return checksum;
  }
  StoredFile& labels = file_of(files, IdxPart::kTrainLabels);
  const auto classes = classes_of(labels_in(labels.unpacked(), labels.where()), labels.where());
  if (!are_counted_from_zero(classes)) checksum.classes = classes;
  identify_unpacked(files, classes, checksum);
  return checksum;
}

// ---- Content ------------------------------------------------------------------------------------

std::string shape_text(const ImageSet& set) {
  const std::string shape = fmt::format("{}x{}", set.rows, set.columns);
  return set.channels == 1 ? shape : fmt::format("{}x{}", shape, set.channels);
}

// Both sets must have one type and shape.
void read_images(StoredFiles& files, ImageFolder& folder) {
  StoredFile& train_file = file_of(files, IdxPart::kTrainImages);
  StoredFile& test_file = file_of(files, IdxPart::kTestImages);
  const IdxType type = train_file.unpacked().type;
  const IdxType test_type = test_file.unpacked().type;
  ImageSet& train = folder.images.train;
  ImageSet& test = folder.images.test;
  train = images_in(train_file.take_unpacked(), train_file.where());
  test = images_in(test_file.take_unpacked(), test_file.where());
  if (shape_text(train) != shape_text(test))
    throw_bad_file(test_file.path(), fmt::format("training images are {}, test images {}",
                                                 shape_text(train), shape_text(test)));
  if (type != test_type)
    throw_bad_file(test_file.path(), fmt::format("training images are {}, test images {}",
                                                 to_text(type), to_text(test_type)));
  if (is_whole_number(type) && type != IdxType::kUint8)
    folder.checksum.pixel_divisor = scale_images(train, test);
}

// The labels of a part, one for each image.
std::vector<std::int32_t> labels_for(const ImageSet& images, const StoredFile& images_file,
                                     StoredFile& file) {
  auto labels = labels_in(file.unpacked(), file.where());
  if (labels.size() != static_cast<std::size_t>(images.count))
    throw_bad_file(file.path(), fmt::format("{} labels for the {} images of {}", labels.size(),
                                            images.count, images_file.path().filename().string()));
  return labels;
}

void read_labels(StoredFiles& files, ImageData& data) {
  StoredFile& train = file_of(files, IdxPart::kTrainLabels);
  StoredFile& test = file_of(files, IdxPart::kTestLabels);
  const auto train_labels = labels_for(data.train, file_of(files, IdxPart::kTrainImages), train);
  const auto test_labels = labels_for(data.test, file_of(files, IdxPart::kTestImages), test);
  data.classes = classes_of(train_labels, train.where());
  data.train.labels = class_numbers(train_labels, data.classes, train.where());
  data.test.labels = class_numbers(test_labels, data.classes, test.where());
}

}  // namespace

ImageFolder read_image_folder(const std::string& folder) {
  StoredFiles files = read_files(find_idx_files(folder));
  ImageFolder read;
  read.checksum = checksum_of(folder, files);
  read_images(files, read);
  read_labels(files, read.images);
  return read;
}

ImageData load_image_data(const std::string& folder) { return read_image_folder(folder).images; }

DataChecksum checksum_of_data(const std::string& folder) {
  StoredFiles files = read_files(find_idx_files(folder));
  return checksum_of(folder, files);
}

}  // namespace clipsweep
