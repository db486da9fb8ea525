// Reads and writes whole files and appends to logs; errors name the file and what to do. Every
// failure to write is a StorageError. Writes are atomic: a temporary file is written next to the
// target and renamed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace clipsweep {

namespace fs = std::filesystem;

// Whether the path exists. Throws DataError if that cannot be determined.
bool is_there(const fs::path& path);

// A regular file, open for reading until destruction. Pipes and devices are refused without waiting
// for them. Throws DataError.
class InputFile {
 public:
  explicit InputFile(const fs::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // The size of the file when it was opened.
  std::size_t size() const { return size_; }
  // Reads up to `max_bytes` bytes and returns how many; 0 at the end.
  std::size_t read(char* to, std::size_t max_bytes);
  void go_to(std::size_t position);

 private:
  fs::path path_;
  int descriptor_ = -1;
  std::size_t size_ = 0;
};

// Throws DataError if the file is missing, unreadable or larger than `max_bytes`.
std::string read_file(const fs::path& path, std::size_t max_bytes = std::size_t{1} << 30);

// Writes a temporary file next to `path`, syncs it, renames it to `path` and syncs the folder.
void write_file(const fs::path& path, std::string_view content);

// Removes the temporary files, `*.tmp`, that a killed process left in the folder.
void remove_temporary_files(const fs::path& folder);

// Creates the folder and its parents.
void make_folder(const fs::path& folder);
// Creates the folder. The parent must exist; it is never created.
void make_subfolder(const fs::path& folder);
void remove_file(const fs::path& path);

// Locks a folder for this process until destruction (flock on FOLDER/.lock), for the moment in
// which files that belong together are read and written. Waits for another process; throws
// StorageError after ten seconds.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

// Claims a file for this process until destruction (flock, which the system releases when a process
// ends for any reason).
class FileClaim {
 public:
  // Creates the file if it does not exist. nullopt if another process has claimed it.
  static std::optional<FileClaim> of(const fs::path& path);
  ~FileClaim();
  FileClaim(FileClaim&& other) noexcept;
  FileClaim(const FileClaim&) = delete;
  FileClaim& operator=(const FileClaim&) = delete;

  // Whether the file at this path is still the claimed one: false if it was removed since, even if
  // another process has created it again.
  bool is_in_place() const;

 private:
  FileClaim(fs::path path, int descriptor);

  fs::path path_;
  int descriptor_ = -1;
};

// A log that is appended to. Lines are buffered and written in large chunks of whole lines.
class AppendFile {
 public:
  // Keeps the first `length` bytes of the file and truncates the rest.
  explicit AppendFile(const fs::path& path, std::uint64_t length = 0);
  ~AppendFile();
  AppendFile(AppendFile&& other) noexcept;
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  // The buffer to append whole lines to, each with its line break. Call `wrote_line` after each.
  std::string& buffer() { return buffer_; }
  void wrote_line();

  // Passes the buffer to the operating system. Returns the length of the file.
  std::uint64_t flush();
  // Removes what was appended since `flush` returned this length.
  void cut_back_to(std::uint64_t length);
  // Flushes, syncs to disk and closes the file.
  void close();

 private:
  fs::path path_;
  std::string buffer_;
  std::uint64_t length_ = 0;  // without the buffer
  int descriptor_ = -1;
};

}  // namespace clipsweep
