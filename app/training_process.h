// Starting clipsweep-train, which lies beside this program.
#pragma once

#include <string>
#include <vector>

namespace clipsweep {

// Replaces this process by clipsweep-train with the same arguments. Returns only by throwing.
[[noreturn]] void become_training_process(int argc, char** argv);

// Runs clipsweep-train with these arguments and returns what it wrote to stdout. Throws
// std::runtime_error if it fails.
std::string output_of_training_process(const std::vector<std::string>& arguments);

}  // namespace clipsweep
