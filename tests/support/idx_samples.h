// IDX files for tests, byte by byte, and folders of them.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "clipsweep/data/idx_file.h"
#include "support/test_support.h"

namespace clipsweep {

inline std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

// A file with this header and these bytes, whether or not they fit.
inline std::string idx_bytes(IdxType type, const std::vector<std::uint32_t>& sizes,
                             const std::string& data) {
  std::string bytes =
      big_endian(static_cast<std::uint32_t>(type) << 8 | static_cast<std::uint32_t>(sizes.size()));
  for (const std::uint32_t size : sizes) bytes += big_endian(size);
  return bytes + data;
}

// Each number as 4 bytes.
inline std::string int32_bytes(const std::vector<std::int32_t>& numbers) {
  std::string bytes;
  for (const std::int32_t number : numbers) bytes += big_endian(static_cast<std::uint32_t>(number));
  return bytes;
}

inline std::string images_file(std::uint32_t count, std::uint32_t side, std::size_t bytes) {
  return idx_bytes(IdxType::kUint8, {count, side, side}, std::string(bytes, '\7'));
}

inline std::string labels_file(std::uint32_t count, const std::string& labels) {
  return idx_bytes(IdxType::kUint8, {count}, labels);
}

inline std::string gzipped(const std::string& content) {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "x.gz";
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// A folder with three training and two test images of 2x2, the first part plain, the second packed;
// each test changes it.
class IdxFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    write("train-images-idx3-ubyte", images_file(3, 2, 12));
    write("train-labels-idx1-ubyte", labels_file(3, {"\0\1\2", 3}));
    write("t10k-images-idx3-ubyte.gz", gzipped(images_file(2, 2, 8)));
    write("t10k-labels-idx1-ubyte.gz", gzipped(labels_file(2, {"\2\1", 2})));
  }
  void write(const std::string& name, const std::string& content) {
    std::filesystem::create_directories((path() / name).parent_path());
    write_text(path() / name, content);
  }
  void remove(const std::string& name) { std::filesystem::remove_all(path() / name); }
  void rename(const std::string& from, const std::string& to) {
    std::filesystem::create_directories((path() / to).parent_path());
    std::filesystem::rename(path() / from, path() / to);
  }
  const std::filesystem::path& path() const { return folder_.path(); }

  TemporaryFolder folder_;
};

}  // namespace clipsweep
