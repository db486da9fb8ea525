#include "clipsweep/validation/schemas.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "clipsweep/analysis/arms.h"
#include "clipsweep/analysis/comparison.h"
#include "clipsweep/analysis/metrics.h"
#include "clipsweep/base/error.h"
#include "clipsweep/base/memory_reserve.h"
#include "clipsweep/base/text.h"
#include "clipsweep/clipping/clip_rule.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/landscape/cliff.h"
#include "clipsweep/model/initial_scheme.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/validation/step_check.h"

namespace clipsweep {
namespace {

using valijson::adapters::NlohmannJsonAdapter;
using Path = std::vector<std::string>;

// ---- Expanding the templates

constexpr std::string_view kShared = "shared";

template <typename Entries>
std::vector<std::string> names_of(const Entries& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.emplace_back(entry.name);
  return names;
}

// Runs name their cell only where it is not the default.
std::vector<std::string> cells_but_the_default() {
  std::vector<std::string> names = cell_names();
  names.erase(std::remove(names.begin(), names.end(), to_text(CellSetup{}.cell)), names.end());
  return names;
}

// Training settings that can be axes.
std::vector<std::string> axis_names() {
  std::vector<std::string> names;
  for (const auto& setting : setting_table())
    if (setting.may_be_list) names.push_back(setting.key);
  return names;
}

// Earlier versions had no late accuracy.
std::vector<std::string> metrics_of_all_versions() {
  std::vector<std::string> names = names_of(kMetrics);
  names.erase(std::remove(names.begin(), names.end(), entry_of(Metric::kLateTestAccuracy).name),
              names.end());
  return names;
}

std::vector<std::string> names_in_list(const std::string& list) {
  static const std::map<std::string, std::vector<std::string>> kLists = {
      {"actions", names_in(kActions)},
      {"axes", axis_names()},
      {"cells_but_the_default", cells_but_the_default()},
      {"clip_modes", names_of(clip_modes())},
      {"clipping_behaviours", clipping_behaviour_names()},
      {"event_kinds", names_in(kEventKinds)},
      {"cliff_directions", names_in(kCliffDirections)},
      {"metrics", names_of(kMetrics)},
      {"metrics_of_all_versions", metrics_of_all_versions()},
      {"outcomes", names_in(kOutcomes)},
      {"phases", names_in(kPhases)},
      {"predictions", names_in(kPredictions)},
      {"required_step_columns", required_step_columns()},
      {"verdicts", verdict_names()},
  };
  return kLists.at(list);
}

// Expands one template with the members that templates share.
class Expansion {
 public:
  explicit Expansion(const Json& shared) : shared_(shared) {}

  Json expanded(const Json& value) const {
    if (value.is_array()) return expanded_list(value);
    return value.is_object() ? expanded_object(value) : value;
  }

 private:
  Json expanded_list(const Json& list) const {
    Json result = Json::array();
    for (const auto& item : list) {
      if (item.is_object() && item.contains("$names"))
        for (const auto& name : names_in_list(item["$names"])) result.push_back(name);
      else
        result.push_back(expanded(item));
    }
    return result;
  }

  Json expanded_object(const Json& object) const {
    Json result = Json::object();
    for (const auto& [key, value] : object.items()) {
      if (key == "$members" && value.is_array())
        for (const auto& name : value) result.update(expanded(shared_.at(name)));
      else if (key == "$members")
        result.update(expanded(shared_.at(value)));
      else if (key == "$each")
        for (const auto& [list, schema] : value.items())
          for (const auto& name : names_in_list(list)) result[name] = expanded(schema);
      else
        result[key] = expanded(value);
    }
    return result;
  }

