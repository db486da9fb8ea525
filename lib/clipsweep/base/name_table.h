// The spelling of an enum's values on the command line and in JSON: one table per enum, read both
// ways.
#pragma once

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clipsweep/base/text.h"

namespace clipsweep {

template <typename Choice, std::size_t N>
using NameTable = std::array<std::pair<Choice, const char*>, N>;

// Throws std::logic_error if the table lacks the value.
template <typename Choice, std::size_t N>
const char* name_in(const NameTable<Choice, N>& table, Choice choice) {
  for (const auto& [entry, name] : table)
    if (entry == choice) return name;
  throw std::logic_error("name_in: a value is missing from its table");
}

// Nothing if no value has this name.
template <typename Choice, std::size_t N>
std::optional<Choice> choice_in(const NameTable<Choice, N>& table, std::string_view name) {
  for (const auto& [choice, entry] : table)
    if (name == entry) return choice;
  return std::nullopt;
}

template <typename Choice, std::size_t N>
std::vector<std::string> names_in(const NameTable<Choice, N>& table) {
  std::vector<std::string> names;
  for (const auto& [choice, name] : table) names.emplace_back(name);
  return names;
}

// Throws ConfigError that suggests a name and lists all: `unknown KIND "NAME" ...`.
template <typename Choice, std::size_t N>
Choice parse_choice(const NameTable<Choice, N>& table, std::string_view kind,
                    std::string_view name) {
  if (const auto choice = choice_in(table, name)) return *choice;
  throw_unknown(kind, name, names_in(table));
}

}  // namespace clipsweep
