// What both programs do around their commands: open the standard streams, turn errors into one line
// and an exit code, and report lost output.
#pragma once

#include <functional>

namespace clipsweep {

// Thrown when the error has already been reported.
struct AlreadyReported {
  int exit_code;
};

// Runs a command, which returns its exit code. Returns the exit code of the process.
int run_program(const std::function<int()>& command);

}  // namespace clipsweep
