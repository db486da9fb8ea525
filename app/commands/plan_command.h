// `clipsweep plan`: the runs, where each setting comes from, and what they will cost.
#pragma once

#include "command_line.h"

namespace clipsweep {

// The arguments are those of the process; they are passed on to measure the speed. Returns the
// exit code.
int run_plan(const CommandLine& line, int argc, const char* const* argv);

}  // namespace clipsweep
