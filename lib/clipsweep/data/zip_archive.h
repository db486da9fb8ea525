// Reads the members of a zip archive, stored or deflated, and writes archives, by libzip. Nothing
// is written to disk: a member's name is only a name. Still, an archive is refused if a name could
// leave a folder.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clipsweep/data/sized_source.h"

namespace clipsweep {

class ZipArchive {
 public:
  // Opens an archive and checks its list of members. Throws DataError that begins with `where` if
  // it is not a zip archive, or if a member is encrypted, packed by another method than deflate,
  // has a name twice, a name with an absolute path or `..`, or a size that its packed bytes cannot
  // have.
  static ZipArchive from_file(const fs::path& path);
  // The bytes must outlive the archive.
  static ZipArchive from_memory(std::string_view bytes, const std::string& where);

  ~ZipArchive();
  ZipArchive(ZipArchive&& other) noexcept;
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;

  // In the order of the archive.
  const std::vector<std::string>& names() const;

  // Opens a member for reading; the archive must outlive it. Reading its end checks its checksum.
  // Throws std::logic_error if there is none of this name, DataError if it is damaged.
  std::unique_ptr<SizedSource> open(const std::string& name) const;

 private:
  struct Members;
  explicit ZipArchive(std::unique_ptr<Members> members);
  std::unique_ptr<Members> members_;
};

// The bytes of an archive of these members (name, content), stored. Throws std::bad_alloc.
std::string zip_bytes(const std::vector<std::pair<std::string, std::string>>& members);

}  // namespace clipsweep