  const Json& shared_;
};

using Schemas = std::map<std::string, Json, std::less<>>;

Schemas expanded_schemas() {
  Schemas templates;
  for (const auto& file : schema_templates()) templates[file.kind] = Json::parse(file.text);
  Json shared = templates.at(std::string(kShared));
  shared["step_columns"] = step_column_schemas();
  const Expansion expansion(shared);
  const Json definitions = expansion.expanded(shared["definitions"]);
  Schemas schemas;
  for (const auto& kind : schema_kinds()) {
    Json& schema = schemas[kind];
    schema = expansion.expanded(templates.at(kind));
    for (const auto& [name, definition] : definitions.items())
      schema["definitions"][name] = definition;
  }
  return schemas;
}

const Schemas& schemas() {
  static const Schemas kSchemas = expanded_schemas();
  return kSchemas;
}

// ---- Validating

using ParsedSchemas = std::map<std::string, valijson::Schema, std::less<>>;

ParsedSchemas parsed_schemas() {
  const LackOfMemoryTerminates scope;  // valijson asks for memory with std::nothrow
  ParsedSchemas parsed;
  for (const auto& [kind, schema] : schemas()) {
    const nlohmann::json text(schema);
    valijson::SchemaParser parser;
    parser.populateSchema(NlohmannJsonAdapter(text), parsed[kind]);
  }
  return parsed;
}

const valijson::Schema& parsed_schema(std::string_view kind) {
  static const ParsedSchemas kParsed = parsed_schemas();
  const auto found = kParsed.find(kind);
  if (found == kParsed.end()) throw std::logic_error("schema_violations: unknown kind of schema");
  return found->second;
}

// valijson's steps of a path are "<root>", "[epochs]" and "[0]".
std::string step_name(const std::string& step) { return step.substr(1, step.size() - 2); }

// "PLACE: what is wrong (found VALUE)"
std::string in_words(const valijson::ValidationResults::Error& error, const nlohmann::json& root) {
  std::string place;
  const nlohmann::json* value = &root;
  for (auto step = error.context.begin() + 1; step != error.context.end(); ++step) {
    const std::string name = step_name(*step);
    const bool in_list = value->is_array();
    place += in_list ? fmt::format("[{}]", name) : (place.empty() ? "" : ".") + name;
    value = in_list ? &value->at(std::stoul(name)) : &value->at(name);
  }
  const std::string found =
      value->is_structured() ? "" : fmt::format(" (found {})", printable(value->dump()));
  if (place.empty()) return error.description + found;
  return fmt::format("{}: {}{}", printable(place, 120), error.description, found);
}

bool begins_with(const Path& path, const Path& beginning) {
  return path.size() >= beginning.size() &&
         std::equal(beginning.begin(), beginning.end(), path.begin());
}

// valijson reports a bad value once, then again for each object and list around it and for each
// alternative of its schema.
bool repeats(const valijson::ValidationResults::Error& error, const std::vector<Path>& reported) {
  const bool about_child = error.description.find("Failed to validate") == 0;
  const bool about_key = error.description.find("property") != std::string::npos;
  return std::any_of(reported.begin(), reported.end(), [&](const Path& path) {
    return about_child ? begins_with(path, error.context) : path == error.context && !about_key;
  });
}

}  // namespace

std::vector<std::string> schema_kinds() {
  std::vector<std::string> kinds;
  for (const auto& file : schema_templates())
    if (file.kind != kShared) kinds.emplace_back(file.kind);
  return kinds;
}

const Json& find_schema(std::string_view kind) {
  if (const auto found = schemas().find(kind); found != schemas().end()) return found->second;
  const auto kinds = schema_kinds();
  throw ConfigError(fmt::format("unknown schema \"{}\"{}; allowed: {}", printable(kind),
                                did_you_mean(kind, kinds), join(kinds)));
}

std::vector<std::string> schema_violations(std::string_view kind, const Json& value) {
  const nlohmann::json target(value);
  static thread_local valijson::Validator validator;  // it keeps the regular expressions of patterns
  valijson::ValidationResults results;
  std::vector<std::string> violations;
  if (validator.validate(parsed_schema(kind), NlohmannJsonAdapter(target), &results))
    return violations;
  std::vector<Path> reported;
  for (const auto& error : results) {
    if (repeats(error, reported)) continue;
    reported.push_back(error.context);
    violations.push_back(in_words(error, target));
  }
  return violations;
}

}  // namespace clipsweep
