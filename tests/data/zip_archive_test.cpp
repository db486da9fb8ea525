#include "clipsweep/data/zip_archive.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

void add_number(std::string& to, std::uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>(number >> (8 * i) & 0xff);
}

// The fields of a member's two headers that a hostile archive could choose.
struct Member {
  std::string name;
  std::string packed;
  std::uint32_t size;      // unpacked
  std::uint32_t checksum;  // of the unpacked bytes
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
};

Member stored(const std::string& name, const std::string& content) {
  const auto* bytes = reinterpret_cast<const Bytef*>(content.data());
  const auto size = static_cast<uInt>(content.size());
  return {name, content, size, static_cast<std::uint32_t>(crc32(0, bytes, size))};
}

void add_fields(std::string& to, const Member& member) {
  add_number(to, 20, 2);
  add_number(to, member.flags, 2);
  add_number(to, member.method, 2);
  add_number(to, 0x00210000, 4);  // 1980-01-01
  add_number(to, member.checksum, 4);
  add_number(to, member.packed.size(), 4);
  add_number(to, member.size, 4);
  add_number(to, member.name.size(), 2);
  add_number(to, 0, 2);
}

// An archive as PKWARE's APPNOTE describes it: local headers, central directory, its end.
std::string zip_of(const std::vector<Member>& members) {
  std::string file;
  std::string directory;
  for (const auto& member : members) {
    const std::size_t offset = file.size();
    file += "PK\x03\x04";
    add_fields(file, member);
    file += member.name + member.packed;
    directory += "PK\x01\x02";
    add_number(directory, 20, 2);
    add_fields(directory, member);
    directory += std::string(10, '\0');  // comment, disk, attributes
    add_number(directory, offset, 4);
    directory += member.name;
  }
  const std::size_t start = file.size();
  file += directory;
  file += "PK\x05\x06";
  add_number(file, 0, 4);
  add_number(file, members.size(), 2);
  add_number(file, members.size(), 2);
  add_number(file, directory.size(), 4);
  add_number(file, start, 4);
  add_number(file, 0, 2);
  return file;
}

std::string content_of(const std::string& zip, const std::string& name) {
  const ZipArchive archive = ZipArchive::from_memory(zip, "a.npz");
  const auto source = archive.open(name);
  std::string content(static_cast<std::size_t>(source->size()) + 1, '\0');
  content.resize(source->read(content.data(), content.size()));
  return content;
}

std::string refusal_of(const std::vector<Member>& members) {
  const std::string zip = zip_of(members);
  return message_of<DataError>([&] { ZipArchive::from_memory(zip, "a.npz"); });
}

TEST(ZipArchive, ListsAndReadsStoredMembers) {
  const std::string zip = zip_of({stored("x.npy", "abc"), stored("y.npy", "")});
  EXPECT_EQ(ZipArchive::from_memory(zip, "a.npz").names(),
            (std::vector<std::string>{"x.npy", "y.npy"}));
  EXPECT_EQ(content_of(zip, "x.npy"), "abc");
  EXPECT_EQ(content_of(zip, "y.npy"), "");
}

TEST(ZipArchive, FindsDamageByTheChecksum) {
  Member member = stored("x.npy", "abc");
  member.packed = "abd";
  const std::string zip = zip_of({member});
  EXPECT_TRUE(holds(message_of<DataError>([&] { content_of(zip, "x.npy"); }),
                    "a.npz: x.npy: damaged: CRC error"));
}

TEST(ZipArchive, RefusesWhatNumpyDoesNotWrite) {
  for (const char* name : {"/etc/x.npy", "../x.npy", "a/../../x.npy", "a\\x.npy"})
    EXPECT_TRUE(holds(refusal_of({stored(name, "abc")}), "outside the archive's folder")) << name;
  EXPECT_TRUE(holds(refusal_of({stored("x.npy", "a"), stored("x.npy", "b")}),
                    "two members have the name x.npy"));
  Member encrypted = stored("x.npy", "abcdefghijklmnop");
  encrypted.flags = 1;
  EXPECT_TRUE(holds(refusal_of({encrypted}), "x.npy is encrypted"));
  Member bzip2 = stored("x.npy", "abc");
  bzip2.method = 12;
  EXPECT_TRUE(holds(refusal_of({bzip2}), "packed by method 12"));
  EXPECT_TRUE(holds(message_of<DataError>([&] { ZipArchive::from_memory("hello", "a.npz"); }),
                    "a.npz: not a readable zip archive"));
}

// Refused by the list of members: nothing is unpacked or allocated.
TEST(ZipArchive, RefusesSizesThatCannotBe) {
  Member bomb = stored("x.npy", "abc");
  bomb.size = 4'000'000'000;
  bomb.method = 8;
  EXPECT_TRUE(holds(refusal_of({bomb}), "says that its 3 bytes unpack to 4000000000"));
  Member longer = stored("x.npy", "abc");
  longer.size = 4;
  EXPECT_TRUE(holds(refusal_of({longer}), "says that its 3 bytes unpack to 4"));
}

TEST(ZipBytes, AreReadAgain) {
  const std::vector<std::pair<std::string, std::string>> members = {
      {"a.npy", "first"}, {"empty.npy", ""}, {"b.npy", std::string(100'000, 'x')}};
  const std::string bytes = zip_bytes(members);
  EXPECT_EQ(zip_bytes(members), bytes);
  const ZipArchive archive = ZipArchive::from_memory(bytes, "a.npz");
  EXPECT_EQ(archive.names(), (std::vector<std::string>{"a.npy", "empty.npy", "b.npy"}));
  for (const auto& [name, content] : members) {
    const auto source = archive.open(name);
    std::string read(source->size(), ' ');
    EXPECT_EQ(source->read(read.data(), read.size()), content.size());
    EXPECT_EQ(read, content);
  }
}

}  // namespace
}  // namespace clipsweep
