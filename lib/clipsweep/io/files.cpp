#include "clipsweep/io/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/system_calls.h"

namespace clipsweep {
namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;

const char* advice_on(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "free some space and rerun the same command to continue";
    case EFBIG:
      return "raise the file size limit (ulimit -f) and rerun the same command to continue";
    case EROFS:
    case EACCES:
    case EPERM:
      return "make it writable and rerun the same command to continue, or choose another --out";
    case EMFILE:
    case ENFILE:
      return "raise the limit of open files (ulimit -n) and rerun the same command to continue";
    case ENOENT:
    case ENOTDIR:
      return "if its folder was removed, restore it and rerun the same command to continue";
    default:
      return "fix that and rerun the same command to continue";
  }
}

bool is_lack_of_files(int error) { return error == EMFILE || error == ENFILE; }

[[noreturn]] void throw_storage_error(const fs::path& path, std::string_view verb, int error) {
  const auto message = fmt::format("{}: cannot {}: {}; {}", path.string(), verb,
                                   std::strerror(error), advice_on(error));
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) throw DiskFullError(message);
  if (is_lack_of_files(error)) throw TooManyFilesError(message);
  throw StorageError(message);
}

bool is_missing(int error) { return error == ENOENT || error == ENOTDIR; }

[[noreturn]] void throw_unreadable(const fs::path& path, int error) {
  const auto message = fmt::format("{}: cannot read: {}", path.string(), std::strerror(error));
  if (is_missing(error) || error == ELOOP || error == ENAMETOOLONG) throw DataError(message);
  throw UnreadableError(message, error);
}

// A file descriptor that is closed on destruction.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags)
      : error_(patiently([&] {
          value_ = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
          return value_ < 0 ? errno : 0;
        })) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }
  int error() const { return error_; }  // errno; 0 if it is open
  int release() { return std::exchange(value_, -1); }

 private:
  int value_ = -1;
  int error_;
};

void write_all(int descriptor, std::string_view content, const fs::path& path) {
  while (!content.empty()) {
    const ssize_t written =
        uninterrupted([&] { return ::write(descriptor, content.data(), content.size()); });
    if (written < 0) throw_storage_error(path, "write", errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

void sync_file(int descriptor, const fs::path& path) {
  if (uninterrupted([&] { return ::fsync(descriptor); }) != 0)
    throw_storage_error(path, "write", errno);
}

void truncate_file(int descriptor, std::uint64_t length, const fs::path& path) {
  if (uninterrupted([&] { return ::ftruncate(descriptor, static_cast<off_t>(length)); }) != 0)
    throw_storage_error(path, "write", errno);
}

// Lists a folder, in no order. Returns an errno, 0 if it was read to its end.
int list_folder(const fs::path& folder, std::vector<fs::path>& paths) {
  paths.clear();
  const std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir(folder.c_str()), ::closedir);
  if (!list) return errno;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(list.get());
    if (!entry) return errno;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") paths.push_back(folder / name);
  }
}

}  // namespace

void throw_as_storage_error(const UnreadableError& error) {
  const bool is_forbidden = error.error_number() == EACCES || error.error_number() == EPERM;
  const auto message =
      fmt::format("{}; {}", error.what(),
                  is_forbidden ? "make it readable and rerun the same command to continue"
                               : advice_on(error.error_number()));
  if (is_lack_of_files(error.error_number())) throw TooManyFilesError(message);
  throw StorageError(message);
}

bool is_there(const fs::path& path) {
  struct stat info {};
  const int error = patiently([&] { return ::stat(path.c_str(), &info) == 0 ? 0 : errno; });
  if (error != 0 && error != ENOENT) throw_unreadable(path, error);
  return error == 0;
}

fs::file_status link_status(const fs::path& path) {
  fs::file_status status;
  const int problem = patiently([&] {
    std::error_code error;
    status = fs::symlink_status(path, error);
    return status.type() == fs::file_type::not_found ? 0 : error.value();
  });
  if (problem != 0) throw_unreadable(path, problem);
  return status;
}

