#include "clipsweep/tasks/image_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <numeric>

#include "clipsweep/base/error.h"
#include "clipsweep/io/files.h"
#include "clipsweep/io/sha256.h"
#include "support/idx_samples.h"

namespace clipsweep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFashionMnist = "/usr/share/datasets/fashion-mnist";

std::string message_of_folder(const fs::path& folder) {
  return message_of<DataError>([&] { load_image_data(folder); });
}

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
  const auto data = load_image_data(path());
  EXPECT_EQ(data.train.labels, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(data.test.count, 2);
  EXPECT_EQ(data.test.pixels[data.test.offset(1) + 3], 7);
}

TEST_F(IdxFolder, ChecksumChangesWithAnyByte) {
  const auto before = checksum_of_data(path());
  EXPECT_EQ(before.files.size(), 4U);
  EXPECT_EQ(checksum_of_data(path()).sha256, before.sha256);
  write("train-labels-idx1-ubyte", labels_file(3, {"\0\1\3", 3}));
  EXPECT_NE(checksum_of_data(path()).sha256, before.sha256);
}

TEST_F(IdxFolder, ErrorNamesAMissingFileAndSaysWhatToDo) {
  fs::remove(path() / "train-images-idx3-ubyte");
  EXPECT_TRUE(holds(message_of_folder(path()), "no train-images-idx3-ubyte.gz"));
  EXPECT_TRUE(holds(message_of_folder(path()), "--data"));
  EXPECT_THROW(checksum_of_data(path()), DataError);
}

TEST_F(IdxFolder, EmptyFile) {
  write("train-images-idx3-ubyte", "");
  EXPECT_TRUE(holds(message_of_folder(path()), "train-images-idx3-ubyte: the file is empty"));
}

TEST_F(IdxFolder, TruncatedFile) {
  write("train-images-idx3-ubyte", images_file(3, 2, 11));
  EXPECT_TRUE(holds(message_of_folder(path()),
                    "truncated: the header says 12 bytes (uint8 [3, 2, 2]), the file has 11"));
}

TEST_F(IdxFolder, FileThatIsTooLong) {
  write("train-images-idx3-ubyte", images_file(3, 2, 13));
  EXPECT_TRUE(holds(message_of_folder(path()), "too long"));
}

TEST_F(IdxFolder, HeaderWithHugeSizes) {
  write("train-images-idx3-ubyte", images_file(0xffffffff, 0xffffffff, 12));
  EXPECT_TRUE(holds(message_of_folder(path()), "truncated"));
}

TEST_F(IdxFolder, GzippedHeaderWithHugeSizes) {
  write("t10k-images-idx3-ubyte.gz", gzipped(images_file(0xffffffff, 0xffff, 8)));
  EXPECT_TRUE(holds(message_of_folder(path()), "truncated: the header says"));
}

// 100 MB of zeros in 100 kB; no more is unpacked than the header says.
TEST_F(IdxFolder, GzipBomb) {
  const std::string zeros(100'000'000, '\0');
  write("t10k-images-idx3-ubyte.gz", gzipped(zeros));
  EXPECT_TRUE(holds(message_of_folder(path()), "0x00 is no type of numbers"));
  write("t10k-labels-idx1-ubyte.gz", gzipped(labels_file(2, {"\2\1", 2}) + zeros));
  write("t10k-images-idx3-ubyte.gz", gzipped(images_file(2, 2, 8)));
  EXPECT_TRUE(
      holds(message_of_folder(path()), "too long: it unpacks to more bytes than the header says"));
}

// Opening a pipe without a writer would block forever.
TEST_F(IdxFolder, PipeOrFolderInsteadOfAFile) {
  const auto file = path() / "train-images-idx3-ubyte";
  fs::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_TRUE(holds(message_of_folder(path()), "not a regular file"));
  fs::remove(file);
  fs::create_directory(file);
  EXPECT_TRUE(holds(message_of_folder(path()), "not a regular file"));
}

TEST_F(IdxFolder, TruncatedGzipStream) {
  const std::string whole = gzipped(images_file(2, 2, 8));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    write("t10k-images-idx3-ubyte.gz", whole.substr(0, size));
    EXPECT_TRUE(holds(message_of_folder(path()), "t10k-images-idx3-ubyte.gz: ")) << size;
  }
}

