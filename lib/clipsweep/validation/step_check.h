// The strict reading of one step: what the JSON Schema of a step asks for, a hundred times faster
// than a general validator would ask it. A test holds the two against each other.
#pragma once

#include <string>
#include <vector>

#include "clipsweep/io/json.h"
#include "clipsweep/records/run_record.h"

namespace clipsweep {

// Reads a step whose tensors must be just those named. Throws DataError that names the key on a
// missing or unknown one, a wrong type or a value out of range.
StepRecord read_strict_step(const Json& json, const std::vector<std::string>& tensor_names);

}  // namespace clipsweep
