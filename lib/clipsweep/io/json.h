// Strict JSON (RFC 8259), by nlohmann/json, with this project's two rules on top: a number that is
// not finite is the string "NaN", "Infinity" or "-Infinity", and a float32 is written as the
// shortest text that reads back to the same float32.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace clipsweep {

using Json = nlohmann::ordered_json;

// A number as JSON. nlohmann/json alone would write NaN and infinities as null.
Json json_number(double value);
Json json_number(float value);

// A number that is `null` where it was not measured.
template <typename Number>
Json json_optional(const Number& value) {
  return value ? json_number(*value) : Json(nullptr);
}

// Reads what `json_number` wrote. Throws DataError, naming the key, on anything else.
double read_number(const Json& value, std::string_view key);

// The member of an object. Each throws DataError that names the key if it is missing or of another
// type.
const Json& member(const Json& object, std::string_view key);
double number_member(const Json& object, std::string_view key);
std::uint64_t count_member(const Json& object, std::string_view key);
std::string string_member(const Json& object, std::string_view key);
bool bool_member(const Json& object, std::string_view key);

// Throws DataError unless the member `schema` is this one.
void require_schema(const Json& object, std::string_view schema);

// Parses one JSON text. Throws DataError "WHERE: what is wrong" on malformed text, a bare NaN,
// anything after the value, nesting deeper than 32, more than 4,096 keys in one object, or more
// than 50 million keys and values.
Json parse_json(std::string_view text, const std::string& where);

// Likewise, and throws where an object has a key twice, of which nlohmann/json keeps the last.
Json parse_json_with_unique_keys(std::string_view text, const std::string& where);

// Where a text stops being JSON, in bytes; nothing if it does not, holds a number that no double
// can hold, or is nested too deeply first.
std::optional<std::size_t> syntax_error_position(std::string_view text);

// The shortest and the readable spelling; both end without a line break.
std::string to_line(const Json& value);
std::string to_page(const Json& value);

// Appends a number in the spelling of `json_number`; for logs written a million lines at a time.
void append_number(std::string& text, double value);
void append_number(std::string& text, float value);

}  // namespace clipsweep