TEST_F(IdxFolder, GzipStreamWithAFlippedBit) {
  const std::string whole = gzipped(images_file(2, 2, 8));
  std::string damaged = whole;
  damaged[whole.size() - 6] = static_cast<char>(damaged[whole.size() - 6] ^ 1);  // in the CRC
  write("t10k-images-idx3-ubyte.gz", damaged);
  EXPECT_TRUE(holds(message_of_folder(path()), "not a valid gzip file"));
}

TEST_F(IdxFolder, LabelsInsteadOfImages) {
  write("train-images-idx3-ubyte", labels_file(30, std::string(30, '\1')));
  EXPECT_TRUE(holds(message_of_folder(path()), "uint8 [30]: images have three dimensions"));
  EXPECT_TRUE(holds(message_of_folder(path()), "are these labels?"));
}

TEST_F(IdxFolder, ImagesInsteadOfLabels) {
  write("train-labels-idx1-ubyte", images_file(3, 2, 12));
  EXPECT_TRUE(holds(message_of_folder(path()), "uint8 [3, 2, 2]: labels have one dimension"));
}

TEST_F(IdxFolder, NumberOfLabelsDiffersFromNumberOfImages) {
  write("train-labels-idx1-ubyte", labels_file(2, {"\0\1", 2}));
  EXPECT_TRUE(holds(message_of_folder(path()), "2 labels for the 3 images"));
}

TEST_F(IdxFolder, TestImagesOfAnotherShape) {
  write("t10k-images-idx3-ubyte.gz", gzipped(images_file(2, 3, 18)));
  EXPECT_TRUE(holds(message_of_folder(path()), "training images are 2x2, test images 3x3"));
}

// ---- Labels

TEST_F(IdxFolder, AnyLabelsAreMappedInSortedOrder) {
  write("train-labels-idx1-ubyte", labels_file(3, {"\32\1\377", 3}));
  write("t10k-labels-idx1-ubyte.gz", gzipped(labels_file(2, {"\377\32", 2})));
  const auto data = load_image_data(path());
  EXPECT_EQ(data.classes, (std::vector<std::int32_t>{1, 26, 255}));
  EXPECT_EQ(data.train.labels, (std::vector<std::int32_t>{1, 0, 2}));
  EXPECT_EQ(data.test.labels, (std::vector<std::int32_t>{2, 1}));
  EXPECT_EQ(checksum_of_data(path()).classes, data.classes);
}

