#include "clipsweep/io/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <vector>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr int kDeepest = 32;
// nlohmann/json compares a key with all those before it: time grows with the square.
constexpr std::size_t kMaxKeys = 4096;
// A value takes up to 50 bytes of memory, and as little as 2 of text.
constexpr std::size_t kMaxValues = 50'000'000;

const char* nonfinite_name(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

template <typename Number>
void append_json_number(std::string& text, Number value) {
  if (std::isfinite(value))
    fmt::format_to(std::back_inserter(text), "{}", value);
  else
    fmt::format_to(std::back_inserter(text), "\"{}\"", nonfinite_name(value));
}

bool opens(Json::parse_event_t event) {
  return event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
}

// Sees to it that a text costs no more time and memory than a text of its size may. Throws
// DataError.
class ParseBounds {
 public:
  explicit ParseBounds(const std::string& where) : where_(where) {}

  void see(int depth, Json::parse_event_t event) {
    const auto level = static_cast<std::size_t>(depth);
    if (opens(event) && depth >= kDeepest)
      throw DataError(fmt::format("{}: nested deeper than {} levels", where_, kDeepest));
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
  std::array<std::size_t, kDeepest + 2> keys_{};  // of the open object at each depth
  std::size_t events_ = 0;
};

// Parses with a look at each event, (depth, event, what was parsed).
template <typename Look>
Json parse_checked(std::string_view text, const std::string& where, const Look& look) {
  // nlohmann/json takes a NUL for the end of the text, whatever follows.
  if (const auto nul = text.find('\0'); nul != text.npos)
    throw DataError(fmt::format("{}: not valid JSON: a NUL byte after {} bytes", where, nul));
  ParseBounds bounds(where);
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    bounds.see(depth, event);
    look(depth, event, parsed);
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), check);
  } catch (const Json::exception& error) {
    const std::string_view what = error.what();
    const auto detail = what.find("syntax error");
    throw DataError(fmt::format("{}: not valid JSON: {}", where,
                                printable(what.substr(detail == what.npos ? 0 : detail), 160)));
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
  // A whole number is written without ".0", as the step log writes it.
  constexpr double kLargestExact = 9007199254740992.0;
  const bool negative_zero = value == 0 && std::signbit(value);
  if (value != std::floor(value) || std::abs(value) >= kLargestExact || negative_zero) return value;
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
  throw_wrong_type(key, "a number, \"NaN\", \"Infinity\" or \"-Infinity\"", value);
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
  std::vector<std::set<std::string>> seen(kDeepest + 2);  // of the open object at each depth
  return parse_checked(text, where, [&](int depth, Json::parse_event_t event, const Json& parsed) {
    const auto level = static_cast<std::size_t>(depth);
    if (event == Json::parse_event_t::object_start) seen[level + 1].clear();
    if (event == Json::parse_event_t::key && !seen[level].insert(parsed.get<std::string>()).second)
      throw DataError(fmt::format("{}: the key \"{}\" is there twice", where,
                                  printable(parsed.get<std::string>())));
  });
}

std::optional<std::size_t> syntax_error_position(std::string_view text) {
  const auto keep_nothing = [](int depth, Json::parse_event_t event, const Json&) {
    if (opens(event) && depth >= kDeepest) throw DataError("too deep");
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

}  // namespace clipsweep
