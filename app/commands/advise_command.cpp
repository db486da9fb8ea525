// `clipsweep advise`: thresholds for a log of gradient norms.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "clipsweep/advice/advice_json.h"
#include "clipsweep/advice/advice_text.h"
#include "clipsweep/advice/norm_log_reader.h"
#include "clipsweep/base/error.h"
#include "clipsweep/experiment/list_syntax.h"
#include "commands/inspection_commands.h"
#include "output.h"

namespace clipsweep {
namespace {

using OpenFile = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// A file, a pipe or standard input.
NormLog read_log(std::FILE* stream, const std::string& where, const std::string& column) {
  const auto source = [&](char* to, std::size_t max_bytes) {
    const std::size_t size = std::fread(to, 1, max_bytes, stream);
    if (size < max_bytes && std::ferror(stream))
      throw ConfigError(fmt::format("{}: cannot read: {}", where, std::strerror(errno)));
    return size;
  };
  return read_norm_log(source, where, column);
}

NormLog read_log(const AdviseCommand& command) {
  if (command.file.empty() || command.file == "-") return read_log(stdin, "stdin", command.column);
  const OpenFile file(std::fopen(command.file.c_str(), "rb"), &std::fclose);
  if (!file)
    throw ConfigError(fmt::format("{}: cannot read: {}", command.file, std::strerror(errno)));
  return read_log(file.get(), command.file, command.column);
}

std::vector<double> thresholds_of(const AdviseCommand& command) {
  if (command.thresholds.empty()) return {};
  const auto thresholds = parse_numbers(command.thresholds);
  for (const double threshold : thresholds)
    check_threshold(ClipMode::kGlobalNorm, threshold, FloatType::kFloat64);
  return thresholds;
}

}  // namespace

int run_advise(const AdviseCommand& command) {
  const auto thresholds = thresholds_of(command);
  const NormLog log = read_log(command);
  const ThresholdAdvice advice = advise(log, thresholds);
  if (command.json)
    print_json_line(to_json(log, advice));
  else
    print_text(advice_text(log, advice));
  return kSuccess;
}

}  // namespace clipsweep
