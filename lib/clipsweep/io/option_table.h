// Tables of options: each row names one member of a plain struct, and how it is read from a text
// and written as JSON. The flags, the keys of sweep files, the help and the checks come from such
// rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "clipsweep/base/parse_values.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/json.h"

namespace clipsweep {

// A flag as a key: `_` for `-`.
inline std::string key_of_flag(std::string_view flag) {
  std::string key(flag);
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

// An option's flag, without the dashes, and its key in JSON and TOML: by default the flag with `_`
// for `-`.
struct OptionName {
  OptionName(const char* name) : flag(name), key(key_of_flag(name)) {}
  OptionName(const char* name, const char* json_key) : flag(name), key(json_key) {}

  std::string flag;
  std::string key;
};

// One row of a table of options.
template <typename Settings>
struct OptionEntry {
  std::string flag;
  std::string key;
  std::string value_name;  // in the help; empty: the flag takes no value and means `true`
  std::string help;
  // Reads and checks. Throws ConfigError that says what is allowed, without the place.
  std::function<void(Settings&, std::string_view)> assign;
  std::function<Json(const Settings&)> value;
  // What the shell offers as a value, or as an item of a list; empty if values have no names.
  std::vector<std::string> names = {};
  // Whether the user may give a LIST of values, which are then an axis of the sweep.
  bool may_be_list = false;
};

// ---- Values as JSON -----------------------------------------------------------------------------
// Numbers, truth values, texts and lists of these are written as they are, other types by their
// `to_text`.

template <typename Value>
Json option_json(const Value& value) {
  if constexpr (std::is_floating_point_v<Value>)
    return json_number(value);
  else if constexpr (std::is_arithmetic_v<Value> || std::is_same_v<Value, std::string>)
    return value;
  else
    return to_text(value);
}

template <typename Value>
Json option_json(const std::optional<Value>& value) {
  return value ? option_json(*value) : Json(nullptr);
}

template <typename Value>
Json option_json(const std::vector<Value>& values) {
  Json array = Json::array();
  for (const auto& value : values) array.push_back(option_json(value));
  return array;
}

// ---- Rows ---------------------------------------------------------------------------------------
// Each function makes one row of a table.

// A member that `parse` reads from a text and `print` writes as JSON, from all settings.
template <typename Settings, typename Value, typename Parse, typename Print>
OptionEntry<Settings> option(const OptionName& name, const char* value_name,
                             Value Settings::*member, const Parse& parse, std::string help,
                             const Print& print) {
  return {name.flag,
          name.key,
          value_name,
          std::move(help),
          [=](Settings& settings, std::string_view text) { settings.*member = parse(text); },
          print};
}

// A member that is written as it is.
template <typename Settings, typename Value, typename Parse>
OptionEntry<Settings> option(const OptionName& name, const char* value_name,
                             Value Settings::*member, const Parse& parse, std::string help) {
  return option(name, value_name, member, parse, std::move(help),
                [=](const Settings& settings) { return option_json(settings.*member); });
}

template <typename Value>
struct WithoutOptional {
  using Type = Value;
};
template <typename Value>
struct WithoutOptional<std::optional<Value>> {
  using Type = Value;
};

// A whole number from `min` to `max`, both included.
template <typename Settings, typename Value>
OptionEntry<Settings> whole(const OptionName& name, Value Settings::*member, std::uint64_t min,
                            std::uint64_t max, std::string help) {
  using Number = typename WithoutOptional<Value>::Type;
  const auto parse = [=](std::string_view text) {
    return static_cast<Number>(parse_whole(text, min, max));
  };
  return option(name, "N", member, parse, std::move(help));
}

// A flag without a value.
template <typename Settings>
OptionEntry<Settings> toggle(const OptionName& name, bool Settings::*member, std::string help) {
  return option(name, "", member, parse_switch, std::move(help));
}

// The same row, with names that the shell offers.
template <typename Settings>
OptionEntry<Settings> with_names(OptionEntry<Settings> row, std::vector<std::string> names) {
  row.names = std::move(names);
  return row;
}

// The same row, of which the user may give a LIST of values.
template <typename Settings>
OptionEntry<Settings> listed(OptionEntry<Settings> row) {
  row.value_name = "LIST";
  row.may_be_list = true;
  return row;
}

// One of several names, which the help lists; as text.
template <typename Settings>
OptionEntry<Settings> choice(const char* name, std::string Settings::*member,
                             const std::vector<std::string>& names, const std::string& help) {
  const auto parse = [=](std::string_view text) { return parse_name(name, text, names); };
  return with_names(option(name, "NAME", member, parse, help + ": " + join(names)), names);
}

// The row of a struct that is a member of another.
template <typename Outer, typename Inner>
OptionEntry<Outer> within(Inner Outer::*member, const OptionEntry<Inner>& row) {
  return {row.flag,
          row.key,
          row.value_name,
          row.help,
          [=, assign = row.assign](Outer& outer, std::string_view text) {
            assign(outer.*member, text);
          },
          [=, value = row.value](const Outer& outer) { return value(outer.*member); },
          row.names,
          row.may_be_list};
}

// A row that applies to some of the choices of an enum only, such as to some modes.
template <typename Settings, typename Choice>
struct SpecificOption : OptionEntry<Settings> {
  std::vector<Choice> choices;

  bool applies_to(Choice choice) const {
    return std::count(choices.begin(), choices.end(), choice) > 0;
  }
  // `sgd, rmsprop`
  std::string choice_names() const {
    std::vector<std::string> texts;
    for (const Choice choice : choices) texts.emplace_back(to_text(choice));
    return join(texts);
  }
};

}  // namespace clipsweep
