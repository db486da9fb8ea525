#include "sibling_process.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "clipsweep/base/wall_clock.h"
#include "one_thread.h"
#include "program.h"

extern char** environ;

namespace clipsweep {
namespace {

std::string path_of(const std::string& name) {
  if (const std::string problem = sibling_problem(name); !problem.empty())
    throw std::runtime_error(problem);
  return (program_folder() / name).string();
}

// The arguments as a program gets them: its path first.
std::vector<std::string> with_program(const std::string& program,
                                      const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {path_of(program)};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

std::string read_to_end(int descriptor) {
  std::string content;
  std::array<char, 4096> chunk{};
  for (ssize_t count = 1; count != 0;) {
    count = ::read(descriptor, chunk.data(), chunk.size());
    if (count > 0) content.append(chunk.data(), static_cast<std::size_t>(count));
    if (count < 0 && errno != EINTR) break;
  }
  return content;
}

}  // namespace

std::filesystem::path program_folder() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw std::runtime_error("/proc/self/exe: " + error.message());
  return self.parent_path();
}

std::string sibling_problem(const std::string& program) {
  const auto path = program_folder() / program;
  if (::access(path.c_str(), X_OK) == 0) return "";
  return fmt::format(
      "{}: not found. This needs LibTorch: install the package {}, or run scripts/setup, "
      "cmake --preset release and cmake --build --preset release",
      path.string(), program);
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

void become_training_process(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = with_program("clipsweep-train", arguments);
  set_one_thread_environment();
  ::execv(all[0].c_str(), pointers_to(all).data());
  throw std::runtime_error(fmt::format("{}: {}", all[0], std::strerror(errno)));
}

EndedProcess run_sibling(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<std::string> all = with_program(program, arguments);
  set_one_thread_environment();
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw std::runtime_error(std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  EndedProcess ended;
  const Stopwatch stopwatch;
  pid_t child = 0;
  const int error =
      ::posix_spawn(&child, all[0].c_str(), &actions, nullptr, pointers_to(all).data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error == 0) ended.output = read_to_end(ends[0]);
  ::close(ends[0]);
  int status = 0;
  if (error != 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status))
    throw std::runtime_error(program + " could not be started or was killed");
  ended.wall_seconds = stopwatch.seconds();
  ended.exit_code = WEXITSTATUS(status);
  return ended;
}

std::string output_of_training_process(const std::vector<std::string>& arguments) {
  const EndedProcess ended = run_sibling("clipsweep-train", arguments);
  if (ended.exit_code != 0) throw AlreadyReported{ended.exit_code};
  return ended.output;
}

}  // namespace clipsweep
