#include "clipsweep/io/json.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <vector>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr int kMaxDepth = 32;
// nlohmann/json compares a key with all keys before it: time grows with the square.
constexpr std::size_t kMaxKeys = 4096;
// A value takes up to 50 bytes of memory, but only 2 bytes of text.
constexpr std::size_t kMaxValues = 50'000'000;

const char* nonfinite_name(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

// Into an array, with the format compiled: a fifth faster than fmt::format_to into the text.
template <typename Number>
void append_digits(std::string& text, Number value) {
  std::array<char, 32> digits;  // a double takes up to 24
  const char* end = fmt::format_to(digits.data(), FMT_COMPILE("{}"), value);
  text.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

template <typename Number>
void append_json_number(std::string& text, Number value) {
  if (std::isfinite(value))
    append_digits(text, value);
  else
    fmt::format_to(std::back_inserter(text), "\"{}\"", nonfinite_name(value));
}

bool opens(Json::parse_event_t event) {
  return event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
}

// Bounds the time and memory that a text may take to parse. Throws DataError beyond.
class ParseBounds {
 public:
  explicit ParseBounds(const std::string& where) : where_(where) {}

  void check(int depth, Json::parse_event_t event) {
    const auto level = static_cast<std::size_t>(depth);
    if (opens(event) && depth >= kMaxDepth)
      throw DataError(fmt::format("{}: nested deeper than {} levels", where_, kMaxDepth));
    if (event == Json::parse_event_t::object_start) keys_[level + 1] = 0;
    if (event == Json::parse_event_t::key && ++keys_[level] > kMaxKeys)
      throw DataError(
          fmt::format("{}: an object of more than {} keys", where_, with_thousands(kMaxKeys)));
    if (++events_ > kMaxValues)
      throw DataError(
          fmt::format("{}: more than {} keys and values", where_, with_thousands(kMaxValues)));
  }

 private:
  const std::string& where_;
  std::array<std::size_t, kMaxDepth + 2> keys_{};  // of the open object at each depth
  std::size_t events_ = 0;
};

[[noreturn]] void throw_malformed(const std::string& where, std::string_view what) {
  const auto detail = what.find("syntax error");
  throw DataError(fmt::format("{}: not valid JSON: {}", where,
                              printable(what.substr(detail == what.npos ? 0 : detail), 160)));
}

// `NaN at byte 12 is not JSON; ...`, if the parser stopped at a NaN or infinity without quotes;
// else empty. `byte` is the number of bytes that it had read.
std::string bare_nonfinite_hint(std::string_view text, std::size_t byte) {
  const auto is_part = [](char character) {
    return std::isalpha(static_cast<unsigned char>(character)) != 0 || character == '-' ||
           character == '+';
  };
  std::size_t begin = std::min(byte, text.size());
  std::size_t end = begin;
  while (begin > 0 && is_part(text[begin - 1])) --begin;
  while (end < text.size() && is_part(text[end])) ++end;
  const std::string word(text.substr(begin, std::min<std::size_t>(end - begin, 20)));
  const auto value = parse_number(word);
  if (!value || std::isfinite(*value)) return "";
  return fmt::format("{} at byte {} is not JSON; write it as the string \"{}\"", word, begin + 1,
                     nonfinite_name(*value));
}

// Parses, and calls `look` with each event: (depth, event, parsed value).
template <typename Look>
Json parse_checked(std::string_view text, const std::string& where, const Look& look) {
  // nlohmann/json takes a NUL as the end of the text and ignores what follows.
  if (const auto nul = text.find('\0'); nul != text.npos)
    throw DataError(fmt::format("{}: not valid JSON: a NUL byte after {} bytes", where, nul));
  ParseBounds bounds(where);
  const auto inspect = [&](int depth, Json::parse_event_t event, Json& parsed) {
    bounds.check(depth, event);
    look(depth, event, parsed);
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), inspect);
  } catch (const Json::parse_error& error) {
    const std::string hint = bare_nonfinite_hint(text, error.byte);
    if (!hint.empty()) throw DataError(fmt::format("{}: not valid JSON: {}", where, hint));
    throw_malformed(where, error.what());
  } catch (const Json::exception& error) {
    throw_malformed(where, error.what());
  }
}

