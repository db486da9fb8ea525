#include "clipsweep/tasks/image_data.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <functional>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFashionMnist = "/usr/share/datasets/fashion-mnist";

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

std::string images_file(std::uint32_t count, std::uint32_t side, std::size_t bytes) {
  return big_endian(0x803) + big_endian(count) + big_endian(side) + big_endian(side) +
         std::string(bytes, '\7');
}

std::string labels_file(std::uint32_t count, const std::string& labels) {
  return big_endian(0x801) + big_endian(count) + labels;
}

std::string gzipped(const std::string& content) {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "x.gz";
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Three training and two test images of 2x2; each test damages them in one way.
class IdxFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    write("train-images-idx3-ubyte", images_file(3, 2, 12));
    write("train-labels-idx1-ubyte", labels_file(3, {"\0\1\2", 3}));
    write("t10k-images-idx3-ubyte.gz", gzipped(images_file(2, 2, 8)));
    write("t10k-labels-idx1-ubyte.gz", gzipped(labels_file(2, {"\3\4", 2})));
  }
  void write(const std::string& name, const std::string& content) {
    write_text(folder_.path() / name, content);
  }
  std::string message() {
    return message_of<DataError>([&] { load_image_data(folder_.path()); });
  }
  TemporaryFolder folder_;
};

TEST(FashionMnist, IsReadCompletely) {
  const auto data = load_image_data(kFashionMnist);
  EXPECT_EQ(data.train.count, 60000);
  EXPECT_EQ(data.test.count, 10000);
  EXPECT_EQ(data.train.rows, 28);
  EXPECT_EQ(data.train.columns, 28);
  // Balanced by construction (Xiao et al., 2017): 6,000 and 1,000 images of each class.
  for (int label = 0; label < 10; ++label) {
    EXPECT_EQ(std::count(data.train.labels.begin(), data.train.labels.end(), label), 6000);
    EXPECT_EQ(std::count(data.test.labels.begin(), data.test.labels.end(), label), 1000);
  }
  EXPECT_EQ(data.train.labels[0], 9);  // an ankle boot
}

TEST_F(IdxFolder, IsReadPlainAndGzipped) {
  const auto data = load_image_data(folder_.path());
  EXPECT_EQ(data.train.labels, (std::vector<std::uint8_t>{0, 1, 2}));
  EXPECT_EQ(data.test.count, 2);
  EXPECT_EQ(data.test.image(1)[3], 7);
}

TEST_F(IdxFolder, ChecksumChangesWithAnyByte) {
  const auto before = checksum_of_data(folder_.path());
  EXPECT_EQ(before.files.size(), 4U);
  EXPECT_EQ(checksum_of_data(folder_.path()).sha256, before.sha256);
  write("train-labels-idx1-ubyte", labels_file(3, {"\0\1\3", 3}));
  EXPECT_NE(checksum_of_data(folder_.path()).sha256, before.sha256);
}

TEST_F(IdxFolder, ErrorNamesAMissingFileAndSaysWhatToDo) {
  fs::remove(folder_.path() / "train-images-idx3-ubyte");
  EXPECT_TRUE(holds(message(), "no train-images-idx3-ubyte.gz"));
  EXPECT_TRUE(holds(message(), "--data"));
  EXPECT_THROW(checksum_of_data(folder_.path()), DataError);
}

TEST_F(IdxFolder, EmptyFile) {
  write("train-images-idx3-ubyte", "");
  EXPECT_TRUE(holds(message(), "train-images-idx3-ubyte: the file is empty"));
}

TEST_F(IdxFolder, TruncatedFile) {
  write("train-images-idx3-ubyte", images_file(3, 2, 11));
  EXPECT_TRUE(holds(message(), "truncated: the header says 12 bytes, the file has 11"));
}

TEST_F(IdxFolder, FileThatIsTooLong) {
  write("train-images-idx3-ubyte", images_file(3, 2, 13));
  EXPECT_TRUE(holds(message(), "too long"));
}

TEST_F(IdxFolder, HeaderWithHugeSizes) {
  write("train-images-idx3-ubyte", images_file(0xffffffff, 0xffffffff, 12));
  EXPECT_TRUE(holds(message(), "truncated"));
}

TEST_F(IdxFolder, GzippedHeaderWithHugeSizes) {
  write("t10k-images-idx3-ubyte.gz", gzipped(images_file(0xffffffff, 0xffff, 8)));
  EXPECT_TRUE(holds(message(), "truncated: the header says"));
}

// 100 MB of zeros in 100 kB; no more is unpacked than the header says.
TEST_F(IdxFolder, GzipBomb) {
  const std::string zeros(100'000'000, '\0');
  write("t10k-images-idx3-ubyte.gz", gzipped(zeros));
  EXPECT_TRUE(holds(message(), "begins with 0x00000000"));
  write("t10k-labels-idx1-ubyte.gz", gzipped(labels_file(2, {"\3\4", 2}) + zeros));
  write("t10k-images-idx3-ubyte.gz", gzipped(images_file(2, 2, 8)));
  EXPECT_TRUE(holds(message(), "too long: it unpacks to more bytes than the header says"));
}

// Opening a pipe without a writer would block forever.
TEST_F(IdxFolder, PipeOrFolderInsteadOfAFile) {
  const auto path = folder_.path() / "train-images-idx3-ubyte";
  fs::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_TRUE(holds(message(), "not a regular file"));
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_TRUE(holds(message(), "not a regular file"));
}

TEST_F(IdxFolder, FileThatIsNotGzip) {
  write("t10k-images-idx3-ubyte.gz", "<html>404 Not Found</html>");
  EXPECT_TRUE(holds(message(), "not a valid gzip file"));
}

TEST_F(IdxFolder, TruncatedGzipStream) {
  const std::string whole = gzipped(images_file(2, 2, 8));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    write("t10k-images-idx3-ubyte.gz", whole.substr(0, size));
    EXPECT_TRUE(holds(message(), "t10k-images-idx3-ubyte.gz: ")) << size;
  }
}

TEST_F(IdxFolder, GzipStreamWithAFlippedBit) {
  const std::string whole = gzipped(images_file(2, 2, 8));
  std::string damaged = whole;
  damaged[whole.size() - 6] = static_cast<char>(damaged[whole.size() - 6] ^ 1);  // in the CRC
  write("t10k-images-idx3-ubyte.gz", damaged);
  EXPECT_TRUE(holds(message(), "not a valid gzip file"));
}

TEST_F(IdxFolder, LabelsInsteadOfImages) {
  write("train-images-idx3-ubyte", labels_file(30, std::string(30, '\1')));
  EXPECT_TRUE(holds(message(), "begins with 0x00000801, but an IDX file of images begins with"));
}

TEST_F(IdxFolder, LabelAboveNine) {
  write("train-labels-idx1-ubyte", labels_file(3, {"\0\12\2", 3}));
  EXPECT_TRUE(holds(message(), "label 10 at position 1; labels are 0 to 9"));
}

TEST_F(IdxFolder, NumberOfLabelsDiffersFromNumberOfImages) {
  write("train-labels-idx1-ubyte", labels_file(2, {"\0\1", 2}));
  EXPECT_TRUE(holds(message(), "2 labels for the 3 images"));
}

TEST_F(IdxFolder, TestImagesOfAnotherShape) {
  write("t10k-images-idx3-ubyte.gz", gzipped(images_file(2, 3, 18)));
  EXPECT_TRUE(holds(message(), "training images are 2x2, test images 3x3"));
}

}  // namespace
}  // namespace clipsweep
