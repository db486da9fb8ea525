#include "clipsweep/records/step_record.h"

#include <type_traits>

#include "clipsweep/records/record_members.h"

namespace clipsweep {
namespace {

// What a line lacks must have a value that says so: none, or false.
template <typename Value>
constexpr bool fits_its_presence(const StepColumn<Value>& column) {
  if (column.presence == ColumnPresence::kOnlyIfTrue) return std::is_same_v<Value, bool>;
  if (column.presence == ColumnPresence::kOnlyIfMeasured)
    return IsOptional<Value>::value || std::is_same_v<Value, Measurement>;
  return true;
}

constexpr bool columns_fit_their_presence() {
  bool fit = true;
  for_each_step_column([&](const auto& column) { fit = fit && fits_its_presence(column); });
  return fit;
}

static_assert(columns_fit_their_presence());

// ---- Writing: a value as it is in a line. `names` are those of the tensors.

using Names = std::vector<std::string>;

void append_value(std::string& text, bool value, const Names&) { text += value ? "true" : "false"; }

template <typename Number, typename = std::enable_if_t<std::is_arithmetic_v<Number>>>
void append_value(std::string& text, Number value, const Names&) {
  append_number(text, value);
}

template <typename Value>
void append_value(std::string& text, const std::optional<Value>& value, const Names& names) {
  if (value)
    append_value(text, *value, names);
  else
    text += "null";
}

void append_value(std::string& text, const Measurement& measured, const Names& names) {
  append_value(text, measured.value, names);
}

void append_value(std::string& text, const std::vector<double>& norms, const Names& names) {
  text += '{';
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += i == 0 ? "\"" : ",\"";
    text += names[i];
    text += "\":";
    append_number(text, norms[i]);
  }
  text += '}';
}

template <typename Value>
bool is_in_line(const StepColumn<Value>& column, const Value& value) {
  if constexpr (std::is_same_v<Value, bool>)
    return value || column.presence != ColumnPresence::kOnlyIfTrue;
  else if constexpr (IsOptional<Value>::value)
    return value || column.presence != ColumnPresence::kOnlyIfMeasured;
  else if constexpr (std::is_same_v<Value, Measurement>)
    return value.is_taken;
  else
    return true;
}

// ---- Reading

void read_value(const Json& json, const std::string& key, bool& value, const Names&) {
  value = bool_member(json, key);
}

void read_value(const Json& json, const std::string& key, std::uint64_t& value, const Names&) {
  value = count_member(json, key);
}

void read_value(const Json& json, const std::string& key, double& value, const Names&) {
  value = number_member(json, key);
}

void read_value(const Json& json, const std::string& key, float& value, const Names&) {
  value = static_cast<float>(number_member(json, key));
}

template <typename Value>
void read_value(const Json& json, const std::string& key, std::optional<Value>& value,
                const Names& names) {
  if (!member(json, key).is_null()) read_value(json, key, value.emplace(), names);
}

void read_value(const Json& json, const std::string& key, Measurement& measured,
                const Names& names) {
  measured.is_taken = true;
  read_value(json, key, measured.value, names);
}

void read_value(const Json& json, const std::string& key, std::vector<double>& norms,
                const Names& names) {
  const Json& tensors = member(json, key);
  for (const auto& name : names) norms.push_back(number_member(tensors, name));
}

// ---- Types as sweep.json names them

std::string type_name(const bool&) { return "boolean"; }
std::string type_name(const std::uint64_t&) { return "count"; }
std::string type_name(const float&) { return "float32"; }
std::string type_name(const double&) { return "float64"; }
template <typename Value>
std::string type_name(const std::optional<Value>&) {
  return "optional " + type_name(Value{});
}
std::string type_name(const Measurement& measured) { return type_name(measured.value); }
std::string type_name(const std::vector<double>&) { return "float64 by tensor"; }

}  // namespace

void append_line(std::string& text, const StepRecord& record,
                 const std::vector<std::string>& tensor_names) {
  const std::size_t begin = text.size();
  for_each_step_column([&](const auto& column) {
    const auto& value = record.*column.member;
    if (!is_in_line(column, value)) return;
    text += column.key.in_line();
    append_value(text, value, tensor_names);
  });
  text[begin] = '{';  // in place of the first comma
  text += "}\n";
}

StepRecord step_record_from_json(const Json& json, const std::vector<std::string>& tensor_names) {
  StepRecord record;
  for_each_step_column([&](const auto& column) {
    const std::string key(column.key.name());
    if (column.presence == ColumnPresence::kAlways || json.contains(key))
      read_value(json, key, record.*column.member, tensor_names);
  });
  return record;
}

Json step_columns_json() {
  const StepRecord record;
  Json types = Json::object();
  for_each_step_column([&](const auto& column) {
    types[std::string(column.key.name())] = type_name(record.*column.member);
  });
  return types;
}

}  // namespace clipsweep
