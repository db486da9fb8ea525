#include "clipsweep/io/gzip_file.h"

#include <gtest/gtest.h>

#include "clipsweep/base/error.h"
#include "clipsweep/io/log_file.h"
#include "clipsweep/io/temporary_folder.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

std::string packed(const std::string& content) {
  GzipPacker packer;
  std::string file(packer.add(content));
  file += packer.finish();
  return file;
}

class GzipFileTest : public ::testing::Test {
 protected:
  // What a file with these bytes unpacks to, read in pieces of this size.
  std::string unpacked(const std::string& bytes, std::size_t piece_size = 1000) {
    write_text(path_, bytes);
    GzipFile file(path_);
    std::string content;
    std::string piece(piece_size, '\0');
    while (const std::size_t count = file.read(piece.data(), piece.size()))
      content.append(piece, 0, count);
    has_usual_form_ = file.has_usual_form();
    return content;
  }
  std::string refusal(const std::string& bytes) {
    return message_of<DataError>([&] { unpacked(bytes); });
  }

  TemporaryFolder folder_;
  fs::path path_ = folder_.path() / "steps.jsonl.gz";
  bool has_usual_form_ = false;
};

// 300 kB, more than the buffers hold.
std::string numbers() {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i * 7919 % 100'003) + "\n";
  return text;
}

TEST_F(GzipFileTest, UnpacksWhatWasPacked) {
  for (const std::string& content : {std::string(), std::string("x"), numbers()})
    for (const std::size_t piece_size : {1UL, 7UL, 65'536UL, 1'000'000UL}) {
      EXPECT_EQ(unpacked(packed(content), piece_size), content);
      EXPECT_TRUE(has_usual_form_);
    }
}

TEST_F(GzipFileTest, PacksPiecesAsItPacksTheWhole) {
  const std::string content = numbers();
  GzipPacker packer;
  std::string file;
  for (std::size_t i = 0; i < content.size(); i += 777) file += packer.add(content.substr(i, 777));
  file += packer.finish();
  EXPECT_EQ(file, packed(content));
}

TEST_F(GzipFileTest, SaysThatAFileIsTruncatedWhereverItEnds) {
  const std::string file = packed("{\"step\":1}\n{\"step\":2}\n");
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_EQ(refusal(file.substr(0, size)), path_.string() + ": the gzip stream is truncated");
}

TEST_F(GzipFileTest, RefusesWhatFollowsItsMember) {
  const std::string file = packed("{\"step\":1}\n");
  for (const std::string& more : {std::string(1, '\0'), std::string("x"), file})
    EXPECT_EQ(refusal(file + more), path_.string() + ": bytes follow the end of the gzip stream");
}

TEST_F(GzipFileTest, NoticesEachBitThatChanges) {
  const std::string content = "{\"step\":1,\"loss\":2.25}\n{\"step\":2,\"loss\":2.125}\n";
  const std::string file = packed(content);
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    std::string changed = file;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    try {
      const bool is_same = unpacked(changed) == content;
      EXPECT_FALSE(is_same && has_usual_form_) << "bit " << bit;
    } catch (const DataError&) {
    }
  }
}

TEST_F(GzipFileTest, RefusesWhatIsNoGzipFile) {
  EXPECT_EQ(refusal("{\"step\":1}\n{\"step\":2}\n"), path_.string() + ": not a valid gzip file");
}

// A kilobyte that unpacks to 64 MiB: a line of a log has at most 1 MiB.
TEST_F(GzipFileTest, ABombEndsAtTheLongestLine) {
  write_text(path_, packed(std::string(std::size_t{64} << 20, ' ')));
  LineReader reader(open_log(path_));
  std::string line;
  EXPECT_EQ(reader.next(line), LineEnd::kTooLong);
  EXPECT_LE(line.size(), LineReader::kMaxLineBytes);
}

class LogFileTest : public ::testing::Test {
 protected:
  void write(const std::string& content) { write_text(log_, content); }
  bool is_plain() const { return is_there(log_); }
  bool is_compressed() const { return is_there(compressed_path(log_)); }

  TemporaryFolder folder_;
  fs::path log_ = folder_.path() / "steps.jsonl";
};

TEST_F(LogFileTest, IsTheSameLogAfterItIsCompressed) {
  write(numbers());
  const std::string hash = sha256_of_log(log_);
  EXPECT_EQ(hash, sha256_of(numbers()));
  compress_log(log_);
  EXPECT_FALSE(is_plain());
  EXPECT_TRUE(is_compressed());
  EXPECT_EQ(stored_log(log_), compressed_path(log_));
  EXPECT_EQ(sha256_of_log(log_), hash);
  EXPECT_TRUE(has_usual_compression(log_));
  compress_log(log_);  // there is nothing to do
  EXPECT_EQ(sha256_of_log(log_), hash);
}

// As after a kill before LOG was removed, or a claim of the run.
TEST_F(LogFileTest, RemovesADuplicateAndNothingElse) {
  write("{}\n");
  compress_log(log_);
  for (const char* duplicate : {"", "{}\n"}) {
    write(duplicate);
    EXPECT_TRUE(is_duplicate_log(log_));
    compress_log(log_);
    EXPECT_FALSE(is_plain());
  }
  write("{}\n{}\n");
  compress_log(log_);
  EXPECT_TRUE(is_plain());
  EXPECT_EQ(sha256_of_log(log_), sha256_of("{}\n"));
}

}  // namespace
}  // namespace clipsweep
