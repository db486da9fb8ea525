// Starts the two programs, clipsweep and clipsweep-train, which are located in the same folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace clipsweep {

// The folder of this program, links resolved. Throws std::runtime_error if it cannot be found.
std::filesystem::path program_folder();

// Why this program of the folder cannot be started, and what to do; empty if it can.
std::string sibling_problem(const std::string& program);

// The texts as exec takes them, ended by a null pointer. They must outlive the result.
std::vector<char*> pointers_to(std::vector<std::string>& texts);

// Replaces this process by clipsweep-train with these arguments. Throws std::runtime_error if that
// fails.
[[noreturn]] void become_training_process(const std::vector<std::string>& arguments);

// What remains of a program that has ended.
struct EndedProcess {
  int exit_code = 0;
  std::string output;       // its stdout; stderr is this process's
  double wall_seconds = 0;  // from start to exit
};

// Runs `clipsweep` or `clipsweep-train` with these arguments to its end. Throws std::runtime_error
// if it cannot be started or is killed.
EndedProcess run_sibling(const std::string& program, const std::vector<std::string>& arguments);

// Runs clipsweep-train and returns what it wrote to stdout. Throws AlreadyReported with its exit
// code if it fails: it has printed why on stderr.
std::string output_of_training_process(const std::vector<std::string>& arguments);

}  // namespace clipsweep
