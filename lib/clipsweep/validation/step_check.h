// The strict reading of one step, and the JSON Schema that asks the same, both from the table of
// columns (step_record.h). The reader is a hundred times faster than a general validator with that
// schema. A test compares the two.
#pragma once

#include <string>
#include <vector>

#include "clipsweep/io/json.h"
#include "clipsweep/records/step_record.h"

namespace clipsweep {

// Reads a step that must have exactly these tensors. Throws DataError that names the key if one is
// missing or unknown, or a value has a wrong type or is out of range.
StepRecord read_strict_step(const Json& json, const std::vector<std::string>& tensor_names);

// The schema of each column, by its key. They refer to definitions of
// lib/schemas/shared.schema.json.
Json step_column_schemas();

// The keys that each step must have.
std::vector<std::string> required_step_columns();

}  // namespace clipsweep
