// What both programs do around their commands: standard streams that are there, errors as one line
// and an exit code, and no output lost silently.
#pragma once

#include <functional>

namespace clipsweep {

// Thrown where whoever failed has said why already.
struct AlreadyReported {
  int exit_code;
};

// Runs a command, which returns its exit code. Returns the process's.
int run_program(const std::function<int()>& command);

}  // namespace clipsweep
