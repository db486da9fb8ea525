#include "clipsweep/io/json_members.h"

#include <cmath>

namespace clipsweep {

const Json& list_member(const Json& object, const char* key) {
  const Json& value = member(object, key);
  if (!value.is_array()) throw DataError(fmt::format("\"{}\" must be a list", key));
  return value;
}

std::optional<double> optional_number(const Json& object, const char* key) {
  const Json& value = member(object, key);
  if (value.is_null()) return std::nullopt;
  return read_number(value, key);
}

double finite_member(const Json& object, const char* key) {
  const double value = number_member(object, key);
  if (!std::isfinite(value)) throw DataError(fmt::format("\"{}\" must be finite", key));
  return value;
}

std::optional<double> optional_finite_member(const Json& object, const char* key) {
  if (member(object, key).is_null()) return std::nullopt;
  return finite_member(object, key);
}

double finite_element(const Json& element, const char* key) {
  const double number = read_number(element, key);
  if (!std::isfinite(number)) throw DataError(fmt::format("\"{}\" must have finite numbers", key));
  return number;
}

}  // namespace clipsweep
