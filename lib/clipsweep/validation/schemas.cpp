#include "clipsweep/validation/schemas.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

using valijson::adapters::NlohmannJsonAdapter;
using Path = std::vector<std::string>;
using ParsedSchemas = std::map<std::string, valijson::Schema, std::less<>>;

ParsedSchemas parsed_schemas() {
  ParsedSchemas parsed;
  for (const auto& schema : schemas()) {
    const nlohmann::json text = nlohmann::json::parse(schema.text);
    valijson::SchemaParser parser;
    parser.populateSchema(NlohmannJsonAdapter(text), parsed[schema.kind]);
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

// valijson reports a bad value, once more for each object and list around it, and once for each
// alternative that the value could have been.
bool repeats(const valijson::ValidationResults::Error& error, const std::vector<Path>& reported) {
  const bool about_child = error.description.find("Failed to validate") == 0;
  const bool about_key = error.description.find("property") != std::string::npos;
  return std::any_of(reported.begin(), reported.end(), [&](const Path& path) {
    return about_child ? begins_with(path, error.context) : path == error.context && !about_key;
  });
}

}  // namespace

std::vector<std::string> schema_violations(std::string_view kind, const Json& value) {
  const nlohmann::json target(value);
  valijson::Validator validator;
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
