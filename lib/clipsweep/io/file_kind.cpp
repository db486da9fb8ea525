#include "clipsweep/io/file_kind.h"

#include <algorithm>
#include <array>

#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

using namespace std::string_view_literals;

struct FileKind {
  std::string_view beginning;
  const char* name_and_advice;
};

// In lower case, since web servers write both.
constexpr std::array<FileKind, 6> kTextKinds = {{
    {"<!doctype html"sv, "a web page (HTML), not data; the download failed, fetch the file again"},
    {"<html"sv, "a web page (HTML), not data; the download failed, fetch the file again"},
    {"<head"sv, "a web page (HTML), not data; the download failed, fetch the file again"},
    {"<?xml"sv, "an XML page, not data; the download failed, fetch the file again"},
    {"version https://git-lfs.github.com/"sv,
     "a Git LFS pointer, not the data; run git lfs pull in its repository"},
    {"%pdf"sv, "a PDF document, not data"},
}};

constexpr std::array<FileKind, 10> kBinaryKinds = {{
    {"\x1f\x8b"sv, "a gzip file inside a gzip file; unpack it once"},
    {"PK\3\4"sv, "a zip archive; unpack it"},
    {"\x93NUMPY"sv, "a NumPy array (.npy), not an IDX file"},
    {"\x89HDF"sv, "an HDF5 file, not an IDX file"},
    {"\x89PNG"sv, "a PNG picture, not an IDX file"},
    {"\xff\xd8\xff"sv, "a JPEG picture, not an IDX file"},
    {"BZh"sv, "a bzip2 file; unpack it with bunzip2"},
    {"\xfd"
     "7zXZ\0"sv,
     "an xz file; unpack it with unxz"},
    {"7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive; unpack it"},
    {"\x28\xb5\x2f\xfd"sv, "a Zstandard file; unpack it with unzstd"},
}};

bool begins_with(std::string_view text, std::string_view beginning) {
  return text.substr(0, beginning.size()) == beginning;
}

bool is_text(std::string_view bytes) {
  return !bytes.empty() && std::all_of(bytes.begin(), bytes.end(), [](char character) {
    return (character >= ' ' && character <= '~') || character == '\n' || character == '\r' ||
           character == '\t';
  });
}

}  // namespace

std::optional<std::string> known_file_kind(std::string_view bytes) {
  constexpr std::size_t kMaxLooked = 256;
  bytes = bytes.substr(0, kMaxLooked);
  for (const auto& kind : kBinaryKinds)
    if (begins_with(bytes, kind.beginning)) return kind.name_and_advice;
  const std::size_t start = begins_with(bytes, "\xef\xbb\xbf") ? 3 : 0;  // a byte order mark
  std::string text = lower_case(bytes.substr(start));
  text.erase(0, std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  for (const auto& kind : kTextKinds)
    if (begins_with(text, kind.beginning)) return kind.name_and_advice;
  constexpr std::size_t kFewBytes = 8;
  if (text.size() >= kFewBytes && is_text(text)) return "a text file, not an IDX file";
  return std::nullopt;
}

}  // namespace clipsweep
