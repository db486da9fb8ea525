#include "clipsweep/data/idx_folder.h"

#include <gtest/gtest.h>

#include <cctype>
#include <functional>

#include "clipsweep/base/error.h"
#include "clipsweep/tasks/image_folder.h"
#include "support/idx_samples.h"

namespace clipsweep {
namespace {

const std::vector<std::string> kNames = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                         "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"};

// A folder in which the files have other names.
class IdxNames : public IdxFolder {
 protected:
  void rename_all(const std::function<std::string(std::string)>& renamed) {
    for (const auto& name : kNames) rename(name, renamed(name));
  }
  std::string refusal() {
    return message_of<DataError>([&] { find_idx_files(path()); });
  }
  int test_images() { return load_image_data(path()).test.count; }
};

std::string replaced(std::string text, const std::string& part, const std::string& by) {
  const auto at = text.find(part);
  return at == std::string::npos ? text : text.replace(at, part.size(), by);
}

TEST_F(IdxNames, MayHaveADot) {
  rename_all([](auto name) { return replaced(name, "-idx", ".idx"); });
  EXPECT_EQ(test_images(), 2);
}

TEST_F(IdxNames, MayBeInUpperCase) {
  rename_all([](auto name) {
    for (char& letter : name) letter = static_cast<char>(std::toupper(letter));
    return name;
  });
  EXPECT_EQ(test_images(), 2);
}

TEST_F(IdxNames, MayHaveAPrefixAndSayTest) {
  rename_all([](auto name) { return "emnist-letters-" + replaced(name, "t10k", "test"); });
  EXPECT_EQ(test_images(), 2);
}

TEST_F(IdxNames, MayBeThoseOfQmnist) {
  rename_all([](auto name) {
    return "qmnist-" + replaced(replaced(name, "t10k", "test"), "idx1-ubyte", "idx2-int");
  });
  write("qmnist-train-labels.tsv.gz", "text");
  write("xnist-images-idx3-ubyte.xz", "other");
  EXPECT_EQ(test_images(), 2);
}

TEST_F(IdxNames, MayBeInTheFolderOfTorchvision) {
  rename_all([](auto name) { return "MNIST/raw/" + name; });
  EXPECT_EQ(test_images(), 2);
  EXPECT_EQ(checksum_of_data(path()).files[0].first, "MNIST/raw/train-images-idx3-ubyte");
  EXPECT_EQ(load_image_data(path() / "MNIST").test.count, 2);
  EXPECT_EQ(load_image_data(path() / "MNIST/raw").test.count, 2);
}

TEST_F(IdxNames, MayBeFoldersWithTheFileInIt) {
  rename_all([](auto name) { return name + ".dir"; });
  for (const auto& name : kNames)
    rename(name + ".dir", name + "/" + replaced(name, "-idx", ".idx"));
  EXPECT_EQ(test_images(), 2);
}

// As torchvision leaves them.
TEST_F(IdxNames, MayBeThereTwiceWithTheSameContent) {
  write("train-images-idx3-ubyte.gz", gzipped(images_file(3, 2, 12)));
  EXPECT_EQ(test_images(), 2);
  EXPECT_EQ(find_idx_files(path())[0].front().extension(), ".gz");
}

TEST_F(IdxNames, TwoFilesThatDifferAreBothNamed) {
  write("train-images-idx3-ubyte.gz", gzipped(images_file(3, 3, 27)));
  const std::string message = message_of<DataError>([&] { load_image_data(path()); });
  EXPECT_TRUE(holds(message, "train-images-idx3-ubyte.gz and "));
  EXPECT_TRUE(holds(message, "train-images-idx3-ubyte hold different data"));
  EXPECT_THROW(checksum_of_data(path()), DataError);
}

TEST_F(IdxNames, APrefixChoosesOneOfSeveralDataSets) {
  rename_all([](auto name) { return "emnist-letters-" + name; });
  const auto write_digits = [&](const std::string& name, const std::string& content) {
    write("emnist-digits-" + name, content);
  };
  write_digits("train-images-idx3-ubyte", images_file(3, 2, 12));
  write_digits("train-labels-idx1-ubyte", labels_file(3, {"\0\1\2", 3}));
  write_digits("t10k-images-idx3-ubyte", images_file(1, 2, 4));
  write_digits("t10k-labels-idx1-ubyte", labels_file(1, {"\1", 1}));
  EXPECT_THROW(load_image_data(path()), DataError);
  EXPECT_EQ(load_image_data(path() / "emnist-letters").test.count, 2);
  EXPECT_EQ(load_image_data(path() / "EMNIST-digits").test.count, 1);
}

TEST_F(IdxNames, OfTwoDataSetsAreNotMixed) {
  rename("t10k-labels-idx1-ubyte.gz", "kmnist-t10k-labels-idx1-ubyte.gz");
  EXPECT_TRUE(holds(refusal(), "kmnist-t10k-labels-idx1-ubyte.gz is of another data set"));
}

TEST_F(IdxNames, MissingFilesAreExplained) {
  remove("t10k-images-idx3-ubyte.gz");
  EXPECT_TRUE(holds(refusal(), "no t10k-images-idx3-ubyte.gz (or without .gz) in this folder"));
  EXPECT_TRUE(holds(refusal(), "which has t10k-labels-idx1-ubyte.gz, train-images-idx3-ubyte"));
  for (const auto& name : kNames) remove(name);
  EXPECT_TRUE(holds(refusal(), "this folder is empty"));
  const auto refusal_at = [&](const char* name) {
    return message_of<DataError>([&] { find_idx_files(path() / name); });
  };
  EXPECT_TRUE(holds(refusal_at("no"), "no: there is no such folder"));
  write("data.npz", "x");
  EXPECT_TRUE(holds(refusal_at("data.npz"), "data.npz: this is a file"));
}

}  // namespace
}  // namespace clipsweep
