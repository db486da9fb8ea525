#include "clipsweep/validation/step_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string_view>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

// ---- Values: each throws DataError unless a value is in the range

void require_in_range(bool, ColumnRange, std::string_view) {}

void require_in_range(std::uint64_t value, ColumnRange range, std::string_view key) {
  if (range == ColumnRange::kFromOne && value == 0)
    throw DataError(fmt::format("\"{}\" counts from 1, not from 0", key));
}

template <typename Number>
void require_number_in_range(Number value, ColumnRange range, std::string_view key) {
  const auto require = [&](bool is_in_range, std::string_view allowed) {
    if (!is_in_range)
      throw DataError(fmt::format("\"{}\" must be {}, not {}", key, allowed, value));
  };
  // NaN is not below zero.
  if (range == ColumnRange::kMagnitude) require(!(value < 0), "from 0");
  if (range == ColumnRange::kFiniteFromZero)
    require(value >= 0 && std::isfinite(value), "a finite number from 0");
  if (range == ColumnRange::kFinite) require(std::isfinite(value), "a finite number");
  if (range == ColumnRange::kShare) require(value >= 0 && value <= 1, "from 0 to 1");
  if (range == ColumnRange::kCosine) require(std::abs(value) <= 1, "from -1 to 1");
}

void require_in_range(float value, ColumnRange range, std::string_view key) {
  require_number_in_range(value, range, key);
}

void require_in_range(double value, ColumnRange range, std::string_view key) {
  require_number_in_range(value, range, key);
}

template <typename Value>
void require_in_range(const std::optional<Value>& value, ColumnRange range, std::string_view key) {
  if (value) require_in_range(*value, range, key);
}

void require_in_range(const Measurement& measured, ColumnRange range, std::string_view key) {
  require_in_range(measured.value, range, key);
}

template <typename Names>
void require_known_keys(const Json& object, const Names& names) {
  for (const auto& item : object.items())
    if (std::find(names.begin(), names.end(), item.key()) == names.end())
      throw DataError(fmt::format("unknown key \"{}\"", printable(item.key())));
}

template <typename Value>
void check_column(const StepColumn<Value>& column, const Value& value, const Json& json,
                  const std::vector<std::string>&) {
  require_in_range(value, column.range, column.key.name());
  if constexpr (std::is_same_v<Value, bool>)
    if (column.presence == ColumnPresence::kOnlyIfTrue && !value &&
        json.contains(column.key.name()))
      throw DataError(fmt::format("\"{}\" is true or absent, never false", column.key.name()));
  if constexpr (IsOptional<Value>::value)
    if (column.presence == ColumnPresence::kOnlyIfMeasured && !value &&
        json.contains(column.key.name()))
      throw DataError(fmt::format("\"{}\" is a number or absent, never null", column.key.name()));
}

void check_column(const StepColumn<std::vector<double>>& column, const std::vector<double>& values,
                  const Json& json, const std::vector<std::string>& tensor_names) {
  require_known_keys(member(json, column.key.name()), tensor_names);
  for (std::size_t i = 0; i < values.size(); ++i)
    require_in_range(values[i], column.range, tensor_names[i]);
}

const std::vector<std::string_view>& keys() {
  static const auto kKeys = [] {
    std::vector<std::string_view> names;
    for_each_step_column([&](const auto& column) { names.push_back(column.key.name()); });
    return names;
  }();
  return kKeys;
}

// ---- The schema of a column

Json reference(const char* definition) {
  return {{"$ref", fmt::format("#/definitions/{}", definition)}};
}

Json schema_of(ColumnRange range) {
  switch (range) {
    case ColumnRange::kBoolean:
      return {{"type", "boolean"}};
    case ColumnRange::kFromZero:
      return reference("count");
    case ColumnRange::kFromOne:
      return {{"type", "integer"}, {"minimum", 1}};
    case ColumnRange::kNumber:
      return reference("number");
    case ColumnRange::kMagnitude:
      return reference("magnitude");
    case ColumnRange::kFiniteFromZero:
      return reference("finite_magnitude");
    case ColumnRange::kFinite:
      return reference("finite_number");
    case ColumnRange::kShare:
      return reference("share");
    case ColumnRange::kCosine:
      return reference("cosine");
  }
  throw std::logic_error("schema_of: unknown range");
}

template <typename Value>
Json schema_of(const StepColumn<Value>& column) {
  const Json schema = schema_of(column.range);
  if (column.presence == ColumnPresence::kOnlyIfTrue) return {{"const", true}};
  constexpr bool kIsMeasurement = std::is_same_v<Value, Measurement>;
  if (column.presence == ColumnPresence::kOnlyIfMeasured && !kIsMeasurement) return schema;
  if constexpr (IsOptional<Value>::value || kIsMeasurement)
    return {{"anyOf", Json::array({schema, {{"type", "null"}}})}};
  if constexpr (std::is_same_v<Value, std::vector<double>>)
    return {{"description", "A number for each tensor that the header names"},
            {"type", "object"},
            {"minProperties", 1},
            {"additionalProperties", schema}};
  return schema;
}

}  // namespace

StepRecord read_strict_step(const Json& json, const std::vector<std::string>& tensor_names) {
  const StepRecord record = step_record_from_json(json, tensor_names);
  require_known_keys(json, keys());
  for_each_step_column(
      [&](const auto& column) { check_column(column, record.*column.member, json, tensor_names); });
  return record;
}

Json step_column_schemas() {
  Json schemas = Json::object();
  for_each_step_column(
      [&](const auto& column) { schemas[std::string(column.key.name())] = schema_of(column); });
  return schemas;
}

std::vector<std::string> required_step_columns() {
  std::vector<std::string> required;
  for_each_step_column([&](const auto& column) {
    if (column.presence == ColumnPresence::kAlways) required.emplace_back(column.key.name());
  });
  return required;
}

}  // namespace clipsweep
