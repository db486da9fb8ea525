// The JSON Schemas of everything a sweep writes, of advice and of validation, and checking against
// them.
//
// lib/schemas has their templates, which are embedded in the program. A template leaves to the
// program whatever the program has a list of:
//
//   {"$names": "clip_modes"}          in a list: these names
//   "$members": "arm"                 in an object: the members that shared.schema.json (or the
//                                     program, for step_columns) lists under this name; or a list
//   "$each": {"metrics": SCHEMA}      in an object: a member of this schema for each of the names
//
// The definitions of shared.schema.json are part of every schema.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/io/json.h"

namespace clipsweep {

// One file of lib/schemas.
struct SchemaTemplate {
  const char* kind;
  const char* text;
};

const std::vector<SchemaTemplate>& schema_templates();

// `sweep`, `run`, `steps` (the header of a step log), `step`, `through_time` (the header of that
// log), `through_time_step`, `summary`, `cliff` (cliff_N.json of a run), `advice` and `validation`
// (what `clipsweep advise --json` and `clipsweep validate --json` print)
std::vector<std::string> schema_kinds();

// A complete JSON Schema, draft 7. Throws ConfigError that lists the kinds.
const Json& find_schema(std::string_view kind);

// What contradicts a schema, each as "PLACE: what is wrong (found VALUE)"; empty if nothing does.
std::vector<std::string> schema_violations(std::string_view kind, const Json& value);

}  // namespace clipsweep
