// The gradient through time of a run, as plain data, to JSON and back: the lines of
// through_time.jsonl. results/README.md says what each key means.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/json.h"

namespace clipsweep {

inline constexpr const char* kThroughTimeSchema = "clipsweep/through-time-1";

// It is measured at the first step of a run, at every `through_time_every`-th step, and at the
// first steps with an event, up to this many: a run may have thousands of spikes. The step that
// stops a run is always measured.
inline constexpr std::uint64_t kMaxEventSteps = 100;

// One step.
struct ThroughTimeRecord {
  std::uint64_t step = 0;
  std::uint64_t epoch = 0;
  bool event = false;        // whether the step has an event
  std::vector<float> norms;  // [T], of dL/dh_1 to dL/dh_T
};

// Appends one line of through_time.jsonl with its line break.
void append_line(std::string& text, const ThroughTimeRecord& record);

// Accepts exactly what the JSON Schema of a line does. Throws DataError that names the key.
ThroughTimeRecord through_time_record_from_json(const Json& json);

// The first line of through_time.jsonl.
struct ThroughTimeHeader {
  RunSpec run;
  std::uint64_t every = 0;
};

Json to_json(const ThroughTimeHeader& header);
ThroughTimeHeader through_time_header_from_json(const Json& json);

}  // namespace clipsweep
