// The JSON Schemas of everything a sweep writes (lib/schemas, embedded in the program), and
// checking against them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/io/json.h"

namespace clipsweep {

// One file of lib/schemas: `sweep`, `run`, `steps` (the header of a step log), `step`,
// `through_time` (likewise), `through_time_step`, `summary`.
struct Schema {
  const char* kind;
  const char* text;  // JSON Schema, draft 7
};

const std::vector<Schema>& schemas();

// What contradicts the schema, each as "PLACE: what is wrong (found VALUE)"; empty if nothing does.
std::vector<std::string> schema_violations(std::string_view kind, const Json& value);

}  // namespace clipsweep
