#include "clipsweep/data/idx_file.h"

#include <gtest/gtest.h>

#include "clipsweep/base/error.h"
#include "clipsweep/io/sha256.h"
#include "support/idx_samples.h"

namespace clipsweep {
namespace {

std::string refusal_of(const std::string& file) {
  return message_of<DataError>([&] { parse_idx(file, "x"); });
}

const std::string kThreeBytes = idx_bytes(IdxType::kUint8, {3}, "abc");

TEST(IdxFile, IsReadWithAnyTypeAndShape) {
  const IdxFile idx = parse_idx(idx_bytes(IdxType::kInt16, {2, 1}, {"\377\376\1\2", 4}), "x");
  EXPECT_EQ(description(idx), "int16 [2, 1]");
  EXPECT_EQ(idx.count(), 2U);
  EXPECT_EQ(whole_numbers(idx), (std::vector<std::int32_t>{-2, 258}));
  EXPECT_EQ(as_floats(idx), (std::vector<float>{-2, 258}));
  EXPECT_EQ(whole_numbers(parse_idx(idx_bytes(IdxType::kInt8, {1}, "\200"), "x")),
            (std::vector<std::int32_t>{-128}));
}

TEST(IdxFile, GivesEveryNthNumber) {
  const IdxFile idx = parse_idx(idx_bytes(IdxType::kUint8, {5}, "\1\2\3\4\5"), "x");
  EXPECT_EQ(whole_numbers(idx, 1, 2), (std::vector<std::int32_t>{2, 4}));
}

// ---- Gzip

TEST(IdxFile, IsUnpackedIfItsContentIsGzip) {
  EXPECT_EQ(parse_idx(gzipped(kThreeBytes), "x.idx").bytes, parse_idx(kThreeBytes, "x.gz").bytes);
}

TEST(IdxFile, MayHaveSeveralGzipMembers) {
  const std::string members =
      gzipped(kThreeBytes.substr(0, 2)) + gzipped("") + gzipped(kThreeBytes.substr(2));
  EXPECT_EQ(parse_idx(members, "x").bytes, parse_idx(kThreeBytes, "x").bytes);
}

TEST(IdxFile, MayEndInZerosIfItIsGzip) {
  EXPECT_EQ(parse_idx(gzipped(kThreeBytes) + std::string(512, '\0'), "x").count(), 3U);
  EXPECT_TRUE(holds(refusal_of(kThreeBytes + '\0'), "too long: 1 bytes follow"));
}

TEST(IdxFile, MustNotEndInOtherBytes) {
  EXPECT_TRUE(holds(refusal_of(gzipped(kThreeBytes) + "rest"), "bytes follow the end"));
  EXPECT_TRUE(holds(refusal_of(gzipped(kThreeBytes) + gzipped("rest")), "too long"));
  const std::string cut = gzipped("").substr(0, 12);
  EXPECT_TRUE(holds(refusal_of(gzipped(kThreeBytes) + cut), "gzip stream is truncated"));
}

TEST(IdxFile, HashIsThatOfTheUnpackedFile) {
  const std::string file = idx_bytes(IdxType::kFloat32, {1, 2}, "abcdefgh");
  EXPECT_EQ(sha256_of_unpacked(parse_idx(gzipped(file), "x")), sha256_of(file));
}

// ---- What is no IDX file

TEST(IdxFile, LittleEndianIsNamed) {
  const std::string reversed = {"\1\10\0\0\3\0\0\0abc", 11};
  EXPECT_TRUE(holds(refusal_of(reversed), "little-endian (its first four bytes are reversed)"));
  EXPECT_TRUE(holds(refusal_of(gzipped(reversed)), "little-endian"));
  const std::string sizes_only = {"\0\0\10\1\3\0\0\0abc", 11};
  EXPECT_TRUE(holds(refusal_of(sizes_only), "little-endian (its sizes fit only if reversed)"));
  EXPECT_TRUE(holds(refusal_of(gzipped(sizes_only)), "little-endian"));
}

TEST(IdxFile, OtherKindsAreNamed) {
  const std::vector<std::pair<std::string, const char*>> kinds = {
      {"\n <!DOCTYPE HTML><title>404</title>", "a web page (HTML)"},
      {"<html>", "a web page (HTML)"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n",
       "a Git LFS pointer, not the data; run git lfs pull"},
      {"PK\3\4 and so on", "a zip archive"},
      {"\x93NUMPY\1", "a NumPy array (.npy)"},
      {"BZh91AY", "a bzip2 file"},
      {"label,pixel1,pixel2\n7,0,0\n", "a text file"},
  };
  for (const auto& [content, words] : kinds) {
    EXPECT_TRUE(holds(refusal_of(content), words));
    EXPECT_TRUE(holds(refusal_of(gzipped(content)), words));
  }
  EXPECT_TRUE(holds(refusal_of(gzipped(gzipped(kThreeBytes))), "a gzip file inside a gzip file"));
}

TEST(IdxFile, OtherBytesAreShown) {
  EXPECT_TRUE(holds(refusal_of({"\0\0\17\1\0\0\0\1a", 9}), "0x0f is no type of numbers"));
  EXPECT_TRUE(holds(refusal_of({"\377\1\2\3\4", 5}), "begins with 0xff010203, but"));
  EXPECT_TRUE(holds(refusal_of({"\0\0\10\0\0", 5}), "0 dimensions; it must have 1 to 8"));
  EXPECT_TRUE(holds(refusal_of({"\0\0\10\2\0", 5}), "5 bytes are too few for an IDX header"));
}

TEST(IdxFile, SizesBeyondTheFileAllocateNothing) {
  EXPECT_TRUE(holds(refusal_of(idx_bytes(IdxType::kFloat64, {0x20000000, 0xffffffff, 8}, "abc")),
                    "truncated: the header says"));
}

}  // namespace
}  // namespace clipsweep
