// Members of JSON objects of a certain kind: lists, finite numbers, numbers or null, names from a
// table. Plain numbers and texts are in json.h.
#pragma once

#include <fmt/format.h>

#include <optional>

#include "clipsweep/base/error.h"
#include "clipsweep/base/name_table.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/json.h"

namespace clipsweep {

// Each throws DataError that names the key.
const Json& list_member(const Json& object, const char* key);
std::optional<double> optional_number(const Json& object, const char* key);
// A number that is never written as NaN or infinite.
double finite_member(const Json& object, const char* key);
std::optional<double> optional_finite_member(const Json& object, const char* key);
// An element of the list with this key.
double finite_element(const Json& element, const char* key);

template <typename Choice, std::size_t N>
Choice choice_member(const Json& object, const char* key, const NameTable<Choice, N>& table) {
  const std::string text = string_member(object, key);
  if (const auto choice = choice_in(table, text)) return *choice;
  throw DataError(
      fmt::format("\"{}\" is \"{}\"; allowed: {}", key, printable(text), join(names_in(table))));
}

}  // namespace clipsweep
