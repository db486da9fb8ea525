// A library for LD_PRELOAD that lets calls to the operating system fail, as scripts/fault_test
// asks. Only calls on files below one folder count, and those of malloc in the whole process.
//
//   CLIPSWEEP_FAULT_FOLDER=/absolute/path   the folder
//   CLIPSWEEP_FAULT=CALL,FIRST,ERROR,COUNT  the calls FIRST to FIRST + COUNT - 1 (from 1) fail with
//                                           errno ERROR; "short" and "end" instead of a number let
//                                           reads and writes do half, and reads find the end
//   CLIPSWEEP_FAULT_CUT=N                   the process is killed before its N-th change of a file
//   CLIPSWEEP_FAULT_COUNTS=FILE             gets the number of calls, a line `CALL COUNT` for each
//   CLIPSWEEP_FAULT_CHANGES=FILE            gets a line for each change of a file, as it happens:
//                                           `write PATH LENGTH`, `sync PATH LENGTH`, `remove PATH`,
//                                           `create PATH`, `move PATH TARGET`, ...; `nothing PATH`
//                                           for one that failed
//
// CALL is a name of kCalls. Paths must not contain line breaks or tabs.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" void* __libc_malloc(std::size_t size);

namespace {

constexpr std::array kCalls = {"write",    "fsync",   "rename", "open",  "read",
                               "opendir",  "readdir", "stat",   "mkdir", "unlink",
                               "truncate", "flock",   "malloc"};
enum Call {
  kWrite,
  kSync,
  kRename,
  kOpen,
  kRead,
  kOpenFolder,
  kReadFolder,
  kStat,
  kMakeFolder,
  kRemove,
  kTruncate,
  kLock,
  kAllocate
};

// Instead of an errno.
enum Special { kShort = -1, kEnd = -2 };

using Path = std::array<char, 2 * PATH_MAX>;

// Without allocation: malloc calls it before anything is set up.
struct Settings {
  Path folder{};
  int call = -1;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  int error = 0;
  std::uint64_t cut = 0;
  int changes = -1;  // a file descriptor
  std::array<std::atomic<std::uint64_t>, kCalls.size()> counts{};
  std::atomic<std::uint64_t> number_of_changes{0};
};
Settings settings;
std::atomic<bool> is_ready{false};

void read_fault(const char* text) {
  std::array<char, 32> name{};
  std::array<char, 16> error{};
  unsigned long long first = 0;
  unsigned long long count = 0;
  if (std::sscanf(text, "%31[^,],%llu,%15[^,],%llu", name.data(), &first, error.data(), &count) !=
      4)
    ::abort();
  for (std::size_t i = 0; i < kCalls.size(); ++i)
    if (std::strcmp(kCalls[i], name.data()) == 0) settings.call = static_cast<int>(i);
  settings.first = first;
  settings.count = count;
  settings.error = std::atoi(error.data());
  if (std::strcmp(error.data(), "short") == 0) settings.error = kShort;
  if (std::strcmp(error.data(), "end") == 0) settings.error = kEnd;
  if (settings.call < 0 || settings.error == 0) ::abort();
}

int open_for_changes(const char* path) {
  constexpr int kHigh = 500;  // the program's own descriptors keep their numbers
  const auto low = static_cast<int>(
      ::syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  const int high = ::fcntl(low, F_DUPFD_CLOEXEC, kHigh);
  ::syscall(SYS_close, low);
  return high;
}

__attribute__((constructor)) void set_up() {
  if (const char* folder = std::getenv("CLIPSWEEP_FAULT_FOLDER"))
    std::snprintf(settings.folder.data(), settings.folder.size(), "%s", folder);
  if (const char* fault = std::getenv("CLIPSWEEP_FAULT")) read_fault(fault);
  if (const char* cut = std::getenv("CLIPSWEEP_FAULT_CUT"))
    settings.cut = std::strtoull(cut, nullptr, 10);
  if (const char* file = std::getenv("CLIPSWEEP_FAULT_CHANGES"))
    settings.changes = open_for_changes(file);
  is_ready = true;
}

__attribute__((destructor)) void write_counts() {
  const char* file = std::getenv("CLIPSWEEP_FAULT_COUNTS");
  if (!file) return;
  is_ready = false;
  const auto descriptor =
      static_cast<int>(::syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_TRUNC, 0666));
  for (std::size_t i = 0; i < kCalls.size(); ++i) {
    std::array<char, 64> line{};
    const int length = std::snprintf(line.data(), line.size(), "%s %llu\n", kCalls[i],
                                     static_cast<unsigned long long>(settings.counts[i].load()));
    ::syscall(SYS_write, descriptor, line.data(), length);
  }
  ::syscall(SYS_close, descriptor);
}

bool is_within(const char* path) {
  const std::size_t length = std::strlen(settings.folder.data());
  return length > 0 && std::strncmp(path, settings.folder.data(), length) == 0 &&
         (path[length] == '/' || path[length] == '\0');
}

// The path of an open file; empty if it has none.
Path path_of(int descriptor) {
  std::array<char, 64> link{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", descriptor);
  Path path{};
  const auto length =
      ::syscall(SYS_readlinkat, AT_FDCWD, link.data(), path.data(), path.size() - 1);
  path[length > 0 ? static_cast<std::size_t>(length) : 0] = '\0';
  return path;
}

Path path_of(int folder, const char* name) {
  Path path{};
  if (name[0] == '/' || folder == AT_FDCWD) {
    std::snprintf(path.data(), path.size(), "%s", name);
    return path;
  }
  const Path parent = path_of(folder);
  std::snprintf(path.data(), path.size(), "%s/%s", parent.data(), name);
  return path;
}

bool is_meant(int descriptor) { return is_ready && is_within(path_of(descriptor).data()); }
bool is_meant(int folder, const char* name) {
  return is_ready && is_within(path_of(folder, name).data());
}

// Counts a call. Returns the errno with which it fails, a Special, or 0.
int fault_of(Call call) {
  const std::uint64_t number = ++settings.counts[call];
  const bool fails =
      settings.call == call && number >= settings.first && number - settings.first < settings.count;
  return fails ? settings.error : 0;
}

// Sets errno if the call fails.
bool fails(Call call) {
  const int error = fault_of(call);
  if (error != 0) errno = error;
  return error != 0;
}

// Before a change: the power cut.
void come_to_change() {
  if (++settings.number_of_changes == settings.cut) ::kill(::getpid(), SIGKILL);
}

void note(const char* format, ...) __attribute__((format(printf, 1, 2)));
void note(const char* format, ...) {
  if (settings.changes < 0) return;
  const int error = errno;
  std::array<char, 3 * PATH_MAX> line{};
  va_list arguments;
  va_start(arguments, format);
  const int length = std::vsnprintf(line.data(), line.size(), format, arguments);
  va_end(arguments);
  ::syscall(SYS_write, settings.changes, line.data(), length);
  errno = error;
}

long long length_of(int descriptor) {
  struct stat info {};
  ::syscall(SYS_fstat, descriptor, &info);
  return info.st_size;
}

int remove_with(int (*real)(const char*), const char* name) {
  if (!is_meant(AT_FDCWD, name)) return real(name);
  if (fails(kRemove)) return -1;
  come_to_change();
  const int result = real(name);
  note(result == 0 ? "remove\t%s\n" : "nothing\t%s\n", name);
  return result;
}

}  // namespace

// The function that this library stands in front of.
#define REAL(name) reinterpret_cast<decltype(&::name)>(::dlsym(RTLD_NEXT, #name))

extern "C" {

// ---- Content
// -------------------------------------------------------------------------------------

ssize_t write(int descriptor, const void* bytes, size_t count) {
  static const auto real = REAL(write);
  if (!is_meant(descriptor)) return real(descriptor, bytes, count);
  const int fault = fault_of(kWrite);
  if (fault > 0) {
    errno = fault;
    return -1;
  }
  come_to_change();
  const ssize_t written = real(descriptor, bytes, fault == kShort ? (count + 1) / 2 : count);
  note("write\t%s\t%lld\n", path_of(descriptor).data(), length_of(descriptor));
  return written;
}

ssize_t writev(int descriptor, const iovec* parts, int count) {
  static const auto real = REAL(writev);
  if (!is_meant(descriptor)) return real(descriptor, parts, count);
  if (fails(kWrite)) return -1;
  come_to_change();
  const ssize_t written = real(descriptor, parts, count);
  note("write\t%s\t%lld\n", path_of(descriptor).data(), length_of(descriptor));
  return written;
}

static ssize_t read_or_fail(int descriptor, size_t count, ssize_t (*real)(int, void*, size_t),
                            void* to) {
  if (!is_meant(descriptor)) return real(descriptor, to, count);
  const int fault = fault_of(kRead);
  if (fault > 0) {
    errno = fault;
    return -1;
  }
  if (fault == kEnd) return 0;
  return real(descriptor, to, fault == kShort ? (count + 1) / 2 : count);
}

ssize_t read(int descriptor, void* to, size_t count) {
  static const auto real = REAL(read);
  return read_or_fail(descriptor, count, real, to);
}

ssize_t pread(int descriptor, void* to, size_t count, off_t from) {
  static const auto real = REAL(pread);
  if (!is_meant(descriptor)) return real(descriptor, to, count, from);
  const int fault = fault_of(kRead);
  if (fault > 0) {
    errno = fault;
    return -1;
  }
  if (fault == kEnd) return 0;
  return real(descriptor, to, fault == kShort ? (count + 1) / 2 : count, from);
}

int fsync(int descriptor) {
  static const auto real = REAL(fsync);
  if (!is_meant(descriptor)) return real(descriptor);
  if (fails(kSync)) return -1;
  come_to_change();
  note("sync\t%s\t%lld\n", path_of(descriptor).data(), length_of(descriptor));
  return 0;  // the test's power does not fail
}

int fdatasync(int descriptor) { return fsync(descriptor); }

int ftruncate(int descriptor, off_t length) {
  static const auto real = REAL(ftruncate);
  if (!is_meant(descriptor)) return real(descriptor, length);
  if (fails(kTruncate)) return -1;
  come_to_change();
  note("truncate\t%s\t%lld\n", path_of(descriptor).data(), static_cast<long long>(length));
  return real(descriptor, length);
}

// ---- Names
// ---------------------------------------------------------------------------------------

static int open_or_fail(int folder, const char* name, int flags, mode_t mode) {
  static const auto real = REAL(openat);
  if (!is_meant(folder, name)) return real(folder, name, flags, mode);
  if (fails(kOpen)) return -1;
  struct stat info {};
  const Path path = path_of(folder, name);
  const bool is_new =
      (flags & O_CREAT) != 0 && ::syscall(SYS_newfstatat, AT_FDCWD, path.data(), &info, 0) != 0;
  if (is_new) come_to_change();
  const int descriptor = real(folder, name, flags, mode);
  if (is_new) note("create\t%s\n", path.data());
  return descriptor;
}

static mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

int open(const char* name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_or_fail(AT_FDCWD, name, flags, mode);
}

int openat(int folder, const char* name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_or_fail(folder, name, flags, mode);
}

int rename(const char* from, const char* to) noexcept {
  static const auto real = REAL(rename);
  if (!is_meant(AT_FDCWD, from)) return real(from, to);
  if (fails(kRename)) return -1;
  come_to_change();
  const int result = real(from, to);
  note(result == 0 ? "move\t%s\t%s\n" : "nothing\t%s\t%s\n", from, to);
  return result;
}

int mkdir(const char* name, mode_t mode) noexcept {
  static const auto real = REAL(mkdir);
  if (!is_meant(AT_FDCWD, name)) return real(name, mode);
  if (fails(kMakeFolder)) return -1;
  come_to_change();
  const int result = real(name, mode);
  note(result == 0 ? "create\t%s\n" : "nothing\t%s\n", name);
  return result;
}

int unlink(const char* name) noexcept {
  static const auto real = REAL(unlink);
  return remove_with(real, name);
}

int remove(const char* name) noexcept {
  static const auto real = REAL(remove);
  return remove_with(real, name);
}

// ---- Looking -------------------------------------------------------------------------------------

int stat(const char* name, struct stat* info) noexcept {
  static const auto real = REAL(stat);
  if (is_meant(AT_FDCWD, name) && fails(kStat)) return -1;
  return real(name, info);
}

int lstat(const char* name, struct stat* info) noexcept {
  static const auto real = REAL(lstat);
  if (is_meant(AT_FDCWD, name) && fails(kStat)) return -1;
  return real(name, info);
}

int fstat(int descriptor, struct stat* info) noexcept {
  static const auto real = REAL(fstat);
  if (is_meant(descriptor) && fails(kStat)) return -1;
  return real(descriptor, info);
}

DIR* opendir(const char* name) {
  static const auto real = REAL(opendir);
  if (is_meant(AT_FDCWD, name) && fails(kOpenFolder)) return nullptr;
  return real(name);
}

DIR* fdopendir(int descriptor) {
  static const auto real = REAL(fdopendir);
  if (is_meant(descriptor) && fails(kOpenFolder)) return nullptr;
  return real(descriptor);
}

dirent* readdir(DIR* folder) {
  static const auto real = REAL(readdir);
  if (is_meant(::dirfd(folder)) && fails(kReadFolder)) return nullptr;
  return real(folder);
}

int flock(int descriptor, int operation) noexcept {
  static const auto real = REAL(flock);
  if (is_meant(descriptor) && fails(kLock)) return -1;
  return real(descriptor, operation);
}

// ---- Memory
// --------------------------------------------------------------------------------------

void* malloc(size_t size) noexcept {
  if (is_ready && fails(kAllocate)) return nullptr;
  return __libc_malloc(size);
}

}  // extern "C"
