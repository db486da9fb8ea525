#include "clipsweep/records/record_members.h"

#include <algorithm>
#include <cmath>

namespace clipsweep {

std::optional<double> optional_number(const Json& object, const char* key) {
  const Json& value = member(object, key);
  if (value.is_null()) return std::nullopt;
  return read_number(value, key);
}

const Json& list_member(const Json& object, const char* key) {
  const Json& value = member(object, key);
  if (!value.is_array()) throw DataError(fmt::format("\"{}\" must be a list", key));
  return value;
}

double finite_member(const Json& object, const char* key) {
  const double value = number_member(object, key);
  if (!std::isfinite(value)) throw DataError(fmt::format("\"{}\" must be finite", key));
  return value;
}

const std::string& plain_tensor_name(const std::string& name) {
  const auto is_plain = [](char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_' || character == '.' ||
           character == '-';
  };
  if (name.empty() || name.size() > 100 || !std::all_of(name.begin(), name.end(), is_plain))
    throw DataError(fmt::format("the name of a tensor must be letters, digits and _.-, not \"{}\"",
                                printable(name)));
  return name;
}

}  // namespace clipsweep
