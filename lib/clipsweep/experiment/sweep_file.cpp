#include "clipsweep/experiment/sweep_file.h"

#include <fmt/format.h>

#define TOML_HEADER_ONLY 0
#include <toml++/toml.h>

#include <filesystem>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/files.h"

namespace clipsweep {
namespace {

// A number, boolean or string as it would be written on the command line; nothing for other types.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return shortest(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  return std::nullopt;
}

std::optional<std::string> list_text(const std::string& key, const toml::array& array) {
  std::vector<std::string> parts;
  for (const auto& node : array) {
    const auto part = scalar_text(node);
    if (!part) return std::nullopt;
    parts.push_back(*part);
  }
  // A list of one seed is that seed; a single number would be a count.
  if (key == "seeds" && parts.size() == 1 && parse_count(parts.front()))
    return fmt::format("{0}-{0}", parts.front());
  return join(parts, ",");
}

Assignment assignment_of(const std::string& file, const toml::key& name, const toml::node& node) {
  const std::string key(name.str());
  const auto begin = name.source().begin;
  const auto text = node.is_array() ? list_text(key, *node.as_array()) : scalar_text(node);
  const std::string place = fmt::format("{}:{}:{}", file, begin.line, begin.column);
  if (!text)
    throw ConfigError(fmt::format(
        "{}: {} must be a number, a string, true, false or a list of these; tables and dates are "
        "not supported",
        place, printable(key)));
  return {
      key, *text, fmt::format("{}:{}", file, begin.line),
      fmt::format("{}: {} = {}", place, printable(key), text->empty() ? "[]" : printable(*text))};
}

// toml++ makes nested tables of `a.b.c` and destroys them by recursion: a key with enough dots
// overflows the stack. No key of a sweep file has a dot; refused is any text with more than
// kMaxDots dots between two commas or line breaks.
void refuse_deep_keys(std::string_view text, const std::string& name) {
  constexpr int kMaxDots = 32;
  std::size_t line = 1;
  int dots = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') ++line;
    if (text[i] == '\n' || text[i] == ',') dots = 0;
    const bool follows_dot = i > 0 && text[i - 1] == '.';
    if (text[i] == '.' && !follows_dot && ++dots > kMaxDots)
      throw ConfigError(fmt::format("{}:{}: not valid: more than {} dots; keys have no dots here",
                                    name, line, kMaxDots));
  }
}

}  // namespace

std::vector<Assignment> read_sweep_file(const std::string& path) {
  std::string content;
  try {
    content = read_file(path, std::size_t{1} << 20);
  } catch (const DataError& error) {
    throw ConfigError(fmt::format("sweep file {}", error.what()));
  }
  return parse_sweep_text(content, fs::path(path).filename().string());
}

std::vector<Assignment> parse_sweep_text(std::string_view text, const std::string& name) {
  refuse_deep_keys(text, name);
  try {
    const toml::table table = toml::parse(text, name);
    std::vector<Assignment> assignments;
    for (const auto& [key, node] : table) assignments.push_back(assignment_of(name, key, node));
    return assignments;
  } catch (const toml::parse_error& error) {
    const auto begin = error.source().begin;
    throw ConfigError(fmt::format("{}:{}:{}: not valid TOML: {}", name, begin.line, begin.column,
                                  printable(error.description(), 200)));
  }
}

}  // namespace clipsweep
