// The commands that compute gradients and so need LibTorch: they make up clipsweep-train.
#pragma once

#include "command_line.h"

namespace clipsweep {

// Each returns the exit code.
int run_sweep(const CommandLine& line, int argc, const char* const* argv);
int run_trace(const CommandLine& line);
int run_bench(const CommandLine& line);
int run_measure(const CommandLine& line);

}  // namespace clipsweep
