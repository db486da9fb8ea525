// What the world gets wrong, as three exception types, each with its exit code. Our own mistakes
// are std::logic_error; a diverged run is data and no error at all.
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

// A message says where, what came, what is allowed and what to do.
class Error : public std::runtime_error {
 public:
  Error(const std::string& message, ExitCode code) : std::runtime_error(message), code_(code) {}
  ExitCode exit_code() const { return code_; }

 private:
  ExitCode code_;
};

// A flag, key or value that cannot be used.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message) : Error(message, kUsage) {}
};

// A data file or log whose content is not what it should be.
class DataError : public Error {
 public:
  explicit DataError(const std::string& message) : Error(message, kInvalidData) {}
};

// The disk is full, read-only or gone: what was complete stays valid and the same command
// continues.
class StorageError : public Error {
 public:
  explicit StorageError(const std::string& message) : Error(message, kStoppedEarly) {}
};

// The kind that making room mends, whenever it comes.
class DiskFullError : public StorageError {
 public:
  using StorageError::StorageError;
};

}  // namespace clipsweep
