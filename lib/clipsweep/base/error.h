// User-facing errors: three exception types, each with an exit code. Programming errors are
// std::logic_error. A diverged run is data, not an error.
#pragma once

#include <stdexcept>
#include <string>

namespace clipsweep {

// The program's exit codes; scripts rely on them.
enum ExitCode : int {
  kSuccess = 0,
  kRunFailed = 1,
  kUsage = 2,
  kInvalidData = 3,
  kStoppedEarly = 75,
  kInterrupted = 130,
};

// The message says where the error is, what came, what is allowed and what to do.
class Error : public std::runtime_error {
 public:
  Error(const std::string& message, ExitCode code) : std::runtime_error(message), code_(code) {}
  ExitCode exit_code() const { return code_; }

 private:
  ExitCode code_;
};

// An invalid flag, key or value.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message) : Error(message, kUsage) {}
};

// A data file or log with invalid content.
class DataError : public Error {
 public:
  explicit DataError(const std::string& message) : Error(message, kInvalidData) {}
};

// A file that cannot be read at the moment, whatever its content: no permission, too many open
// files, a failing disk, a network file system that does not answer.
class UnreadableError : public DataError {
 public:
  UnreadableError(const std::string& message, int error_number)
      : DataError(message), error_number_(error_number) {}
  int error_number() const { return error_number_; }  // errno

 private:
  int error_number_;
};

// The disk is full, read-only or gone. What is complete stays valid; rerunning the same command
// continues.
class StorageError : public Error {
 public:
  explicit StorageError(const std::string& message) : Error(message, kStoppedEarly) {}
};

// A storage error that free space fixes.
class DiskFullError : public StorageError {
 public:
  using StorageError::StorageError;
};

// The process has as many open files as it may have, or the system.
class TooManyFilesError : public StorageError {
 public:
  using StorageError::StorageError;
};

// Throws std::logic_error unless the caller kept to what the function asks for.
inline void require(bool condition, const char* message) {
  if (!condition) throw std::logic_error(message);
}

}  // namespace clipsweep
