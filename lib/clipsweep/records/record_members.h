// Reads members that only records have: names from a table, tensors, lists. Everything else is in
// json.h.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "clipsweep/base/error.h"
#include "clipsweep/base/name_table.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/json.h"

namespace clipsweep {

// Each throws DataError that names the key.
std::optional<double> optional_number(const Json& object, const char* key);
const Json& list_member(const Json& object, const char* key);
// A number that is never written as NaN or infinite.
double finite_member(const Json& object, const char* key);

template <typename Choice, std::size_t N>
Choice choice_member(const Json& object, const char* key, const NameTable<Choice, N>& table) {
  const std::string text = string_member(object, key);
  if (const auto choice = choice_in(table, text)) return *choice;
  throw DataError(
      fmt::format("\"{}\" is \"{}\"; allowed: {}", key, printable(text), join(names_in(table))));
}

// The name of a tensor, unchanged. Throws DataError unless it is a plain name: names are written
// into logs and onto terminals without escapes.
const std::string& plain_tensor_name(const std::string& name);

template <typename Value>
Json value_or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace clipsweep
