// What only records have in their JSON: names of tensors, values or null.
#pragma once

#include <optional>
#include <string>

#include "clipsweep/io/json_members.h"

namespace clipsweep {

// The name of a tensor, unchanged. Throws DataError unless it is a plain name: names are written
// into logs and onto terminals without escapes.
const std::string& plain_tensor_name(const std::string& name);

template <typename Value>
Json value_or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace clipsweep
