// Whole files read and written, logs appended to, with errors that name the file and what to do.
// Every failure to write is a StorageError; nothing is ever half there: a file is written beside
// its place and renamed into it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace clipsweep {

namespace fs = std::filesystem;

// Throws DataError if the file is missing, unreadable or larger than `most_bytes`.
std::string read_file(const fs::path& path, std::size_t most_bytes = std::size_t{1} << 30);

// Writes a temporary file beside `path`, syncs it, renames it into place and syncs the folder.
void write_file(const fs::path& path, std::string_view content);

void make_folder(const fs::path& folder);
void remove_file(const fs::path& path);

// Holds a folder for this process until it is destroyed (flock on FOLDER/.lock). Throws
// StorageError if another process holds it.
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

// A log that only grows. Lines are collected in memory and written in large pieces, whole lines
// only.
class AppendFile {
 public:
  // Starts the file anew.
  explicit AppendFile(const fs::path& path);
  ~AppendFile();
  AppendFile(AppendFile&& other) noexcept;
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  // The text to append to: whole lines, each with its line break. Call `wrote_line` after each.
  std::string& buffer() { return buffer_; }
  void wrote_line();

  // Hands everything to the operating system.
  void flush();
  // `flush`, then waits until the disk has it, and closes the file.
  void close();

 private:
  fs::path path_;
  std::string buffer_;
  int descriptor_ = -1;
};

}  // namespace clipsweep
