// Starting the programs of clipsweep, which lie beside each other: clipsweep and clipsweep-train.
#pragma once

#include <string>
#include <vector>

namespace clipsweep {

// Replaces this process by clipsweep-train with the same arguments. Returns only by throwing.
[[noreturn]] void become_training_process(int argc, char** argv);

// What a program that has ended left.
struct EndedProcess {
  int exit_code = 0;
  std::string output;       // its stdout; stderr is this process's
  double wall_seconds = 0;  // from start to exit
};

// Runs `clipsweep` or `clipsweep-train` with these arguments to its end. Throws std::runtime_error
// if it cannot be started or is killed.
EndedProcess run_sibling(const std::string& program, const std::vector<std::string>& arguments);

// Runs clipsweep-train and returns what it wrote to stdout. Throws AlreadyReported with its exit
// code if it fails: it has said why on stderr.
std::string output_of_training_process(const std::vector<std::string>& arguments);

}  // namespace clipsweep
