#include "clipsweep/io/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

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
      return "raise the limit of open files (ulimit -n), or use fewer --workers";
    case ENOENT:
    case ENOTDIR:
      return "if its folder was removed, restore it and rerun the same command to continue";
    default:
      return "fix that and rerun the same command to continue";
  }
}

[[noreturn]] void throw_storage_error(const fs::path& path, std::string_view verb, int error) {
  const auto message = fmt::format("{}: cannot {}: {}; {}", path.string(), verb,
                                   std::strerror(error), advice_on(error));
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) throw DiskFullError(message);
  throw StorageError(message);
}

[[noreturn]] void throw_unreadable(const fs::path& path, std::string_view why) {
  throw DataError(fmt::format("{}: cannot read: {}", path.string(), why));
}

// A file descriptor that is closed on destruction.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags)
      : value_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

void write_all(int descriptor, std::string_view content, const fs::path& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_storage_error(path, "write", errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

void sync_folder(const fs::path& folder) {
  const Descriptor descriptor(folder, O_RDONLY | O_DIRECTORY);
  // Some network file systems cannot sync a folder; ignore that, since the rename has succeeded.
  if (descriptor.value() >= 0) ::fsync(descriptor.value());
}

}  // namespace

bool is_there(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT) return false;
  throw_unreadable(path, std::strerror(errno));
}

InputFile::InputFile(const fs::path& path) : path_(path) {
  // O_NONBLOCK: do not wait for a writer if the path is a pipe.
  Descriptor descriptor(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat info {};
  if (descriptor.value() < 0 || ::fstat(descriptor.value(), &info) != 0)
    throw_unreadable(path, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) throw_unreadable(path, "not a regular file");
  size_ = static_cast<std::size_t>(info.st_size);
  descriptor_ = descriptor.release();
}

InputFile::~InputFile() { ::close(descriptor_); }

std::size_t InputFile::read(char* to, std::size_t max_bytes) {
  for (;;) {
    const ssize_t count = ::read(descriptor_, to, max_bytes);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) throw_unreadable(path_, std::strerror(errno));
  }
}

void InputFile::go_to(std::size_t position) {
  if (::lseek(descriptor_, static_cast<off_t>(position), SEEK_SET) < 0)
    throw_unreadable(path_, std::strerror(errno));
}

std::string read_file(const fs::path& path, std::size_t max_bytes) {
  InputFile file(path);
  const std::size_t size = file.size();
  if (size > max_bytes)
    throw DataError(fmt::format("{}: too large: {} bytes, at most {} are supported", path.string(),
                                size, max_bytes));
  std::string content(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const std::size_t count = file.read(content.data() + filled, size - filled);
    if (count == 0) break;
    filled += count;
  }
  content.resize(filled);
  return content;
}

void write_file(const fs::path& path, std::string_view content) {
  const fs::path temporary = fmt::format("{}.{}.tmp", path.string(), ::getpid());
  try {
    ::unlink(temporary.c_str());  // left by an earlier process of this ID, or a link
    const Descriptor descriptor(temporary, O_WRONLY | O_CREAT | O_EXCL);
    if (descriptor.value() < 0) throw_storage_error(path, "write", errno);
    write_all(descriptor.value(), content, path);
    if (::fsync(descriptor.value()) != 0) throw_storage_error(path, "write", errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw_storage_error(path, "write", errno);
  } catch (const StorageError&) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_folder(path.parent_path());
}

void remove_temporary_files(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; entry != end && !error;
       entry.increment(error))
    if (entry->path().extension() == ".tmp") fs::remove(entry->path(), error);
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || !fs::is_directory(folder, error))
    throw_storage_error(folder, "create this folder", error ? error.value() : ENOTDIR);
}

void make_subfolder(const fs::path& folder) {
  std::error_code error;
  fs::create_directory(folder, error);
  if (error || !fs::is_directory(folder, error))
    throw_storage_error(folder, "create this folder", error ? error.value() : ENOTDIR);
}

void remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) throw_storage_error(path, "remove", error.value());
}

FolderLock::FolderLock(const fs::path& folder) {
  constexpr int kTries = 1000;
  const fs::path path = folder / ".lock";
  Descriptor descriptor(path, O_RDWR | O_CREAT);
  if (descriptor.value() < 0) throw_storage_error(path, "write", errno);
  for (int i = 0; ::flock(descriptor.value(), LOCK_EX | LOCK_NB) != 0; ++i) {
    if (i == kTries)
      throw StorageError(
          fmt::format("{}: another clipsweep process has locked this folder; stop it or choose "
                      "another --out",
                      folder.string()));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  descriptor_ = descriptor.release();
}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

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

std::optional<FileClaim> FileClaim::of(const fs::path& path) {
  Descriptor descriptor(path, O_RDWR | O_CREAT);
  if (descriptor.value() < 0) throw_storage_error(path, "write", errno);
  if (::flock(descriptor.value(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
  FileClaim claim(path, descriptor.release());
  if (!claim.is_in_place()) return std::nullopt;  // replaced while it was being opened
  return claim;
}

bool FileClaim::is_in_place() const {
  struct stat held {};
  struct stat there {};
  return ::fstat(descriptor_, &held) == 0 && ::stat(path_.c_str(), &there) == 0 &&
         held.st_ino == there.st_ino && held.st_dev == there.st_dev;
}

AppendFile::AppendFile(const fs::path& path, std::uint64_t length) : path_(path), length_(length) {
  Descriptor descriptor(path, O_WRONLY | O_CREAT | O_APPEND);
  if (descriptor.value() < 0) throw_storage_error(path, "write", errno);
  if (::ftruncate(descriptor.value(), static_cast<off_t>(length)) != 0)
    throw_storage_error(path, "write", errno);
  descriptor_ = descriptor.release();
  buffer_.reserve(kBufferBytes + 4096);
}

AppendFile::~AppendFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)),
      buffer_(std::move(other.buffer_)),
      length_(other.length_),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

void AppendFile::wrote_line() {
  if (buffer_.size() >= kBufferBytes) flush();
}

std::uint64_t AppendFile::flush() {
  write_all(descriptor_, buffer_, path_);
  length_ += buffer_.size();
  buffer_.clear();
  return length_;
}

void AppendFile::cut_back_to(std::uint64_t length) {
  buffer_.clear();
  if (::ftruncate(descriptor_, static_cast<off_t>(length)) != 0)
    throw_storage_error(path_, "write", errno);
  length_ = length;
}

void AppendFile::close() {
  if (descriptor_ < 0) return;
  flush();
  if (::fsync(descriptor_) != 0) throw_storage_error(path_, "write", errno);
  ::close(std::exchange(descriptor_, -1));
}

}  // namespace clipsweep