[[noreturn]] void throw_wrong_type(std::string_view key, std::string_view expected,
                                   const Json& value) {
  throw DataError(
      fmt::format("\"{}\" must be {}, not {}", key, expected, printable(to_line(value))));
}

}  // namespace

Json json_number(double value) {
  if (!std::isfinite(value)) return nonfinite_name(value);
  // A whole number is written without ".0", as in the step log.
  constexpr double kMaxExact = 9007199254740992.0;
  const bool negative_zero = value == 0 && std::signbit(value);
  if (value != std::floor(value) || std::abs(value) >= kMaxExact || negative_zero) return value;
  if (value < 0) return static_cast<std::int64_t>(value);
  return static_cast<std::uint64_t>(value);
}

Json json_number(float value) {
  if (!std::isfinite(value)) return nonfinite_name(static_cast<double>(value));
  return json_number(*parse_number(shortest(value)));
}

double read_number(const Json& value, std::string_view key) {
  if (value.is_number()) return value.get<double>();
  if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value == "Infinity") return std::numeric_limits<double>::infinity();
  if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
  throw DataError(
      fmt::format("\"{}\" must be a number, \"NaN\", \"Infinity\" or \"-Infinity\", not {}{}", key,
                  printable(to_line(value)), number_hint(value)));
}

std::string number_hint(const Json& value) {
  if (!value.is_string()) return "";
  const auto text = value.get<std::string>();
  const auto number = parse_number(text);
  if (!number) return "";
  if (!std::isfinite(*number)) return fmt::format("; write \"{}\"", nonfinite_name(*number));
  return fmt::format("; write {} without quotes", printable(text));
}

const Json& member(const Json& object, std::string_view key) {
  if (!object.is_object()) throw DataError(fmt::format("expected an object with \"{}\"", key));
  const auto found = object.find(std::string(key));
  if (found == object.end()) throw DataError(fmt::format("\"{}\" is missing", key));
  return *found;
}

double number_member(const Json& object, std::string_view key) {
  return read_number(member(object, key), key);
}

std::uint64_t count_member(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  if (!value.is_number_unsigned()) throw_wrong_type(key, "a whole number from 0", value);
  return value.get<std::uint64_t>();
}

std::string string_member(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  if (!value.is_string()) throw_wrong_type(key, "a string", value);
  return value.get<std::string>();
}

bool bool_member(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  if (!value.is_boolean()) throw_wrong_type(key, "true or false", value);
  return value.get<bool>();
}

void require_schema(const Json& object, std::string_view schema) {
  if (const auto found = string_member(object, "schema"); found != schema)
    throw DataError(
        fmt::format("\"schema\" is \"{}\"; this version reads {}", printable(found), schema));
}

Json parse_json(std::string_view text, const std::string& where) {
  return parse_checked(text, where, [](int, Json::parse_event_t, const Json&) {});
}

Json parse_json_with_unique_keys(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> seen(kMaxDepth + 2);  // of the open object at each depth
  return parse_checked(text, where, [&](int depth, Json::parse_event_t event, const Json& parsed) {
    const auto level = static_cast<std::size_t>(depth);
    if (event == Json::parse_event_t::object_start) seen[level + 1].clear();
    if (event == Json::parse_event_t::key && !seen[level].insert(parsed.get<std::string>()).second)
      throw DataError(fmt::format("{}: the key \"{}\" occurs twice", where,
                                  printable(parsed.get<std::string>())));
  });
}

std::optional<std::size_t> syntax_error_position(std::string_view text) {
  const auto keep_nothing = [](int depth, Json::parse_event_t event, const Json&) {
    if (opens(event) && depth >= kMaxDepth) throw DataError("nested too deeply");
    return false;
  };
  const auto nul = text.find('\0');
  try {
    [[maybe_unused]] const Json ignored = Json::parse(text.begin(), text.end(), keep_nothing);
    if (nul != text.npos) return nul;
  } catch (const Json::parse_error& error) {
    return std::min(error.byte, text.size());
  } catch (const Json::out_of_range&) {
  } catch (const DataError&) {
  }
  return std::nullopt;
}

std::string to_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_page(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace);
}

void append_number(std::string& text, double value) { append_json_number(text, value); }
void append_number(std::string& text, float value) { append_json_number(text, value); }
void append_number(std::string& text, std::uint64_t value) { append_digits(text, value); }

}  // namespace clipsweep
