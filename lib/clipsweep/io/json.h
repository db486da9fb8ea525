// Strict JSON (RFC 8259), by nlohmann/json, with two rules of this project: a non-finite number is
// the string "NaN", "Infinity" or "-Infinity", and a float32 is written as the shortest text that
// reads back to the same float32.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace clipsweep {

using Json = nlohmann::ordered_json;

// A number as JSON. nlohmann/json itself would write NaN and infinities as null.
Json json_number(double value);
Json json_number(float value);

// A number, or `null` if it was not measured.
template <typename Number>
Json json_optional(const Number& value) {
  return value ? json_number(*value) : Json(nullptr);
}

// Reads what `json_number` wrote. Throws DataError, naming the key, on anything else.
double read_number(const Json& value, std::string_view key);

// `; write "Infinity"`: the correct spelling, if the value is a string that contains a number, such
// as "inf"; empty otherwise. For messages.
std::string number_hint(const Json& value);

// The member of an object. Each throws DataError that names the key if it is missing or has another
// type.
const Json& member(const Json& object, std::string_view key);
double number_member(const Json& object, std::string_view key);
std::uint64_t count_member(const Json& object, std::string_view key);
std::string string_member(const Json& object, std::string_view key);
bool bool_member(const Json& object, std::string_view key);

// Throws DataError unless the member `schema` is this one.
void require_schema(const Json& object, std::string_view schema);

// Parses one JSON text. Throws DataError "WHERE: what is wrong" on malformed text, NaN without
// quotes, anything after the value, more than 32 levels of nesting, more than 4,096 keys in one
// object, or more than 50 million keys and values.
Json parse_json(std::string_view text, const std::string& where);

// The same, and throws if an object has a key twice (nlohmann/json would keep the last).
Json parse_json_with_unique_keys(std::string_view text, const std::string& where);

// The byte at which a text stops being valid JSON. nullopt if the text is valid, or if it has a
// number out of the range of double or too deep nesting before that.
std::optional<std::size_t> syntax_error_position(std::string_view text);

// As one line, and as an indented page; both without a line break at the end.
std::string to_line(const Json& value);
std::string to_page(const Json& value);

// Appends a number as `json_number` writes it, but faster; for logs of millions of lines.
void append_number(std::string& text, double value);
void append_number(std::string& text, float value);
void append_number(std::string& text, std::uint64_t value);

}  // namespace clipsweep
