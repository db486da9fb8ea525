// `clipsweep clip`: one mode applied to gradients given as JSON.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "clipsweep/base/error.h"
#include "clipsweep/clipping/clip_request.h"
#include "commands/inspection_commands.h"
#include "output.h"

namespace clipsweep {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 28;

// All of a file, a pipe or standard input.
std::string read_all(std::FILE* stream, const std::string& where) {
  std::string content;
  std::size_t filled = 0;
  do {
    content.resize(filled + 65536);
    filled += std::fread(content.data() + filled, 1, content.size() - filled, stream);
    if (filled > kMaxBytes)
      throw ConfigError(fmt::format("{}: more than {} MiB", where, kMaxBytes >> 20));
  } while (filled == content.size());
  if (std::ferror(stream))
    throw ConfigError(fmt::format("{}: cannot read: {}", where, std::strerror(errno)));
  content.resize(filled);
  return content;
}

}  // namespace

int run_clip(const ClipCommand& command) {
  const bool is_stdin = command.file.empty() || command.file == "-";
  const std::string where = is_stdin ? "stdin" : command.file;
  std::string text;
  if (is_stdin) {
    text = read_all(stdin, where);
  } else {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen(command.file.c_str(), "rb"), &std::fclose);
    if (!file) throw ConfigError(fmt::format("{}: cannot read: {}", where, std::strerror(errno)));
    text = read_all(file.get(), where);
  }
  print_json_line(answer_clip_request(text, where));
  return kSuccess;
}

}  // namespace clipsweep
