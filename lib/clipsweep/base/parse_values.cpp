#include "clipsweep/base/parse_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

bool is_finite_float(double value) { return std::isfinite(static_cast<float>(value)); }

// `is_allowed` must be false for NaN, which stands for a text that is not a number.
template <typename Condition>
double parse_real(std::string_view text, const Condition& is_allowed, std::string_view allowed) {
  const double value = parse_number(text).value_or(std::numeric_limits<double>::quiet_NaN());
  if (is_allowed(value)) return value;
  throw ConfigError(fmt::format("must be {}", allowed));
}

}  // namespace

std::uint64_t parse_whole(std::string_view text, std::uint64_t min, std::uint64_t max) {
  if (const auto value = parse_count(text); value && *value >= min && *value <= max) return *value;
  throw ConfigError(fmt::format("must be a whole number from {} to {}", with_thousands(min),
                                with_thousands(max)));
}

std::uint64_t parse_seed(std::string_view text) {
  if (const auto seed = parse_count(text)) return *seed;
  throw ConfigError("must be a whole number from 0");
}

bool parse_switch(std::string_view text) {
  if (text == "true" || text == "false") return text == "true";
  throw ConfigError("must be true or false");
}

std::string parse_name(std::string_view kind, std::string_view text,
                       const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), text) == names.end()) throw_unknown(kind, text, names);
  return std::string(text);
}

std::string parse_folder(std::string_view text) {
  if (text.empty()) throw ConfigError("must name a folder");
  if (text.find('\0') != text.npos) throw ConfigError("must not contain a NUL character");
  return std::string(text);
}

double parse_fraction(std::string_view text) {
  return parse_real(
      text, [](double value) { return value > 0 && value <= 1; }, "a number above 0 and up to 1");
}

double parse_decay(std::string_view text) {
  return parse_real(
      text, [](double value) { return value >= 0 && value < 1; }, "a number from 0 to below 1");
}

double parse_decay_in_float32(std::string_view text) {
  return parse_real(
      text, [](double value) { return value >= 0 && static_cast<float>(value) < 1; },
      "a number from 0 to below 1");
}

double parse_positive(std::string_view text) {
  return parse_real(
      text, [](double value) { return value > 0 && std::isfinite(value); },
      "a finite number above 0");
}

double parse_positive_in_float32(std::string_view text) {
  return parse_real(
      text, [](double value) { return static_cast<float>(value) > 0 && is_finite_float(value); },
      "a finite number above 0");
}

double parse_nonnegative(std::string_view text) {
  return parse_real(
      text, [](double value) { return value >= 0 && std::isfinite(value); },
      "a finite number from 0");
}

double parse_nonnegative_in_float32(std::string_view text) {
  return parse_real(
      text, [](double value) { return value >= 0 && is_finite_float(value); },
      "a finite number from 0");
}

double parse_finite_in_float32(std::string_view text) {
  return parse_real(text, is_finite_float, "a finite number, such as 1");
}

double parse_norm_type(std::string_view text) {
  return parse_real(
      text,
      [](double type) {
        return type == 1 || type == 2 || type == std::numeric_limits<double>::infinity();
      },
      "1, 2 or inf");
}

}  // namespace clipsweep