bool is_folder(const fs::path& path) {
  struct stat info {};
  const int error = patiently([&] { return ::stat(path.c_str(), &info) == 0 ? 0 : errno; });
  if (error != 0 && !is_missing(error) && error != ELOOP) throw_unreadable(path, error);
  return error == 0 && S_ISDIR(info.st_mode);
}

std::vector<fs::path> paths_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  const int error = patiently([&] { return list_folder(folder, paths); });
  if (error != 0 && error != ENOENT) throw_unreadable(folder, error);
  std::sort(paths.begin(), paths.end());
  return paths;
}

InputFile::InputFile(const fs::path& path) : path_(path) {
  // O_NONBLOCK: do not wait for a writer if the path is a pipe.
  Descriptor descriptor(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (descriptor.error() != 0) throw_unreadable(path, descriptor.error());
  struct stat info {};
  const int error = patiently([&] { return ::fstat(descriptor.value(), &info) == 0 ? 0 : errno; });
  if (error != 0) throw_unreadable(path, error);
  if (!S_ISREG(info.st_mode))
    throw DataError(fmt::format("{}: cannot read: not a regular file", path.string()));
  size_ = static_cast<std::size_t>(info.st_size);
  descriptor_ = descriptor.release();
}

InputFile::~InputFile() { ::close(descriptor_); }

std::size_t InputFile::read(char* to, std::size_t max_bytes) {
  ssize_t count = 0;
  const int error = patiently([&] {
    count = ::pread(descriptor_, to, max_bytes, static_cast<off_t>(position_));
    return count < 0 ? errno : 0;
  });
  if (error != 0) throw_unreadable(path_, error);
  position_ += static_cast<std::size_t>(count);
  return static_cast<std::size_t>(count);
}

void InputFile::read_fully(char* to, std::size_t bytes) {
  std::size_t filled = 0;
  const int error = patiently([&] {
    while (filled < bytes) {
      const std::size_t count = read(to + filled, bytes - filled);
      if (count == 0) return EIO;
      filled += count;
    }
    return 0;
  });
  if (error != 0)
    throw UnreadableError(
        fmt::format("{}: cannot read: it ends at byte {} of {}", path_.string(), position_, size_),
        EIO);
}

std::string read_file(const fs::path& path, std::size_t max_bytes) {
  InputFile file(path);
  if (file.size() > max_bytes)
    throw DataError(fmt::format("{}: too large: {} bytes, at most {} are supported", path.string(),
                                file.size(), max_bytes));
  std::string content(file.size(), '\0');
  file.read_fully(content.data(), content.size());
  return content;
}

Sha256 hash_of_beginning(const fs::path& path, std::optional<std::uint64_t> length) {
  Sha256 hash;
  if (length == 0) return hash;
  InputFile file(path);
  std::uint64_t rest = length.value_or(file.size());
  if (file.size() < rest)
    throw DataError(fmt::format("{}: cannot read: it ends {} too early", path.string(),
                                counted(rest - file.size(), "byte")));
  std::string chunk(kBufferBytes, '\0');
  while (rest > 0) {
    const std::size_t count = std::min<std::uint64_t>(rest, chunk.size());
    file.read_fully(chunk.data(), count);
    hash.add(chunk.data(), count);
    rest -= count;
  }
  return hash;
}

void sync_folder(const fs::path& folder) {
  const Descriptor descriptor(folder, O_RDONLY | O_DIRECTORY);
  // A folder that was removed, or may be written but not read.
  if (is_missing(descriptor.error()) || descriptor.error() == EACCES) return;
  if (descriptor.error() != 0) throw_storage_error(folder, "sync", descriptor.error());
  if (uninterrupted([&] { return ::fsync(descriptor.value()); }) == 0) return;
  // Some network file systems cannot sync a folder.
  if (errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
    throw_storage_error(folder, "sync", errno);
}

const std::string& process_token() {
  static const std::string kToken =
      fmt::format("{}-{:08x}", ::getpid(), static_cast<std::uint32_t>(std::random_device()()));
  return kToken;
}

ReplacingFile::ReplacingFile(const fs::path& path)
    : path_(path), temporary_(fmt::format("{}.{}.tmp", path.string(), process_token())) {
  ::unlink(temporary_.c_str());  // a link
  Descriptor descriptor(temporary_, O_WRONLY | O_CREAT | O_EXCL);
  if (descriptor.error() != 0) throw_storage_error(path, "write", descriptor.error());
  descriptor_ = descriptor.release();
}

ReplacingFile::~ReplacingFile() {
  ::close(descriptor_);
  if (!is_in_place_) ::unlink(temporary_.c_str());
}

void ReplacingFile::write(std::string_view content) { write_all(descriptor_, content, path_); }

bool ReplacingFile::try_to_commit() {
  sync_file(descriptor_, path_);
  if (uninterrupted([&] { return ::rename(temporary_.c_str(), path_.c_str()); }) != 0) {
    if (errno == ENOENT) return false;
    throw_storage_error(path_, "write", errno);
  }
  is_in_place_ = true;
  sync_folder(path_.parent_path());
  return true;
}

void ReplacingFile::commit() {
  if (!try_to_commit()) throw_storage_error(path_, "write", ENOENT);
}

void write_file(const fs::path& path, std::string_view content) {
  constexpr int kTries = 10;
  for (int i = 0; i < kTries; ++i) {
    ReplacingFile file(path);
    file.write(content);
    if (file.try_to_commit()) return;
  }
  throw_storage_error(path, "write", ENOENT);
}

void remove_temporary_files(const fs::path& folder) {
  for (const auto& path : paths_in(folder))
    if (path.extension() == ".tmp") ::unlink(path.c_str());
}

namespace {

// Makes one folder. Throws StorageError, which names `wanted`; returns whether it is new.
bool make_one_folder(const fs::path& folder, const fs::path& wanted) {
  if (uninterrupted([&] { return ::mkdir(folder.c_str(), 0777); }) == 0) return true;
  const int error = errno;
  if (error != EEXIST) throw_storage_error(wanted, "create this folder", error);
  if (!is_folder(folder)) throw_storage_error(wanted, "create this folder", ENOTDIR);
  return false;
}

void make_folder_of(const fs::path& folder, const fs::path& wanted) {
  if (is_folder(folder)) return;
  const fs::path parent = folder.parent_path();
  if (!parent.empty() && parent != folder) make_folder_of(parent, wanted);
  make_one_folder(folder, wanted);
  sync_folder(parent.empty() ? fs::path(".") : parent);
}

}  // namespace

void make_folder(const fs::path& folder) { make_folder_of(folder, folder); }

bool make_subfolder(const fs::path& folder) { return make_one_folder(folder, folder); }

bool move_file(const fs::path& from, const fs::path& to) {
  if (uninterrupted([&] { return ::rename(from.c_str(), to.c_str()); }) == 0) return true;
  if (errno != ENOENT) throw_storage_error(from, "rename", errno);
  return false;
}

bool remove_file(const fs::path& path) {
  if (uninterrupted([&] { return ::unlink(path.c_str()); }) == 0) return true;
  if (errno != ENOENT) throw_storage_error(path, "remove", errno);
  return false;
}

namespace {

bool is_lack_of_locks(int error) {
  return error == ENOLCK || error == EOPNOTSUPP || error == ENOSYS;
}

constexpr int kHeldElsewhere = -1;  // no errno

// Returns 0 if the file is locked now, kHeldElsewhere if another process has locked it, or an
// errno.
int try_to_lock(int descriptor) {
  return patiently([&] {
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return 0;
    return errno == EWOULDBLOCK ? kHeldElsewhere : errno;
  });
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder) {
  constexpr int kTries = 12'000;
  const fs::path path = folder / ".lock";
  Descriptor descriptor(path, O_RDWR | O_CREAT);
  if (descriptor.error() != 0) throw_storage_error(path, "write", descriptor.error());
  int error = try_to_lock(descriptor.value());
  for (int i = 0; error == kHeldElsewhere; ++i) {
    if (i == kTries)
      throw StorageError(
          fmt::format("{}: another clipsweep process has locked this folder; stop it or choose "
                      "another --out",
                      folder.string()));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    error = try_to_lock(descriptor.value());
  }
  if (is_lack_of_locks(error))
    problem_ = std::strerror(error);
  else if (error != 0)
    throw_storage_error(path, "lock", error);
  descriptor_ = descriptor.release();
}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), problem_(std::move(other.problem_)) {}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileClaim::FileClaim(fs::path path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}

FileClaim::FileClaim(FileClaim&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

FileClaim::~FileClaim() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::optional<FileClaim> FileClaim::of(const fs::path& path, FileLocks locks) {
  Descriptor descriptor(path, O_RDWR | O_CREAT);
  if (descriptor.error() != 0) throw_storage_error(path, "write", descriptor.error());
  const int error = try_to_lock(descriptor.value());
  if (error == kHeldElsewhere) return std::nullopt;
  const bool is_expected = is_lack_of_locks(error) && locks == FileLocks::kMissing;
  if (error != 0 && !is_expected) throw_storage_error(path, "lock", error);
  FileClaim claim(path, descriptor.release());
  if (!claim.is_in_place()) return std::nullopt;  // replaced while it was being opened
  return claim;
}

bool FileClaim::is_in_place() const {
  struct stat held {};
  struct stat there {};
  int error = patiently([&] { return ::fstat(descriptor_, &held) == 0 ? 0 : errno; });
  if (error == 0) error = patiently([&] { return ::stat(path_.c_str(), &there) == 0 ? 0 : errno; });
  if (error != 0 && !is_missing(error)) throw_unreadable(path_, error);
  return error == 0 && held.st_ino == there.st_ino && held.st_dev == there.st_dev;
}

AppendFile::AppendFile(const fs::path& path, std::uint64_t length) : path_(path), length_(length) {
  Descriptor descriptor(path, O_WRONLY | O_CREAT | O_APPEND);
  if (descriptor.error() != 0) throw_storage_error(path, "write", descriptor.error());
  truncate_file(descriptor.value(), length, path);
  descriptor_ = descriptor.release();
  hash_ = hash_of_beginning(path, length);
  buffer_.reserve(kBufferBytes + 4096);
}

AppendFile::~AppendFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)),
      buffer_(std::move(other.buffer_)),
      length_(other.length_),
      hash_(std::move(other.hash_)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

void AppendFile::wrote_line() {
  if (buffer_.size() >= kBufferBytes) flush();
}

std::uint64_t AppendFile::flush() {
  write_all(descriptor_, buffer_, path_);
  hash_.add(buffer_.data(), buffer_.size());
  length_ += buffer_.size();
  buffer_.clear();
  return length_;
}

void AppendFile::cut_back_to(std::uint64_t length) {
  buffer_.clear();
  truncate_file(descriptor_, length, path_);
  length_ = length;
  hash_ = hash_of_beginning(path_, length);
}

void AppendFile::begin_sync() {
#ifdef SYNC_FILE_RANGE_WRITE
  ::sync_file_range(descriptor_, 0, 0, SYNC_FILE_RANGE_WRITE);  // only a hint: it may fail
#endif
}

void AppendFile::sync() {
  if (uninterrupted([&] { return ::fdatasync(descriptor_); }) != 0)
    throw_storage_error(path_, "write", errno);
}

void AppendFile::close() {
  if (descriptor_ < 0) return;
  flush();
  sync_file(descriptor_, path_);
  ::close(std::exchange(descriptor_, -1));
}

}  // namespace clipsweep
