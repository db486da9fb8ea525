// Reads and writes whole files and appends to logs; errors name the file and what to do. Every
// failure to write is a StorageError. Writes are atomic: a temporary file is written next to the
// target and renamed. What the system cannot read is tried again for a moment, then it is an
// UnreadableError; a missing file is a DataError.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/base/error.h"
#include "clipsweep/io/sha256.h"

namespace clipsweep {

namespace fs = std::filesystem;

// Throws a StorageError that says the same and what to do, for a file without which nothing can be
// trained: TooManyFilesError if it could not be opened for that reason.
[[noreturn]] void throw_as_storage_error(const UnreadableError& error);

// Whether the path exists, links followed. Throws UnreadableError if that cannot be determined.
bool is_there(const fs::path& path);

// Whether the path is a folder, links followed. Throws UnreadableError.
bool is_folder(const fs::path& path);

// What is at a path, links not followed; `not_found` if there is nothing. Throws UnreadableError.
fs::file_status link_status(const fs::path& path);

// What is in a folder, in alphabetical order; nothing if there is no such folder. Throws
// UnreadableError.
std::vector<fs::path> paths_in(const fs::path& folder);

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
  // Reads exactly this many bytes. Throws UnreadableError if the file ends before.
  void read_fully(char* to, std::size_t bytes);
  void go_to(std::size_t position) { position_ = position; }

 private:
  fs::path path_;
  int descriptor_ = -1;
  std::size_t size_ = 0;
  std::size_t position_ = 0;
};

// Throws DataError if the file is missing, unreadable or larger than `max_bytes`.
std::string read_file(const fs::path& path, std::size_t max_bytes = std::size_t{1} << 30);

// The hash of the first `length` bytes of a file; without a length, of all of them. Throws
// DataError if it cannot be read or is shorter.
Sha256 hash_of_beginning(const fs::path& path, std::optional<std::uint64_t> length = {});

// Tells this process from all others that may write to the same folder, on any machine:
// `4711-9f3c02ab`, its ID and 8 random hex digits.
const std::string& process_token();

// A file that is written piece by piece and takes its place, `path`, when it is complete. Without
// `commit` it leaves nothing behind.
class ReplacingFile {
 public:
  // Creates a temporary file next to `path`.
  explicit ReplacingFile(const fs::path& path);
  ~ReplacingFile();
  ReplacingFile(const ReplacingFile&) = delete;
  ReplacingFile& operator=(const ReplacingFile&) = delete;

  void write(std::string_view content);
  // Syncs the temporary file, renames it to `path` and syncs the folder. Returns false if another
  // process has removed the temporary file, which it took for one that a killed process left.
  bool try_to_commit();
  // The same where no other process may do so. Throws StorageError.
  void commit();

 private:
  fs::path path_;
  fs::path temporary_;
  int descriptor_ = -1;
  bool is_in_place_ = false;
};

// Writes a whole file in this way.
void write_file(const fs::path& path, std::string_view content);

// Removes the temporary files, `*.tmp`, that a killed process left in the folder.
void remove_temporary_files(const fs::path& folder);

// Creates the folder and its parents, and syncs their names.
void make_folder(const fs::path& folder);
// Creates the folder. The parent must exist; it is never created. Returns whether the folder is
// new.
bool make_subfolder(const fs::path& folder);
// Both return whether there was such a file. An existing `to` is replaced.
bool move_file(const fs::path& from, const fs::path& to);
bool remove_file(const fs::path& path);
// Makes the names of the files in a folder durable, as far as the file system can.
void sync_folder(const fs::path& folder);

// Locks a folder for this process until destruction (flock on FOLDER/.lock), for the moment in
// which files that belong together are read and written. Waits for other processes; throws
// StorageError after two minutes. On a file system without locks it locks nothing.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder);
  ~FolderLock();
  // Why the file system cannot lock; empty if it can.
  const std::string& problem() const { return problem_; }
  FolderLock(FolderLock&& other) noexcept;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
  std::string problem_;
};

// Whether a file system can lock files.
enum class FileLocks { kSupported, kMissing };

// Claims a file for this process until destruction (flock, which the system releases when a process
// ends for any reason).
class FileClaim {
 public:
  // Creates the file if it does not exist. nullopt if another process has claimed it. Throws
  // StorageError if the file system has no locks. With FileLocks::kMissing it claims the file
  // without one, and the caller sees to it that no other process uses it.
  static std::optional<FileClaim> of(const fs::path& path, FileLocks locks = FileLocks::kSupported);
  ~FileClaim();
  FileClaim(FileClaim&& other) noexcept;
  FileClaim(const FileClaim&) = delete;
  FileClaim& operator=(const FileClaim&) = delete;

  // Whether the file at this path is still the claimed one: false if it was removed since, even if
  // another process has created it again. Throws UnreadableError.
  bool is_in_place() const;

 private:
  FileClaim(fs::path path, int descriptor);

  fs::path path_;
  int descriptor_ = -1;
};

// A log that is appended to, and hashed on the way. Lines are buffered and written in large chunks
// of whole lines.
class AppendFile {
 public:
  // Keeps the first `length` bytes of the file, reads them for the hash, and truncates the rest.
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
  // Lets the system begin to write the file to disk, without waiting.
  void begin_sync();
  // Makes what was flushed durable.
  void sync();
  // Flushes, syncs to disk and closes the file.
  void close();

  // The SHA-256 of the whole file, without the buffer.
  std::string sha256() const { return hash_.digest(); }

 private:
  fs::path path_;
  std::string buffer_;
  std::uint64_t length_ = 0;  // without the buffer
  Sha256 hash_;               // of these bytes
  int descriptor_ = -1;
};

}  // namespace clipsweep
