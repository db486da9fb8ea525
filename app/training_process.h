// Starting clipsweep-train, which lies beside this program.
#pragma once

#include <string>
#include <vector>

namespace clipsweep {

// Replaces this process by clipsweep-train with the same arguments. Returns only by throwing.
[[noreturn]] void become_training_process(int argc, char** argv);

// Runs clipsweep-train with these arguments and returns what it wrote to stdout. Throws ToldFailure
// with its exit code if it fails: it has said why on stderr.
std::string output_of_training_process(const std::vector<std::string>& arguments);

}  // namespace clipsweep
