// The first line of a log: which file it is, and of which run.
#pragma once

#include <string>
#include <vector>

#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/json.h"

namespace clipsweep {

inline constexpr const char* kStepsSchema = "clipsweep/steps-1";

// What the first lines of all logs begin with.
Json log_header(const char* schema, const RunSpec& run);
// The run that a log with this first line is of. Throws DataError if its schema is another one.
RunSpec run_of_log_header(const Json& header, const char* schema);

// The first line of steps.jsonl.
struct StepLogHeader {
  RunSpec run;
  int log_every = 1;
  std::vector<std::string> tensor_names;
  std::vector<std::vector<int>> tensor_shapes;
};

Json to_json(const StepLogHeader& header);
// Throws DataError that names the key.
StepLogHeader step_log_header_from_json(const Json& json);

}  // namespace clipsweep
