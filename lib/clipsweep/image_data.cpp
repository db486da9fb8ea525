#include "clipsweep/image_data.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>

#include "clipsweep/error.h"
#include "clipsweep/files.h"
#include "clipsweep/sha256.h"
#include "clipsweep/text.h"

namespace clipsweep {
namespace {

// Far above any data set of this family (its largest, EMNIST, has 640 MB), far below what a gzip
// bomb would unpack to.
constexpr std::size_t kMostBytes = std::size_t{2} << 30;

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
      "give the folder with the four IDX files with --data",
      folder, name));
}

[[noreturn]] void throw_bad_file(const fs::path& path, std::string_view what) {
  throw DataError(fmt::format("{}: {}", path.string(), what));
}

// The size that the file's header promises is checked against these bytes afterwards, so a short
// or corrupt stream cannot pass; the output is bounded while it grows.
std::string gunzip(const std::string& packed, const fs::path& path) {
  z_stream stream{};
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) throw std::bad_alloc();
  const auto end_stream = [&](std::string_view problem) {
    inflateEnd(&stream);
    if (!problem.empty()) throw_bad_file(path, problem);
  };
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string content;
  std::vector<char> chunk(std::size_t{1} << 18);
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = inflate(&stream, Z_NO_FLUSH);
    content.append(chunk.data(), chunk.size() - stream.avail_out);
    if (content.size() > kMostBytes) end_stream("unpacks to more than 2 GiB; not a data set");
  }
  if (status == Z_BUF_ERROR) end_stream("the gzip stream is cut off; fetch the file again");
  if (status != Z_STREAM_END) end_stream("not a valid gzip file; fetch the file again");
  if (stream.avail_in > 0) end_stream("bytes follow the end of the gzip stream");
  end_stream("");
  return content;
}

std::string read_unpacked(const fs::path& path) {
  std::string content = read_file(path, kMostBytes);
  if (content.empty()) throw_bad_file(path, "the file is empty; fetch it again");
  return path.extension() == ".gz" ? gunzip(content, path) : content;
}

std::uint32_t big_endian(const std::string& content, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8 | static_cast<unsigned char>(content[offset + i]);
  return value;
}

// The payload of an IDX file of unsigned bytes.
struct Idx {
  std::array<std::uint32_t, 3> sizes{};
  std::vector<std::uint8_t> bytes;
};

Idx read_idx(const fs::path& path, std::size_t rank) {
  const std::string content = read_unpacked(path);
  const std::size_t header = 4 + 4 * rank;
  if (content.size() < header)
    throw_bad_file(path, fmt::format("{} bytes are too few for an IDX header", content.size()));
  const std::uint32_t expected = 0x0800 + static_cast<std::uint32_t>(rank);
  const std::uint32_t magic = big_endian(content, 0);
  if (magic != expected)
    throw_bad_file(path, fmt::format("begins with 0x{:08x}, but an IDX file of {} begins with "
                                     "0x{:08x}",
                                     magic, rank == 3 ? "pictures" : "labels", expected));
  Idx idx;
  double promised = 1;  // in double, so that hostile sizes cannot wrap around
  for (std::size_t i = 0; i < rank; ++i) {
    idx.sizes[i] = big_endian(content, 4 + 4 * i);
    promised *= idx.sizes[i];
  }
  const std::size_t held = content.size() - header;
  if (promised == 0) throw_bad_file(path, "the header says that it holds nothing");
  if (promised != static_cast<double>(held))
    throw_bad_file(
        path, fmt::format("{}: the header promises {:.0f} bytes, the file holds {}",
                          static_cast<double>(held) < promised ? "truncated" : "overlong", promised,
                          held));
  idx.bytes.assign(content.begin() + static_cast<std::ptrdiff_t>(header), content.end());
  return idx;
}

ImageSet load_set(const std::string& folder, const char* images_name, const char* labels_name) {
  const fs::path images_path = locate(folder, images_name);
  const fs::path labels_path = locate(folder, labels_name);
  Idx images = read_idx(images_path, 3);
  Idx labels = read_idx(labels_path, 1);
  if (images.sizes[0] != labels.sizes[0])
    throw_bad_file(labels_path, fmt::format("{} labels for the {} pictures of {}", labels.sizes[0],
                                            images.sizes[0], images_path.filename().string()));
  constexpr std::uint32_t kLargestSide = 4096;
  if (images.sizes[1] > kLargestSide || images.sizes[2] > kLargestSide)
    throw_bad_file(images_path, "pictures of more than 4,096 rows or columns");
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
    const std::string content = read_file(path, kMostBytes);
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
    throw DataError(fmt::format("{}: training pictures are {}x{}, test pictures {}x{}", folder,
                                data.train.rows, data.train.columns, data.test.rows,
                                data.test.columns));
  return data;
}

}  // namespace clipsweep