// 0, 1, 2, ... name themselves.
TEST_F(IdxFolder, LabelsCountedFromZeroAreNotListed) {
  EXPECT_EQ(load_image_data(path()).classes, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_TRUE(checksum_of_data(path()).classes.empty());
}

TEST_F(IdxFolder, TestLabelThatTheTrainingSetLacks) {
  write("t10k-labels-idx1-ubyte.gz", gzipped(labels_file(2, {"\2\3", 2})));
  EXPECT_TRUE(holds(message_of_folder(path()), "t10k-labels-idx1-ubyte.gz: label 3 at position 1"));
  EXPECT_TRUE(holds(message_of_folder(path()), "its labels are 0 to 2"));
}

TEST_F(IdxFolder, LabelsOfTwoAndFourBytes) {
  write("train-labels-idx1-ubyte", idx_bytes(IdxType::kInt16, {3}, {"\1\0\377\377\0\0", 6}));
  write("t10k-labels-idx1-ubyte.gz", idx_bytes(IdxType::kInt32, {2, 1}, int32_bytes({-1, 256})));
  const auto data = load_image_data(path());
  EXPECT_EQ(data.classes, (std::vector<std::int32_t>{-1, 0, 256}));
  EXPECT_EQ(data.train.labels, (std::vector<std::int32_t>{2, 0, 1}));
  EXPECT_EQ(data.test.labels, (std::vector<std::int32_t>{0, 2}));
}

// The first of eight columns: https://github.com/facebookresearch/qmnist
TEST_F(IdxFolder, LabelsOfQmnist) {
  write("train-labels-idx1-ubyte",
        idx_bytes(IdxType::kInt32, {3, 8}, int32_bytes({5, 0, 1, 2, 3, 4, 0, 0,  //
                                                        7, 6, 1, 2, 3, 4, 0, 0,  //
                                                        5, 0, 9, 9, 9, 9, 0, 0})));
  write("t10k-labels-idx1-ubyte.gz", idx_bytes(IdxType::kInt32, {2, 8},
                                               int32_bytes({7, 0, 0, 0, 0, 0, 0, 0,  //
                                                            5, 0, 0, 0, 0, 0, 0, 0})));
  const auto data = load_image_data(path());
  EXPECT_EQ(data.classes, (std::vector<std::int32_t>{5, 7}));
  EXPECT_EQ(data.train.labels, (std::vector<std::int32_t>{0, 1, 0}));
  EXPECT_EQ(data.test.labels, (std::vector<std::int32_t>{1, 0}));
}

TEST_F(IdxFolder, LabelsThatAreNoClasses) {
  const auto message_with = [&](const std::string& labels) {
    write("train-labels-idx1-ubyte", labels);
    return message_of_folder(path());
  };
  EXPECT_TRUE(holds(message_with(idx_bytes(IdxType::kFloat32, {3}, std::string(12, '\0'))),
                    "float32 [3]: labels are whole numbers"));
  EXPECT_TRUE(holds(message_with(idx_bytes(IdxType::kUint8, {3, 2}, {"\0\1\1\0\1\0", 6})),
                    "uint8 [3, 2]: one-hot labels"));
  EXPECT_TRUE(holds(message_with(idx_bytes(IdxType::kUint8, {3, 2}, {"\0\2\1\0\1\0", 6})),
                    "as those of QMNIST"));
}

TEST_F(IdxFolder, MoreThan65536Classes) {
  std::vector<std::int32_t> labels(65'537);
  std::iota(labels.begin(), labels.end(), 0);
  write("train-labels-idx1-ubyte", idx_bytes(IdxType::kInt32, {65'537}, int32_bytes(labels)));
  EXPECT_TRUE(holds(message_of_folder(path()),
                    "65,537 different labels, from 0 to 65536; a data set has at most 65,536"));
}

// ---- Images

TEST_F(IdxFolder, Float32IsUsedAsItIs) {
  // 0.5 is 3f000000, -2 is c0000000: IEEE 754
  const std::string numbers = int32_bytes({0x3f000000, -0x40000000, 0, 0x3f000000});
  write("train-images-idx3-ubyte",
        idx_bytes(IdxType::kFloat32, {3, 2, 2}, numbers + numbers + numbers));
  write("t10k-images-idx3-ubyte.gz", idx_bytes(IdxType::kFloat32, {2, 2, 2}, numbers + numbers));
  const auto [data, checksum] = read_image_folder(path());
  EXPECT_TRUE(data.train.pixels.empty());
  EXPECT_EQ(data.train.values,
            (std::vector<float>{0.5F, -2, 0, 0.5F, 0.5F, -2, 0, 0.5F, 0.5F, -2, 0, 0.5F}));
  EXPECT_FALSE(checksum.pixel_divisor);
}

TEST_F(IdxFolder, Float64IsRounded) {
  // 0.1 is 3fb999999999999a
  const std::string number = int32_bytes({0x3fb99999, -0x66666666});
  write("train-images-idx3-ubyte",
        idx_bytes(IdxType::kFloat64, {3, 1, 1}, number + number + number));
  write("t10k-images-idx3-ubyte.gz", idx_bytes(IdxType::kFloat64, {2, 1, 1}, number + number));
  EXPECT_EQ(load_image_data(path()).train.values, std::vector<float>(3, 0.1F));
}

TEST_F(IdxFolder, WholeNumbersAreDividedByTheLargestOfTheTrainingSet) {
  write("train-images-idx3-ubyte",
        idx_bytes(IdxType::kInt32, {3, 1, 1}, int32_bytes({100, -400, 0})));
  write("t10k-images-idx3-ubyte.gz",
        idx_bytes(IdxType::kInt32, {2, 1, 1}, int32_bytes({800, 200})));
  const auto [data, checksum] = read_image_folder(path());
  EXPECT_EQ(data.train.values, (std::vector<float>{0.25F, -1, 0}));
  EXPECT_EQ(data.test.values, (std::vector<float>{2, 0.5F}));
  EXPECT_EQ(checksum.pixel_divisor, 400);
}

TEST_F(IdxFolder, ImagesThatAreAllZeroStayZero) {
  write("train-images-idx3-ubyte", idx_bytes(IdxType::kInt16, {3, 1, 1}, std::string(6, '\0')));
  write("t10k-images-idx3-ubyte.gz", idx_bytes(IdxType::kInt16, {2, 1, 1}, std::string(4, '\0')));
  EXPECT_EQ(load_image_data(path()).train.values, std::vector<float>(3, 0.0F));
}

TEST_F(IdxFolder, NanIsNamedWithItsPlace) {
  std::vector<std::int32_t> bits(12, 0);
  bits[4 + 2 + 1] = 0x7fc00000;  // of the second image, its last pixel
  write("train-images-idx3-ubyte", idx_bytes(IdxType::kFloat32, {3, 2, 2}, int32_bytes(bits)));
  EXPECT_TRUE(holds(message_of_folder(path()), "NaN at image 1, row 1, column 1 (counted from 0)"));
}

TEST_F(IdxFolder, ChannelsAreInputsOfARow) {
  write("train-images-idx3-ubyte", idx_bytes(IdxType::kUint8, {3, 2, 4, 3}, std::string(72, '\1')));
  write("t10k-images-idx3-ubyte.gz",
        idx_bytes(IdxType::kUint8, {2, 2, 4, 3}, std::string(48, '\1')));
  const auto data = load_image_data(path());
  EXPECT_EQ(data.train.rows, 2);
  EXPECT_EQ(data.train.inputs(), 12);
  EXPECT_EQ(data.test.offset(2), 48U);
}

TEST_F(IdxFolder, TwoOrFiveDimensionsAreNoImages) {
  write("train-images-idx3-ubyte", idx_bytes(IdxType::kUint8, {3, 4}, std::string(12, '\1')));
  EXPECT_TRUE(holds(message_of_folder(path()), "uint8 [3, 4]: images have three dimensions"));
  write("train-images-idx3-ubyte",
        idx_bytes(IdxType::kUint8, {3, 1, 1, 2, 2}, std::string(12, '\1')));
  EXPECT_TRUE(holds(message_of_folder(path()), "channels at the end"));
}

TEST_F(IdxFolder, TestImagesOfAnotherType) {
  write("t10k-images-idx3-ubyte.gz", idx_bytes(IdxType::kInt8, {2, 2, 2}, std::string(8, '\1')));
  EXPECT_TRUE(holds(message_of_folder(path()), "training images are uint8, test images int8"));
}

// Two images of 2x3 pixels with two channels.
TEST(ImageSet, IsTransposedPixelByPixel) {
  ImageSet images;
  images.count = 2;
  images.rows = 2;
  images.columns = 3;
  images.channels = 2;
  for (std::uint8_t i = 0; i < 24; ++i) images.pixels.push_back(i);
  const ImageSet before = images;
  transpose_images(images);
  EXPECT_EQ(images.rows, 3);
  EXPECT_EQ(images.columns, 2);
  EXPECT_EQ(images.pixels,
            (std::vector<std::uint8_t>{0,  1,  6,  7,  2,  3,  8,  9,  4,  5,  10, 11,  //
                                       12, 13, 18, 19, 14, 15, 20, 21, 16, 17, 22, 23}));
  transpose_images(images);
  EXPECT_EQ(images.pixels, before.pixels);
}

// ---- Identity

TEST_F(IdxFolder, PackingDoesNotChangeTheIdentity) {
  const auto before = checksum_of_data(path());
  write("train-images-idx3-ubyte", gzipped(images_file(3, 2, 12)));
  write("t10k-images-idx3-ubyte.gz", images_file(2, 2, 8));
  const auto after = checksum_of_data(path());
  EXPECT_EQ(after.sha256, before.sha256);
  EXPECT_NE(after.files, before.files);
  EXPECT_EQ(read_image_folder(path()).checksum.sha256, before.sha256);
}

// Earlier versions gave these files a model of ten outputs: their runs are other runs.
TEST_F(IdxFolder, FewerThanTenClassesAreAnotherIdentityThanBefore) {
  const auto checksum = checksum_of_data(path());
  EXPECT_EQ(checksum.former_sha256, "");
  std::string digests;
  for (const auto& [name, sha256] : checksum.files) digests += sha256;
  EXPECT_NE(checksum.sha256, sha256_of(digests));
}

TEST_F(IdxFolder, TenClassesHaveTheIdentityOfEarlierVersionsBesidesTheirOwn) {
  const std::string digits = {"\0\1\2\3\4\5\6\7\10\11", 10};
  write("train-images-idx3-ubyte", images_file(10, 2, 40));
  write("train-labels-idx1-ubyte", labels_file(10, digits));
  const auto checksum = checksum_of_data(path());
  std::string digests;
  for (const auto& [name, sha256] : checksum.files) digests += sha256;
  EXPECT_EQ(checksum.former_sha256, sha256_of(digests));
  EXPECT_NE(checksum.sha256, checksum.former_sha256);
}

// The identity that the runs in results/ have.
// Image n has the pixels 2n and 2n + 1.
ImageData ten_images() {
  ImageData data;
  data.train = {10, 2, 1, 1, {}, {}, {}};
  for (std::uint8_t n = 0; n < 10; ++n) {
    data.train.pixels.insert(data.train.pixels.end(), {static_cast<std::uint8_t>(2 * n),
                                                       static_cast<std::uint8_t>(2 * n + 1)});
    data.train.labels.push_back(n % 2);
  }
  data.classes = {0, 1};
  return data;
}

TEST(ValidationSet, HasImagesThatTheTrainingSetLacks) {
  ImageData data = ten_images();
  split_off_validation_set(data, 0.3, 0, "folder");
  EXPECT_EQ(data.train.count, 7);
  EXPECT_EQ(data.validation.count, 3);
  std::vector<std::uint32_t> places;
  for (const auto* images : {&data.train, &data.validation})
    for (std::size_t n = 0; n < images->labels.size(); ++n) {
      const std::uint32_t place = images->places[n];
      places.push_back(place);
      EXPECT_EQ(images->pixels[images->offset(n)], 2 * place);
      EXPECT_EQ(images->labels[n], place % 2);
    }
  std::sort(places.begin(), places.end());
  for (std::uint32_t n = 0; n < 10; ++n) EXPECT_EQ(places[n], n);
}

TEST(ValidationSet, OfImagesDependsOnTheSeedOnly) {
  const auto places = [](std::uint64_t seed) {
    ImageData data = ten_images();
    split_off_validation_set(data, 0.3, seed, "folder");
    return data.validation.places;
  };
  EXPECT_EQ(places(1), places(1));
  EXPECT_NE(places(1), places(2));
}

TEST(ValidationSet, OfImagesLeavesEachClassToTheTrainingSet) {
  ImageData data = ten_images();
  data.train.labels = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  int refused = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) try {
      ImageData copy = data;
      split_off_validation_set(copy, 0.5, seed, "folder");
    } catch (const DataError& error) {
      EXPECT_TRUE(holds(error.what(), "folder: the split leaves no training image of class 1"));
      ++refused;
    }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 20);
  EXPECT_TRUE(holds(message_of<DataError>([&] { split_off_validation_set(data, 1, 0, "folder"); }),
                    "leaves nothing for training; choose another --validation-share"));
}

TEST_F(IdxFolder, OfOneClassIsRefused) {
  write("train-labels-idx1-ubyte", labels_file(3, {"\7\7\7", 3}));
  EXPECT_TRUE(holds(message_of_folder(path()), "all labels are 7, one class only"));
  EXPECT_THROW(checksum_of_data(path()), DataError);
}

TEST(FashionMnist, HasTheIdentityOfEarlierVersions) {
  const auto checksum = checksum_of_data(kFashionMnist);
  EXPECT_EQ(checksum.sha256, "f0616db38b9c48cb7686a79a32adc10500295453ef551cb1b34cc03d5010c93e");
  EXPECT_EQ(checksum.former_sha256, checksum.sha256);
}

TEST(FashionMnist, HasTheSameIdentityUnpacked) {
  const TemporaryFolder folder;
  for (const auto& entry : fs::directory_iterator(kFashionMnist)) {
    const std::string packed = read_file(entry.path());
    const IdxFile idx = parse_idx(packed, "");
    write_text(folder.path() / entry.path().stem(),
               idx_bytes(idx.type, idx.sizes, {idx.bytes.begin(), idx.bytes.end()}));
  }
  EXPECT_EQ(checksum_of_data(folder.path()).sha256, checksum_of_data(kFashionMnist).sha256);
}

}  // namespace
}  // namespace clipsweep
