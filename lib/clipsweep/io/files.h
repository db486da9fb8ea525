// Whole files read and written, logs appended to, with errors that name the file and what to do.
// Every failure to write is a StorageError; nothing is ever half there: a file is written beside
// its place and renamed into it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace clipsweep {

namespace fs = std::filesystem;

// Whether anything is at this path. Throws DataError if that cannot be found out.
bool is_there(const fs::path& path);

// A file descriptor, closed when this goes, of a regular file to be read: a pipe or a device in its
// place is refused and not waited for. Throws DataError.
class InputFile {
 public:
  explicit InputFile(const fs::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // As the file was when it was opened.
  std::size_t size() const { return size_; }
  // Reads up to so many bytes; 0 at the end.
  std::size_t read(char* to, std::size_t most);
  void go_to(std::size_t position);

 private:
  fs::path path_;
  int descriptor_ = -1;
  std::size_t size_ = 0;
};

// Throws DataError if the file is missing, unreadable or larger than `most_bytes`.
std::string read_file(const fs::path& path, std::size_t most_bytes = std::size_t{1} << 30);

// Writes a temporary file beside `path`, syncs it, renames it into place and syncs the folder.
void write_file(const fs::path& path, std::string_view content);

// Removes what `write_file` left there when its process was killed: `*.tmp`.
void remove_temporary_files(const fs::path& folder);

// With those above it.
void make_folder(const fs::path& folder);
// In a folder that is there: one that was taken away is not made anew.
void make_subfolder(const fs::path& folder);
void remove_file(const fs::path& path);

// Holds a folder for this process until it is destroyed (flock on FOLDER/.lock): for moments, while
// files are read and written that belong together. Waits for another process; throws StorageError
// if that takes more than ten seconds.
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

// Holds a file for this process until it is destroyed (flock, which the system lets go when a
// process ends, however it ends).
class FileClaim {
 public:
  // Makes the file if it is not there. Nothing if another process holds it.
  static std::optional<FileClaim> of(const fs::path& path);
  ~FileClaim();
  FileClaim(FileClaim&& other) noexcept;
  FileClaim(const FileClaim&) = delete;
  FileClaim& operator=(const FileClaim&) = delete;

  // Whether the file at this path is still the one that is held: not if it was removed meanwhile,
  // and perhaps made anew by another process.
  bool is_in_place() const;

 private:
  FileClaim(fs::path path, int descriptor);

  fs::path path_;
  int descriptor_ = -1;
};

// A log that only grows. Lines are collected in memory and written in large pieces, whole lines
// only.
class AppendFile {
 public:
  // Goes on after so many bytes, or starts the file anew. What stands behind is cut off.
  explicit AppendFile(const fs::path& path, std::uint64_t length = 0);
  ~AppendFile();
  AppendFile(AppendFile&& other) noexcept;
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  // The text to append to: whole lines, each with its line break. Call `wrote_line` after each.
  std::string& buffer() { return buffer_; }
  void wrote_line();

  // Hands everything to the operating system. Returns the length of the file.
  std::uint64_t flush();
  // Takes back what was appended since `flush` returned this length.
  void cut_back_to(std::uint64_t length);
  // `flush`, then waits until the disk has it, and closes the file.
  void close();

 private:
  fs::path path_;
  std::string buffer_;
  std::uint64_t length_ = 0;  // without the buffer
  int descriptor_ = -1;
};

}  // namespace clipsweep
